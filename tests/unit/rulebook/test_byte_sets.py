"""Sets of bytes, and how RE2 reads them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from rulebook.byte_sets import ALL, NEVER, both_cases, bracket, mask

BYTES = range(0x84)


@given(st.sets(st.sampled_from(BYTES)))
def test_a_bracket_takes_its_bytes_and_no_others(codes: set[int]) -> None:
    """The character class is tested with `re`, which reads it like RE2."""
    expression = bracket(mask(sorted(codes)))

    assert {code for code in BYTES if re.fullmatch(expression, bytes([code]), re.DOTALL)} == codes


def test_a_bracket_of_nothing_never_fits() -> None:
    """The class of the empty set is NEVER."""
    assert bracket(0) == NEVER


@given(st.sets(st.sampled_from(BYTES)))
def test_both_cases_are_those_of_letters(codes: set[int]) -> None:
    """Only ASCII letters get their other case added."""
    other = {ord(chr(code).swapcase()) for code in codes if chr(code).isascii() and chr(code).isalpha()}

    assert both_cases(mask(sorted(codes))) == mask(sorted(codes | other)) & ALL
