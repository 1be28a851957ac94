"""Where we mask more than philter-lite's rules: the rest of what they saw in part.

Works on text folded to ASCII. docs/evaluation.md lists the additions.
"""

import re
from collections.abc import Iterator, Sequence

from service.apps.deidentify.engine.finding import Find, where
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.sightings import MODEL

WORD = re.compile(r"[A-Za-z0-9]+")
# Per character of a text: 2 for a letter or a digit, 3 for one that is masked.
STATES = bytes(2 if chr(code).isalnum() and code < 0x80 else 0 for code in range(0x100))  # noqa: PLR2004 - ASCII
# These never give back what they took: else a long word costs its square.
PARTLY = re.compile(rb"(?<![\x02\x03])(?:\x03++\x02|\x02++\x03)[\x02\x03]*+")
# A word, with a group where others are joined to it. Nothing follows, so nothing is given back here either; `(...)*+`
# would lose the last letter in Python 3.11.2, which Debian 12 has.
JOINED = re.compile(r"[A-Za-z0-9]++((?:[-/_#']|(?<=[0-9])\.(?=[0-9]))[A-Za-z0-9]++)*")
SIGNED = re.compile(r"(?<![A-Za-z])[A-Za-z]++(?:/[A-Za-z]++){2,}")
SLASHES = re.compile(r"/[A-Za-z]++/[A-Za-z]")
LONG_NUMBER = 3  # digits; what is left of a date is part of an identifier from here on


def additions(text: str, is_masked: bytearray, masked: Sequence[Find], kept: bytearray) -> Iterator[Find]:
    """What to mask besides. Per character: `is_masked`, and `kept` where a rule says that it stays."""
    by_kind: dict[Kind, list[Find]] = {Kind.DATE: [], Kind.NAME: [], Kind.AGE: []}
    for find in masked:
        # What a model takes for a date may not let stay what is masked without it.
        if find.kind in by_kind and not find.rule.startswith(MODEL):
            by_kind[find.kind].append(find)
    dates, names, ages = (where(len(text), finds) for finds in by_kind.values())
    states = int.from_bytes(text.encode("ascii").translate(STATES)) ^ int.from_bytes(is_masked)
    for part in PARTLY.finditer(states.to_bytes(len(text))):
        yield Find(*part.span(), Kind.OTHER, "whole.word")
    for match in JOINED.finditer(text):
        if match.lastindex and is_masked.count(1, *match.span()) and not ages[match.start()]:
            yield from _joined(match, is_masked, dates, names, kept)
    for match in SIGNED.finditer(text) if SLASHES.search(text) else ():
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
