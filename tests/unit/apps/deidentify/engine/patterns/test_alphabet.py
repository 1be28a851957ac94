"""Each character is encoded as one byte, which keeps all that a pattern can distinguish."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.patterns.alphabet import encode


def category(pattern: str, character: str) -> bool:
    """Whether `re` matches the character with the pattern."""
    return re.fullmatch(pattern, character) is not None


@given(st.text())
def test_each_character_is_one_byte(text: str) -> None:
    """Offsets in the bytes are therefore offsets in the text."""
    minding, ignoring = encode(text)

    assert len(minding) == len(ignoring) == len(text)


@given(st.characters(exclude_categories=["Cs"]))
def test_a_byte_is_of_the_kind_that_re_sees(character: str) -> None:
    r"""An ASCII character is its own byte. The byte of any other tells whether it is `\w`, `\d` or `\s`."""
    [byte], _ = encode(character)
    kinds = {
        0x80: (False, False, False),
        0x81: (False, False, True),
        0x82: (True, True, False),
        0x83: (True, False, False),
    }
    expected = tuple(category(pattern, character) for pattern in (r"\w", r"\d", r"\s"))

    assert byte == ord(character) if character.isascii() else kinds[byte] == expected


@given(st.characters(min_codepoint=0x80, exclude_categories=["Cs"]), st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
def test_without_case_a_letter_stands_for_what_re_takes_for_it(character: str, letter: str) -> None:
    """With `re.IGNORECASE`, four non-ASCII characters match an ASCII letter."""
    _, [byte] = encode(character)

    assert (byte == ord(letter)) == (re.fullmatch(letter, character, re.IGNORECASE) is not None)


@pytest.mark.parametrize("character", ["\u017f", "\u212a", "\u0130", "\u0131"])
def test_the_four_are_letters_where_case_counts(character: str) -> None:
    """In case-sensitive patterns, these four characters are non-ASCII letters."""
    assert encode(character)[0] == b"\x83"
