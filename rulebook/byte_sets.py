"""Sets of the bytes in which texts are encoded (`service.apps.deidentify.engine.patterns.alphabet`), as bit masks."""

from functools import cache
from itertools import groupby

from service.apps.deidentify.engine.patterns.alphabet import DIGIT, SPACE, WORD

EDGE = 1 << 0x84  # in a set of neighbours: the beginning or the end of the text
ALL = (1 << 0x84) - 1

NEVER = b"[^\\x00-\\xff]"  # a class that matches no byte


def mask(codes: "range | bytes | list[int]") -> int:
    """Return the set of these byte values."""
    bits = 0
    for code in codes:
        bits |= 1 << code
    return bits


DIGITS = mask(b"0123456789") | 1 << DIGIT
SPACES = mask([*range(9, 14), *range(0x1C, 0x21), SPACE])  # as str.isspace(), which accepts more than RE2's \s
WORDS = mask([*range(0x30, 0x3A), *range(0x41, 0x5B), 0x5F, *range(0x61, 0x7B), DIGIT, WORD])
NEWLINE = 1 << 10


def both_cases(bits: int) -> int:
    """Add the other case of each ASCII letter to the set."""
    upper = bits >> 0x41 & 0x3FFFFFF
    lower = bits >> 0x61 & 0x3FFFFFF
    return bits | upper << 0x61 | lower << 0x41


@cache
def bracket(bits: int) -> bytes:
    """Write the set as an RE2 character class."""
    codes = [code for code in range(0x84) if bits >> code & 1]
    if not codes:
        return NEVER
    ranges = []
    for _, run in groupby(enumerate(codes), lambda pair: pair[1] - pair[0]):
        members = [code for _, code in run]
        ranges.append(f"\\x{members[0]:02x}-\\x{members[-1]:02x}" if len(members) > 1 else f"\\x{members[0]:02x}")
    return b"[" + "".join(ranges).encode() + b"]" if len(codes) > 1 else ranges[0].encode()
