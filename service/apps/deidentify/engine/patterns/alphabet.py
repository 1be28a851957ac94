"""Encodes text as one byte per character, so that RE2 works on bytes and its offsets are those of the text.

An ASCII character is its own byte. philter-lite's patterns name no other characters, so every other character is
encoded as its class, as Python's `re` sees it: space (`str.isspace`), digit (`str.isdecimal`), letter or number
(`str.isalnum`), or none of these. Sets of bytes are `int` bit masks.
"""

from functools import cache
from itertools import groupby

OTHER, SPACE, DIGIT, WORD = 0x80, 0x81, 0x82, 0x83
EDGE = 1 << 0x84  # in a set of neighbours: the beginning or the end of the text
ALL = (1 << 0x84) - 1

NEVER = b"[^\\x00-\\xff]"  # a class that matches no byte

# Characters that `re.IGNORECASE` matches with an ASCII letter: long s, Kelvin sign, dotted I, dotless i.
LIKE_ASCII = {0x17F: "s", 0x212A: "k", 0x130: "i", 0x131: "i"}


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


class Kinds(dict[int, str]):
    """A table for `str.translate` that maps characters to their bytes.

    It is filled as characters are looked up. Use one per text, so that it stays small.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if code < 0x80:  # noqa: PLR2004 - ASCII
            kind = character
        elif character.isspace():
            kind = chr(SPACE)
        elif character.isdecimal():
            kind = chr(DIGIT)
        elif character.isalnum():
            kind = chr(WORD)
        else:
            kind = chr(OTHER)
        self[code] = kind
        return kind


def encode(text: str) -> tuple[bytes, bytes]:
    """Encode the text for case-sensitive and for case-insensitive patterns.

    The two results differ only if the text has one of the characters in LIKE_ASCII.
    """
    if text.isascii():
        same = text.encode("ascii")
        return same, same
    minding = text.translate(Kinds()).encode("latin-1")
    if not any(chr(code) in text for code in LIKE_ASCII):
        return minding, minding
    return minding, text.translate(Kinds(LIKE_ASCII)).encode("latin-1")
