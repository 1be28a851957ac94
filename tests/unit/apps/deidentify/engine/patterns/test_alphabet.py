"""One byte stands for each character, and nothing is lost that a pattern can tell."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.patterns.alphabet import ALL, NEVER, both_cases, bracket, encode, mask

BYTES = range(0x84)


def category(pattern: str, character: str) -> bool:
    """What `re` says of a character."""
    return re.fullmatch(pattern, character) is not None


@given(st.text())
def test_each_character_is_one_byte(text: str) -> None:
    """So that places are those of the text."""
    minding, ignoring = encode(text)

    assert len(minding) == len(ignoring) == len(text)


@given(st.characters(exclude_categories=["Cs"]))
def test_a_byte_is_of_the_kind_that_re_sees(character: str) -> None:
    r"""ASCII is itself; of others it is kept whether they are `\w`, `\d`, `\s`."""
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
    """Four letters beyond ASCII are some of ASCII to `re.IGNORECASE`."""
    _, [byte] = encode(character)

    assert (byte == ord(letter)) == (re.fullmatch(letter, character, re.IGNORECASE) is not None)


@pytest.mark.parametrize("character", ["\u017f", "\u212a", "\u0130", "\u0131"])
def test_the_four_are_letters_where_case_counts(character: str) -> None:
    """And none of ASCII."""
    assert encode(character)[0] == b"\x83"


@given(st.sets(st.sampled_from(BYTES)))
def test_a_bracket_takes_its_bytes_and_no_others(codes: set[int]) -> None:
    """As a class in RE2, which reads it as `re` does."""
    expression = bracket(mask(sorted(codes)))

    assert {code for code in BYTES if re.fullmatch(expression, bytes([code]), re.DOTALL)} == codes


def test_a_bracket_of_nothing_never_fits() -> None:
    """Nor does it in the company of others."""
    assert bracket(0) == NEVER


@given(st.sets(st.sampled_from(BYTES)))
def test_both_cases_are_those_of_letters(codes: set[int]) -> None:
    """Nothing else has another case."""
    other = {ord(chr(code).swapcase()) for code in codes if chr(code).isascii() and chr(code).isalpha()}

    assert both_cases(mask(sorted(codes))) == mask(sorted(codes | other)) & ALL
