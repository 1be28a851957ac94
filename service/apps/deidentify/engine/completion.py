"""Where we mask more than philter-lite's rules: the rest of what they saw in part.

Works on text folded to ASCII. Each addition and its reason stands in docs/deidentify.md.
"""

import re
from collections.abc import Iterator, Sequence

from service.apps.deidentify.engine.finding import Find, where
from service.apps.deidentify.engine.rules import Kind

WORD = re.compile(r"[A-Za-z0-9]+")
# These two begin where a word does, and never give back what they took: else a long word costs its square.
JOINED = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]++(?:(?:[-/_#']|(?<=[0-9])\.(?=[0-9]))[A-Za-z0-9]++)+")
SIGNED = re.compile(r"(?<![A-Za-z])[A-Za-z]++(?:/[A-Za-z]++){2,}")
LONG_NUMBER = 3  # digits; what is left of a date is part of an identifier from here on


def additions(text: str, is_masked: bytearray, masked: Sequence[Find], kept: bytearray) -> Iterator[Find]:
    """What to mask besides. Per character: `is_masked`, and `kept` where a rule says that it stays."""
    dates, names, ages = (
        where(len(text), (find for find in masked if find.kind is kind)) for kind in (Kind.DATE, Kind.NAME, Kind.AGE)
    )
    for match in WORD.finditer(text):
        start, stop = match.span()
        # Of `97yo` the rest says nothing.
        if 0 < is_masked.count(1, start, stop) < stop - start and not ages[start]:
            yield Find(start, stop, Kind.OTHER, "whole.word")
    for match in JOINED.finditer(text):
        if not ages[match.start()]:
            yield from _joined(match, is_masked, dates, names, kept)
    for match in SIGNED.finditer(text):
        if is_masked.count(1, *match.span()):
            yield Find(*match.span(), Kind.NAME, "whole.signature")


def _joined(
    match: "re.Match[str]", is_masked: bytearray, dates: bytearray, names: bytearray, kept: bytearray
) -> Iterator[Find]:
    """What is left of words joined by hyphens and the like, where some are masked and some are not."""
    # The label of `MRN#123` is no part of the number.
    words = [
        word.span()
        for word in WORD.finditer(match.string, *match.span())
        if not (match.string[word.end() : word.end() + 1] == "#" and word[0].isalpha())
    ]
    hidden = [span for span in words if is_masked.count(1, *span)]
    left = [span for span in words if not is_masked.count(1, *span) and not kept[span[0]]]
    if not hidden or not left:
        return
    if any(map(str.isdigit, match[0])):
        is_date = all(dates[start] for start, _ in hidden)
        long = any(sum(map(str.isdigit, match.string[start:stop])) >= LONG_NUMBER for start, stop in left)
        if long or not is_date:
            yield Find(*match.span(), Kind.ID, "whole.identifier")
    elif all(match.string[start].isupper() for start, _ in words):
        kind = Kind.NAME if any(names[start] for start, _ in hidden) else Kind.OTHER
        yield Find(*match.span(), kind, "whole.double-name")
