"""RE2 finds the same matches as `re`, at the same positions."""

import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rulebook.syntax import UnsupportedError, is_nullable, parse
from rulebook.translation import programs
from service.apps.deidentify.engine import rules
from service.apps.deidentify.engine.patterns.matching import Finder, Finders, Text
from tests.support.notes import notes
from tests.support.patterns import PATTERNS, TEXTS

MESS = st.text(st.sampled_from("aB1_- .\n\u00e9\u0663\u201c\u017f\u0130"), max_size=3)


@pytest.fixture(scope="session")
def patterns() -> list["re.Pattern[str]"]:
    """philter-lite's patterns."""
    return [re.compile(rule.pattern) for rule in rules.load().rules if rule.pattern]


@pytest.fixture(scope="session")
def finders() -> Finders:
    """Finders for philter-lite's patterns."""
    return Finders.of(rule.programs for rule in rules.load().rules if rule.programs)


def found(pattern: "re.Pattern[str]", text: str) -> list[tuple[int, int]]:
    """Return the spans that `re` finds."""
    return [match.span() for match in pattern.finditer(text)]


@given(notes())
@settings(max_examples=40, database=None, suppress_health_check=list(HealthCheck))
def test_each_pattern_finds_the_same(finders: Finders, patterns: list["re.Pattern[str]"], note: str) -> None:
    """In a random note, each of philter-lite's patterns finds the same with RE2 as with `re`."""
    assert finders.find(Text(note)) == [found(pattern, note) for pattern in patterns]


@given(st.data())
@settings(max_examples=75, database=None, suppress_health_check=list(HealthCheck))
def test_it_finds_the_same_in_texts_made_for_it(
    finders: Finders, patterns: list["re.Pattern[str]"], data: st.DataObject
) -> None:
    """The texts consist of matches of one pattern and other characters between them."""
    number = data.draw(st.integers(0, len(patterns) - 1))
    match = st.from_regex(patterns[number], alphabet=st.characters(max_codepoint=0x17F))
    text = "".join(data.draw(st.lists(st.one_of(match, MESS), min_size=1, max_size=4)))

    assert finders.finders[number].find(Text(text)) == found(patterns[number], text)


@given(PATTERNS.map(re.compile), st.lists(TEXTS, min_size=1, max_size=5))
@settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck))
def test_patterns_that_nobody_wrote(pattern: "re.Pattern[str]", texts: list[str]) -> None:
    """Random patterns from the syntax that philter-lite uses. Its next version may have any of them."""
    assume(not is_nullable(parse(pattern)))
    finder = Finder(programs(pattern))

    assert [finder.find(Text(text)) for text in texts] == [found(pattern, text) for text in texts]


@pytest.mark.parametrize(
    "pattern", [r"(?!.*a)[b-d]", r"(?!\d+b)\w", "(?!b+c|c+d)[a-d]", "(?!b*c)(?!.*1)[bd]", "(?!a+)[ab]"]
)
@given(st.text(st.sampled_from("aabbccd11\n"), max_size=12))
@settings(max_examples=100, database=None)
def test_what_must_not_follow_after_a_run(pattern: str, text: str) -> None:
    """Positions that a run rules out are skipped correctly, in one run and in the next."""
    compiled = re.compile(pattern)

    assert Finder(programs(compiled)).find(Text(text)) == found(compiled, text)


@pytest.mark.parametrize("pattern", ["a*", r"\b", "(a|)", "(?=a)"])
def test_a_pattern_that_may_match_nothing_is_refused(pattern: str) -> None:
    """`finditer` has special rules for empty matches, and no filter has such a pattern."""
    with pytest.raises(UnsupportedError, match="a match of nothing"):
        programs(re.compile(pattern))


@pytest.mark.parametrize(
    ("needed", "text", "matches"),
    [
        ("a1", "A1", [(0, 2)]),
        ("a1", "b1", []),
        ("K", "\u212a", [(0, 1)]),
        ("march", "on MARCH", [(3, 8)]),
        ("march", "marc", []),
    ],
    ids=["there", "not there", "there in other letters", "a long one", "a long one in part"],
)
def test_patterns_without_their_words_are_passed_over(needed: str, text: str, matches: list[tuple[int, int]]) -> None:
    """Other patterns are not skipped, even if the text has a word in characters that `re` considers the same."""
    finders = Finders.of([programs(re.compile(needed, re.IGNORECASE))])

    assert [finder.needs for finder in finders.finders] == [{needed.lower()}]
    assert finders.find(Text(text)) == [matches]
