"""Readings that the rules take for dates: of blood pressure, where the words stand before them.

The rules keep those behind `BP` too, unless something stands between. Works on text folded to ASCII.
"""

import re
from collections.abc import Iterator

# Of numbers that no date has: no day or month is above 31, and no year has three digits.
PRESSURE = re.compile(
    r"\b(?:blood pressure|b/?p)[ \t:=(]{0,9}(?:(?:is|was|of|at) {1,2})?"
    r"((?:[5-9][0-9]|[12][0-9]{2})/(?:[3-9][0-9]|1[0-9]{2}))(?![.,]?[0-9]|[A-Za-z/_-])",
    re.IGNORECASE,
)


def places(text: str) -> Iterator[tuple[int, int]]:
    """Where they stand."""
    return (match.span(1) for match in PRESSURE.finditer(text))
