"""What of a note is masked, and that philter-lite's own answer is to be had."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.apps.deidentify.engine.engine import Engine, Options
from service.apps.deidentify.engine.replacement import Numbering
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.tagging import RuleTagger
from tests.support import philter
from tests.support.notes import BEYOND, PLAIN, notes

TAGGER = RuleTagger()


@pytest.mark.parametrize("gold", [pytest.param(gold, id=gold.name) for gold in philter.bundled()])
def test_compat_is_philter_lites_answer_for_its_own_notes(engine: Engine, gold: philter.Gold) -> None:
    """Byte for byte."""
    assert engine.deidentify(gold.text, compat=True).text == philter.asterisks(gold.text, TAGGER)


@given(notes())
@settings(max_examples=200, database=None, suppress_health_check=list(HealthCheck))
def test_compat_is_philter_lites_answer_for_any_note(engine: Engine, note: str) -> None:
    """Byte for byte, with characters beyond ASCII too."""
    assert engine.deidentify(note, compat=True).text == philter.asterisks(note, TAGGER)


@given(notes())
@settings(max_examples=100, database=None, suppress_health_check=list(HealthCheck))
def test_the_spans_are_all_that_changes(engine: Engine, note: str) -> None:
    """With asterisks the length stays, spans are apart and in order, and outside of them is nothing new."""
    result = engine.deidentify(note)

    assert len(result.text) == len(note) == result.length
    place = 0
    for span in result.spans:
        assert place <= span.start < span.end
        assert (span.out_start, span.out_end) == (span.start, span.end)
        assert result.text[place : span.start] == note[place : span.start]
        assert "*" in result.text[span.start : span.end]
        place = span.end
    assert result.text[place:] == note[place:]
    assert sum(result.counts.values()) == len(result.spans)


@given(notes())
@settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
def test_other_replacements_leave_the_same_rest(engine: Engine, note: str) -> None:
    """Tags stand where the spans say, and what is between them is what is between the spans."""
    result = engine.deidentify(note, replacement="numbered")

    for before, after in zip([None, *result.spans], [*result.spans, None], strict=True):
        start, out_start = (before.end, before.out_end) if before else (0, 0)
        stop, out_stop = (after.start, after.out_start) if after else (len(note), len(result.text))
        assert result.text[out_start:out_stop] == note[start:stop]


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "replacement": st.sampled_from(["asterisk", "tag", "numbered", "remove"]),
        "compat": st.booleans(),
        "allow": st.lists(st.text(max_size=4), max_size=3),
        "deny": st.lists(st.text(max_size=4), max_size=3),
        "date_shift_days": st.integers(-40_000, 40_000),
    },
)


@given(st.lists(st.one_of(st.text(), st.sampled_from([*PLAIN, *BEYOND])), max_size=8).map("".join), OPTIONS)
@settings(max_examples=200, database=None, suppress_health_check=list(HealthCheck))
def test_any_text_has_an_answer(engine: Engine, text: str, options: Options) -> None:
    """With any options; a span lies where it says, in the text and in the answer."""
    options["language"] = "any"
    result = engine.deidentify(text, **options)

    assert result.length == len(text)
    for span in result.spans:
        assert 0 <= span.start < span.end <= len(text)
        assert 0 <= span.out_start <= span.out_end <= len(result.text)


def test_nearly_all_is_found_in_the_bundled_notes(engine: Engine) -> None:
    """All 46 spans; of a hundred masked words six at most are no identifier's."""
    whole = true = false = 0
    for gold in philter.bundled():
        text = engine.deidentify(gold.text).text
        identifying = bytearray(len(gold.text))
        for start, stop in gold.spans:
            identifying[start:stop] = b"\1" * (stop - start)
            whole += not any(letter.isalnum() for letter in text[start:stop])
        for start, stop in words(gold.text):
            if "*" in text[start:stop]:
                true += any(identifying[start:stop])
                false += not any(identifying[start:stop])

    assert whole == 46
    assert true == 96
    assert true / (true + false) >= 0.94


def words(text: str) -> list[tuple[int, int]]:
    """The spans of a text's words."""
    from service.apps.deidentify.engine.completion import WORD  # noqa: PLC0415 - what a word is, is said there

    return [match.span() for match in WORD.finditer(text)]


@pytest.mark.parametrize(
    ("note", "masked"),
    [
        pytest.param("José Núñez called", "**** ***** called", id="accents"),
        pytest.param("Nu\u0301n\u0303ez called", "******* called", id="accents of their own"),
        pytest.param("Sm\u00adith called", "****** called", id="a soft hyphen within"),
        pytest.param("Müller and 张伟 and Иван Петров", "****** and ** and **** ******", id="any script"),
        pytest.param("\uff2a\uff4f\uff48\uff4e called", "**** called", id="full-width letters"),
        pytest.param("“John” it\u2019s", "“****” it\u2019s", id="curly quotes"),
        pytest.param("Patient ID: 1234-1234 x", "Patient ID: ****-**** x", id="half a number"),
        pytest.param("HT1234-7890 seen", "******-**** seen", id="half an identifier"),
        pytest.param("Villegas-Pain left", "********-**** left", id="half a double name"),
        pytest.param("at 1234 W 45TH STREET", "at **** * **** ******", id="a numbered street"),
        pytest.param("a 95-year-old man", "a **-year-old man", id="a great age"),
        pytest.param("thanks to Dr. church", "thanks to Dr. ******", id="a doctor in lower case"),
        pytest.param("5 µg of TNF-\u03b1", "5 µg of TNF-\u03b1", id="units and terms stay"),
    ],
)
def test_the_default_masks_what_philter_lite_leaves(engine: Engine, note: str, masked: str) -> None:
    """Where philter-lite leaves a name, or a part of an identifier, we do not."""
    assert engine.deidentify(note).text == masked


SCRIPTS = ["\u0391\u03c9", "\u0410\u044f", "\u05d0\u05ea", "\u0e01\u0e33", "\u4e00\u9fff", "\uac00\ud7a3"]


@given(
    st.sampled_from(SCRIPTS).flatmap(
        lambda ends: st.text(
            st.characters(min_codepoint=ord(ends[0]), max_codepoint=ord(ends[1]), categories=["L"]), min_size=2
        )
    )
)
@settings(database=None)
def test_nothing_is_left_of_a_word_in_another_script(engine: Engine, word: str) -> None:
    """Greek, Cyrillic, Hebrew, Thai, Chinese, Korean; whatever its letters are made of."""
    assert engine.deidentify(f"seen {word} today").text == f"seen {'*' * len(word)} today"


def test_compat_leaves_what_philter_lite_leaves(engine: Engine) -> None:
    """The additions above are not in its answer."""
    assert engine.deidentify("Müller, ID: 1234-1234 x", compat=True).text == "Müller, ID: ****-1234 x"


def test_each_part_says_what_it_was(engine: Engine) -> None:
    """As finely as the rule that matched can tell."""
    result = engine.deidentify("Seen 12/03/2019 by Dr. Smith, call 555-123-4567, MRN 1234567.", replacement="tag")

    assert result.text == "Seen [DATE] by Dr. [NAME], call [CONTACT], MRN [ID]."
    assert result.counts == {Kind.DATE: 1, Kind.NAME: 1, Kind.CONTACT: 1, Kind.ID: 1}


def test_the_same_text_gets_the_same_number_within_a_batch(engine: Engine) -> None:
    """In a note, and in the next with the same numbering."""
    numbering = Numbering()

    first = engine.deidentify("Dr. Smith and Dr. Villegas and Dr. SMITH", replacement="numbered", numbering=numbering)
    second = engine.deidentify("Dr. Villegas", replacement="numbered", numbering=numbering)

    assert first.text == "Dr. [NAME_1] and Dr. [NAME_2] and Dr. [NAME_1]"
    assert second.text == "Dr. [NAME_2]"


def test_a_name_in_capitals_that_owns_something(engine: Engine) -> None:
    """Has the number that it has alone, though all of it is masked."""
    found = engine.deidentify("DR. SMITH'S PLAN. DR. SMITH CAME.", replacement="numbered", language="any")

    assert found.text == "DR. [NAME_1] PLAN. DR. [NAME_1] CAME."


def test_dates_move_or_are_masked(engine: Engine) -> None:
    """Those with a year move; those without are masked."""
    result = engine.deidentify("Seen 12/03/2019, again 3/4.", date_shift_days=30, date_order="mdy")

    assert result.text == "Seen 01/02/2020, again */*."


def test_a_caller_may_allow_and_deny(engine: Engine) -> None:
    """Whole words only, whatever their case; what is denied is denied even where it is allowed."""
    text = "Smith and Villegas have pneumonia."

    assert engine.deidentify(text, allow=["smith"]).text == "Smith and ******** have pneumonia."
    assert engine.deidentify(text, deny=["PNEUMONIA"]).text == "***** and ******** have *********."
    assert engine.deidentify(text, deny=["pneu"]).text == "***** and ******** have pneumonia."
    assert engine.deidentify(text, allow=["Smith"], deny=["Smith"]).text == "***** and ******** have pneumonia."


@pytest.mark.parametrize("note", ["", " ", "\n\n", "\ufeff", "\u0301", "*", "😀"])
def test_nothing_to_mask_is_no_trouble(engine: Engine, note: str) -> None:
    """Empty and odd notes come back as they are."""
    assert engine.deidentify(note).text == note
    assert engine.deidentify(note, compat=True).text == note


def test_the_engine_says_whose_rules_and_which_tagger(engine: Engine) -> None:
    """For answers to carry."""
    assert (engine.about.name, engine.about.rules, engine.about.tagger) == (
        "philter-lite",
        "philter_delta.toml",
        "rules",
    )


def test_a_result_does_not_show_its_text(engine: Engine) -> None:
    """Not even masked, where it might end up in a log."""
    assert "pneumonia" not in repr(engine.deidentify("Smith has pneumonia."))


def test_threads_get_the_same_answers(engine: Engine) -> None:
    """After loading nothing is shared but what is never written."""
    texts = [gold.text for gold in philter.bundled()]
    expected = [engine.deidentify(text).text for text in texts]
    answers: list[list[str]] = []

    threads = [
        threading.Thread(target=lambda: answers.append([engine.deidentify(text).text for text in texts]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [expected] * 4
