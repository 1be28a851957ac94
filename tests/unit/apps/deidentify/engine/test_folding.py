"""Tests of replacing each non-ASCII character by one ASCII character."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine import folding
from service.apps.deidentify.engine.folding import bare, fold, foreign, without_marks


@given(st.text())
def test_each_character_has_one_of_ascii(text: str) -> None:
    """Offsets stay those of the text. ASCII characters stay, and folding twice changes nothing more."""
    folded = fold(text)

    assert folded.isascii()
    assert len(folded) == len(text)
    assert fold(folded) == folded
    assert all(new == old for new, old in zip(folded, text, strict=True) if old.isascii())


def test_letters_and_digits_stay_such_and_nothing_else_becomes_one() -> None:
    """Only letters and digits are masked. So in all of Unicode, a character is alphanumeric before and after, or never.

    The exceptions are an apostrophe that Unicode counts as a letter, and symbols that depict letters.
    """
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    others = {one for one in characters if fold(one).isalnum() != one.isalnum()} - {"\u02bc"}

    assert all(re.search("LATIN|REGIONAL|BRAILLE", unicodedata.name(one)) for one in others)
    assert all(fold(one).isalnum() for one in others)


@given(st.characters(categories=["Nd"]))
def test_a_digit_is_the_digit_that_it_stands_for(character: str) -> None:
    """The rules then see the number."""
    assert int(fold(character)) == int(character)


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
        pytest.param("\u24bf\U0001f17e\U0001f1ed\u24a9", "JOHn", id="pictures of letters"),
        pytest.param("\u281a", "q", id="Braille"),
        pytest.param("Acme™ №", "Acme~ ~", id="symbols made of letters"),
        pytest.param("\u2474\u2460\u00bd", "011", id="numbers that are no digits"),
        pytest.param("\u0e04\u0e33", "qq", id="a vowel that is written as a mark"),
        pytest.param("a\x85b\u2028c", "a\nb\nc", id="ends of lines"),
    ],
)
def test_what_the_rules_see(text: str, folded: str) -> None:
    """Examples of characters that people write in notes."""
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
    """Words with letters that are not Latin are found, except for a lone Greek letter, which is a unit or a term."""
    assert [text[start:stop] for start, stop in foreign(text)] == words


@given(st.text())
def test_only_words_with_letters_beyond_ascii_are_foreign(text: str) -> None:
    """This holds for random Unicode text, even for letters that stand for several letters."""
    for start, stop in foreign(text):
        assert text[start:stop].isalnum()
        assert any(one.isalpha() and not one.isascii() for one in text[start:stop])


def test_a_letter_that_stands_for_several_is_a_letter() -> None:
    """An example is this Arabic ligature, which is a word by itself."""
    assert foreign("by \ufdfa.") == [(3, 4)]


def test_no_more_than_some_thousand_characters_are_remembered() -> None:
    """A caller who sends all of Unicode does not fill the memory."""
    for start in range(0x80, 0x20000, 0x1000):
        text = "".join(map(chr, range(start, start + 0x1000)))
        fold(text)
        bare(text)
        foreign(text)
        without_marks(text)

    for remembered in (folding._folded, folding._bare, folding._is_latin, folding._is_mark):  # noqa: SLF001 - what holds the memory
        assert remembered.cache_info().currsize <= folding.CHARACTERS


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param("Nu\u0301n\u0303ez", "Nunez", id="accents of their own"),
        pytest.param("Sm\u00adith", "Smith", id="a soft hyphen"),
        pytest.param("\ufeffJo\u200bhn", "John", id="invisible characters"),
    ],
)
def test_marks_do_not_cut_a_word(text: str, plain: str) -> None:
    """Only the offsets of the other characters are left."""
    places = without_marks(text)

    assert places is not None
    assert "".join(text[place] for place in places) == plain


@pytest.mark.parametrize("text", ["", "plain", "José", "张伟"])
def test_a_text_without_marks_is_left_alone(text: str) -> None:
    """The result is None, so that most notes need no further work."""
    assert without_marks(text) is None
