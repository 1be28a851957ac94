"""A caller's own words, where they stand in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.lists import places

TEXTS = st.text(st.sampled_from("abB1 -'.é\u0130ß"), max_size=20)
WORDS = st.lists(st.text(st.sampled_from("abB1 -'.é\u0130ß"), max_size=4), max_size=5)


def whole(text: str, start: int, stop: int) -> bool:
    """Whether no word runs across the ends of this part."""
    return not any(
        0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum() for place in (start, stop)
    )


@given(TEXTS, WORDS)
def test_every_whole_word_is_found(text: str, words: list[str]) -> None:
    """In any case of its letters, though it overlaps another."""
    known = {word.strip() for word in words} - {""}
    expected = {
        place
        for word in known
        for start in range(len(text))
        for stop in [start + len(word)]
        if stop <= len(text) and whole(text, start, stop)
        if all(one == other or one.lower() == other.lower() for one, other in zip(text[start:stop], word, strict=True))
        for place in range(start, stop)
    }

    assert {place for start, stop in places(text, words) for place in range(start, stop)} == expected


@given(TEXTS, WORDS)
def test_places_are_apart_and_in_order(text: str, words: list[str]) -> None:
    """So that what is done with them takes no longer for words that overlap."""
    found = [place for pair in places(text, words) for place in range(*pair)]

    assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        pytest.param("Smith, SMITH", ["smith"], ["Smith", "SMITH"], id="any case"),
        pytest.param("Smithson asmith", ["smith"], [], id="whole words only"),
        pytest.param("Mary Ann Smith", ["mary ann", "ann smith"], ["Mary Ann Smith"], id="words that overlap"),
        pytest.param("St. Mary", ["st."], ["St."], id="an end that is no letter"),
        pytest.param("x-ray", ["-"], ["-"], id="no letter at all"),
        pytest.param("\u0130zmir", ["\u0130ZMIR"], ["\u0130zmir"], id="a letter whose lower case is two"),
        pytest.param("a b", ["", " "], [], id="words of no character"),
        pytest.param("a]b^c", ["]", "^"], ["]", "^"], id="what means something in a pattern"),
        pytest.param("", ["a"], [], id="no text"),
    ],
)
def test_what_is_found(text: str, words: list[str], expected: list[str]) -> None:
    """By example."""
    assert [text[start:stop] for start, stop in places(text, words)] == expected


def test_words_that_overlap_themselves_are_one_place() -> None:
    """However often they do."""
    text = "a " * 20_000 + "a"

    assert places(text, ["a " * number + "a" for number in range(100)]) == [(0, len(text))]
