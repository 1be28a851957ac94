"""Letters beyond ASCII are read as their Latin ones, place for place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.deidentify.folding import fold, foreign, without_marks


@given(st.text())
def test_each_character_has_one_of_ascii(text: str) -> None:
    """So that places are those of the text; ASCII stays, and to fold again changes nothing."""
    folded = fold(text)

    assert folded.isascii()
    assert len(folded) == len(text)
    assert fold(folded) == folded
    assert all(new == old for new, old in zip(folded, text, strict=True) if old.isascii())


@given(st.characters(exclude_categories=["Cs"]))
def test_a_letter_stays_a_letter_and_a_digit_a_digit(character: str) -> None:
    """And what is neither becomes neither: else a rule would see words where there are none."""
    folded = fold(character)

    assert folded.isalnum() == (character.isalnum() or folded == "u")
    if character.isdecimal():
        assert int(folded) == int(character)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        pytest.param("José Núñez", "Jose Nunez", id="accents"),
        pytest.param("Łukasz Ørsted", "Lukasz Orsted", id="letters with a stroke"),
        pytest.param("\uff2a\uff4f\uff48\uff4e", "John", id="full width"),
        pytest.param("\u017fmith", "smith", id="long s"),
        pytest.param("it\u2019s “so”", 'it\'s "so"', id="quotes"),
        pytest.param("5\u20136\u00a0days", "5-6 days", id="dashes and spaces"),
        pytest.param("Иван ЮЛИЯ", "Qqqq QQQQ", id="another script, its case kept"),
        pytest.param("张伟", "qq", id="a script without case"),
        pytest.param("٣٤", "34", id="digits"),
        pytest.param("µg", "ug", id="micro"),
        pytest.param("a…b", "a.b", id="dots"),
        pytest.param("😀", "~", id="what no rule knows"),
        pytest.param("a\x85b\u2028c", "a\nb\nc", id="ends of lines"),
    ],
)
def test_what_the_rules_see(text: str, folded: str) -> None:
    """In a note written by people."""
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("Dr. Müller", [], id="Latin letters with a mark"),
        pytest.param("张伟 was", ["张伟"], id="another script"),
        pytest.param("von Илл9 to", ["Илл9"], id="with a digit"),
        pytest.param("aИb", ["aИb"], id="one such letter in a word"),
        pytest.param("TNF-\u03b1, 5\u03bcg", [], id="a lone Greek letter"),
        pytest.param("\u03b1\u03b2", ["\u03b1\u03b2"], id="two of them"),
        pytest.param("\u0414", ["\u0414"], id="a lone letter of another script"),
        pytest.param("_张_", ["张"], id="beside what is no letter"),
        pytest.param("plain", [], id="ASCII"),
    ],
)
def test_words_of_other_scripts(text: str, words: list[str]) -> None:
    """Are in no list; a lone Greek letter is a unit or a term."""
    assert [text[start:stop] for start, stop in foreign(text)] == words


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param("Nu\u0301n\u0303ez", "Nunez", id="accents of their own"),
        pytest.param("Sm\u00adith", "Smith", id="a soft hyphen"),
        pytest.param("\ufeffJo\u200bhn", "John", id="invisible characters"),
    ],
)
def test_marks_do_not_cut_a_word(text: str, plain: str) -> None:
    """What is left are the places of all else."""
    places = without_marks(text)

    assert places is not None
    assert "".join(text[place] for place in places) == plain


@pytest.mark.parametrize("text", ["", "plain", "José", "张伟"])
def test_a_text_without_marks_is_left_alone(text: str) -> None:
    """Which saves most notes the trouble."""
    assert without_marks(text) is None
