"""The operator's own rules."""

import hashlib
from time import process_time

import pytest

from service.apps.deidentify.engine import own
from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.tagging import RuleTagger
from service.apps.deidentify.errors import RulesRefusedError

RULES = """
keep = ["Zorblatt", "Ward Grey", "Foley", "QRS-4821"]

[mask]
LOCATION = ["the annex", "Café Blau"]
OTHER = ["lemon"]

[[pattern]]
name = "study"
type = "ID"
pattern = 'study (\\d{2}[a-z]?)'
meaning = "Numbers of our studies."

[[pattern]]
name = "desk"
type = "ORGANIZATION"
pattern = 'QZ[a-z]+'
minds_case = true
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    """One with these rules."""
    return Engine.load(RuleTagger(), own_rules=RULES)


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("In study 12b since then.", "In study [ID] since then."),
        ("IN STUDY 12B SINCE THEN.", "IN STUDY [ID] SINCE THEN."),
        ("Asked the QZdesk, not the qzdesk.", "Asked the [ORGANIZATION], not the [OTHER]."),
        ("Moved to the annex and to the Cafe\u0301 blau.", "Moved to [LOCATION] and to the [LOCATION]."),
        ("A lemon, lemonade.", "A [OTHER], lemonade."),
        ("The Zorblatt sign is positive.", "The Zorblatt sign is positive."),
        ("THE ZORBLATT SIGN IS POSITIVE.", "THE ZORBLATT SIGN IS POSITIVE."),
        ("Talked to ward grey about it.", "Talked to ward grey about it."),
    ],
)
def test_what_they_say_is_done(engine: Engine, note: str, expected: str) -> None:
    """Patterns and words are masked with their type, in any letter case and with other accents; words stay."""
    assert engine.deidentify(note, replacement="tag").text == expected


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("Seen by Dr. Zorblatt today.", "Seen by Dr. [NAME] today."),
        ("MRN: QRS-4821", "MRN: [ID]"),
        ("Write to zorblatt@example.org.", "Write to [CONTACT]."),
        ("Her daughter Foley called.", "Her daughter [NAME] called."),
    ],
)
def test_a_word_that_stays_is_masked_where_a_rule_has_a_reason(engine: Engine, note: str, expected: str) -> None:
    """A label, a title, a role or an address speak for a person, whatever the word is."""
    assert engine.deidentify(note, replacement="tag").text == expected


def test_spans_and_answers_name_them(engine: Engine) -> None:
    """Each rule under its name, and the file by its hash."""
    result = engine.deidentify("In study 12 at the annex, a lemon.")

    assert [(span.type, span.rule) for span in result.spans] == [
        (Kind.ID, "own.study"),
        (Kind.LOCATION, "own.mask"),
        (Kind.OTHER, "own.mask"),
    ]
    assert engine.about.rules == f"philter_delta.toml+{hashlib.sha256(RULES.encode()).hexdigest()[:16]}"
    told = {each.rule: each for each in engine.contents.rules}
    assert told["own.study"].meaning == "Numbers of our studies."
    assert not told["own.keep"].masks


def test_compat_does_not_know_them(engine: Engine) -> None:
    """There philter-lite's answer is wanted, and nothing else."""
    note = "In study 12, the Zorblatt sign, the annex, a lemon."

    assert engine.deidentify(note, compat=True).text == "In study 12, the ******** sign, the annex, a lemon."


def test_callers_words_go_before_them(engine: Engine) -> None:
    """`allow` and `deny` are about one note, which the operator did not know."""
    result = engine.deidentify("A lemon, the Zorblatt sign.", allow=["lemon"], deny=["zorblatt"], replacement="tag")

    assert result.text == "A lemon, the [OTHER] sign."


PATTERN = '[[pattern]]\nname = "{}"\ntype = "{}"\npattern = \'{}\'\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nkeep = [}", r"no TOML.*line 2"),
        ("# mine\nstay = []", r"line 2: `stay` is none of pattern, mask, keep"),
        ('\nkeep = "x"', r"line 2: `keep` is not a list"),
        ('keep = ["x", 3]', r"line 1: `keep` has an entry that is no word"),
        ('keep = ["x",\n "Иван"]', r"line 2: `keep` has a word in another script"),
        ("mask = []", r"line 1: `mask` is not a table of types"),
        ('[mask]\nNAMES = ["x"]', r"line 2: `NAMES` is none of the types DATE"),
        ("pattern = 3", r"line 1: `pattern` is not a table"),
        (PATTERN.format("a", "ID", "x") + PATTERN.format("b", "IDS", "x"), r"line 7: `IDS` is none of the types"),
        (PATTERN.format("a", "ID", "x") + "[[pattern]]\n", r"line 5: this pattern has no name and no type and no pat"),
        (PATTERN.format("a", "ID", "x") + PATTERN.format("a", "ID", "y"), r"line 6: the name `a` is taken"),
        (PATTERN.format("mask", "ID", "x"), r"line 2: the name `mask` is taken"),
        (PATTERN.format("A b", "ID", "x"), r"line 2: the name 'A b' is not made of small letters"),
        (PATTERN.format("a", "ID", "(x"), r"line 4: RE2 does not take the pattern of `a`: missing \)"),
        (PATTERN.format("a", "ID", r"(x)\\1"), r"line 4: RE2 does not take the pattern of `a`: invalid escape"),
        (PATTERN.format("a", "ID", "x(?=y)"), r"line 4: RE2 does not take the pattern of `a`"),
        (PATTERN.format("a", "ID", "(x{1000}){1000}"), r"line 4: RE2 does not take the pattern of `a`"),
        (PATTERN.format("a", "ID", "Müller"), r"line 4: a pattern has up to 2000 characters of ASCII"),
        (PATTERN.format("a", "ID", "x") + "colour = 1", r"line 5: `colour` is none of name"),
        (PATTERN.format("a", "ID", "x") + 'minds_case = "no"', r"line 5: `minds_case` must be a bool"),
        ("# " + "x" * own.LARGEST, "more than 1000000 bytes"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    """Before any note is read."""
    with pytest.raises(RulesRefusedError, match=rf"(?s){said}"):
        own.read(text.replace(r"\\1", r"\1"))


def test_patterns_that_hang_others() -> None:
    """RE2 takes time that grows with the text, for patterns that take re for ever."""
    text = "".join(
        PATTERN.format(f"p{number}", "ID", pattern)
        for number, pattern in enumerate(["(a+)+$", "(a|aa)+b", "([a-z]+)*1", "(.*)*z", r"(\\w+\\s?)+!"])
    ).replace("\\\\", "\\")
    rules = own.read(text)
    began = process_time()

    assert list(rules.find("a" * 20_000 + "-")) == []
    assert process_time() - began < 20  # of its own work; re would take longer than anybody lives
