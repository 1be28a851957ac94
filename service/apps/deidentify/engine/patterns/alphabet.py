"""One byte per character: what a pattern can tell apart, so that RE2 works on bytes and offsets stay those of the text.

ASCII stands for itself. philter-lite's patterns name no other character, so of all others only the kind matters that
Python's `re` sees: space (`str.isspace`), digit (`str.isdecimal`), letter or number (`str.isalnum`), or none of
these. Sets of bytes are `int` bit masks.
"""

from functools import cache
from itertools import groupby

OTHER, SPACE, DIGIT, WORD = 0x80, 0x81, 0x82, 0x83
EDGE = 1 << 0x84  # stands for the beginning or the end of the text, in sets of neighbours
ALL = (1 << 0x84) - 1

NEVER = b"[^\\x00-\\xff]"  # the class of no byte

# What `re.IGNORECASE` takes for an ASCII letter: long s, Kelvin sign, dotted I, dotless i.
LIKE_ASCII = {0x17F: "s", 0x212A: "k", 0x130: "i", 0x131: "i"}


def mask(codes: "range | bytes | list[int]") -> int:
    """The set of these byte values."""
    bits = 0
    for code in codes:
        bits |= 1 << code
    return bits


DIGITS = mask(b"0123456789") | 1 << DIGIT
SPACES = mask([*range(9, 14), *range(0x1C, 0x21), SPACE])  # str.isspace() of ASCII, wider than RE2's \s
WORDS = mask([*range(0x30, 0x3A), *range(0x41, 0x5B), 0x5F, *range(0x61, 0x7B), DIGIT, WORD])
NEWLINE = 1 << 10


def both_cases(bits: int) -> int:
    """The set, with the other case of each ASCII letter in it."""
    upper = bits >> 0x41 & 0x3FFFFFF
    lower = bits >> 0x61 & 0x3FFFFFF
    return bits | upper << 0x61 | lower << 0x41


@cache
def bracket(bits: int) -> bytes:
    """The set as an RE2 character class."""
    codes = [code for code in range(0x84) if bits >> code & 1]
    if not codes:
        return NEVER
    ranges = []
    for _, run in groupby(enumerate(codes), lambda pair: pair[1] - pair[0]):
        members = [code for _, code in run]
        ranges.append(f"\\x{members[0]:02x}-\\x{members[-1]:02x}" if len(members) > 1 else f"\\x{members[0]:02x}")
    return b"[" + "".join(ranges).encode() + b"]" if len(codes) > 1 else ranges[0].encode()


class Kinds(dict[int, str]):
    """A table for `str.translate`: non-ASCII characters to their kinds. Holds only the characters of one text."""

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
    """The text for patterns that mind case, and for those that do not; the same bytes but for four rare letters."""
    if text.isascii():
        same = text.encode("ascii")
        return same, same
    minding = text.translate(Kinds()).encode("latin-1")
    if not any(chr(code) in text for code in LIKE_ASCII):
        return minding, minding
    return minding, text.translate(Kinds(LIKE_ASCII)).encode("latin-1")
