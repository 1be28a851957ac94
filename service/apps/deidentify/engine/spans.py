"""What is masked, as spans: from the characters that do not stay, each with the kind that the rules told."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from service.apps.deidentify.engine.extra_rules import Range
from service.apps.deidentify.engine.rules import Kind

MASKED, LINK = 1, 2
RUN = re.compile(rb"\x01[\x01\x02]*")
KINDS = tuple(Kind)
ORDER = {kind: number for number, kind in enumerate(KINDS)}
JOINERS = frozenset("-'/._@\u2019")


@dataclass(frozen=True, slots=True)
class Span:
    """A masked part: half-open, in code points of the text; `out_start` and `out_end` where its replacement stands."""

    start: int
    end: int
    type: Kind
    out_start: int = -1
    out_end: int = -1


def spans(text: str, is_masked: bytearray, ranges: Sequence[Range]) -> list[Span]:
    """Masked characters, joined where a rule saw them as one or only a hyphen or the like stands between."""
    shape = bytearray(is_masked)
    for start, stop, _ in ranges:
        for place in range(start, stop):
            if not shape[place] and not text[place].isalnum() and text[place] not in "\r\n":
                shape[place] = LINK
    for place in range(1, len(text) - 1):
        if text[place] in JOINERS and not shape[place] and shape[place - 1] == MASKED == shape[place + 1]:
            shape[place] = LINK
    found = [(match.start(), match.start() + len(match[0].rstrip(b"\x02"))) for match in RUN.finditer(shape)]
    kinds = _kinds(found, ranges)
    return [Span(start, stop, kind) for (start, stop), kind in zip(found, kinds, strict=True)]


def _kinds(found: Sequence[tuple[int, int]], ranges: Sequence[Range]) -> list[Kind]:
    """For each span the kind of the rule that covers most of it, of equals the first in `Kind`.

    OTHER where none does.
    """
    ends = [stop for _, stop in found]
    best = [(0, -ORDER[Kind.OTHER])] * len(found)
    for start, stop, kind in ranges:
        number = bisect_right(ends, start)
        while number < len(found) and found[number][0] < stop and kind is not Kind.OTHER:
            common = min(stop, found[number][1]) - max(start, found[number][0])
            best[number] = max(best[number], (common, -ORDER[kind]))
            number += 1
    return [KINDS[-order] for _, order in best]
