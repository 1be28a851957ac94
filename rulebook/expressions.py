"""Builds RE2 expressions from other RE2 expressions."""

from collections.abc import Iterable, Sequence

from rulebook.byte_sets import ALL, EDGE, NEVER, bracket
from rulebook.edges import ANYTHING


def avoiding(barred: Sequence[Sequence[int]], allowed: int = ANYTHING) -> bytes:
    """Match text that starts with an allowed byte, but not with any of the barred sequences of sets.

    `allowed`: with EDGE, the text may also end here. Returns NEVER if a barred sequence is empty, as every text starts
    with it.
    """
    if not all(barred):
        return NEVER
    if not barred and allowed == ANYTHING:
        return b""
    by_rest: dict[tuple[int, ...], int] = {}
    for code in range(ALL.bit_length()):
        if allowed >> code & 1:
            fitting = tuple(number for number, sets in enumerate(barred) if sets[0] >> code & 1)
            by_rest[fitting] = by_rest.get(fitting, 0) | 1 << code
    ways = [
        sequence([bracket(bits), avoiding([barred[number][1:] for number in fitting])])
        for fitting, bits in by_rest.items()
    ]
    return choice([*ways, *([rb"\z"] if allowed & EDGE else [])])


def sequence(parts: Sequence[bytes]) -> bytes:
    """Match the parts one after the other. Returns NEVER if one of them is NEVER."""
    return NEVER if NEVER in parts else b"".join(parts)


def choice(ways: Iterable[bytes]) -> bytes:
    """Match the first alternative that fits. Alternatives that are NEVER are left out."""
    possible = [way for way in ways if way != NEVER]
    return b"(?:" + b"|".join(possible) + b")" if possible else NEVER
