"""A note cut into words."""

from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine import lexicon
from service.apps.deidentify.engine.reading import DIGITS, LOWER, MIXED, TITLE, UPPER, read


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_words_and_gaps_are_the_text(text: str) -> None:
    """Nothing is lost, and offsets are those of the text."""
    reading = read(text, lexicon.load(frozenset()))
    cut = reading.head + "".join(
        text[start:stop] + gap for start, stop, gap in zip(reading.starts, reading.stops, reading.gaps, strict=True)
    )

    assert cut == text
    assert [text[start:stop].lower() for start, stop in zip(reading.starts, reading.stops, strict=True)] == list(
        reading.words
    )


def test_how_words_are_written() -> None:
    """In small letters, with a capital, in capitals, in digits, in a mixture."""
    assert list(read("ab Ab AB A 12 a1 aB", lexicon.load(frozenset())).shapes) == [
        LOWER,
        TITLE,
        UPPER,
        TITLE,
        DIGITS,
        MIXED,
        MIXED,
    ]
