"""Joins masked characters to spans, and gives each span the kind and the name of the rule that masked it."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from service.apps.deidentify.engine.finding import Find, where
from service.apps.deidentify.engine.rules import OWN, THEIRS, Kind

MASKED, LINK = 1, 2
RUN = re.compile(rb"\x01[\x01\x02]*")
KNOWN = re.compile(rb"\x01+")
KINDS = tuple(Kind)
ORDER = {kind: number for number, kind in enumerate(KINDS)}
JOINER = re.compile("[-'/._@\u2019]")
LINKS = re.compile(r"[^\r\n\w]|_")  # what may stand within a span: no letter, no digit, no end of a line
UNKNOWN = "unknown-word"  # the rule for words that are in no list of words that may stay
NOTHING = (0, 0, -ORDER[Kind.OTHER], UNKNOWN)


@dataclass(frozen=True, slots=True)
class Span:
    """A masked part: half-open, in code points of the text; `out_start` and `out_end` where its replacement stands.

    `rule`: the name of the rule that masked it, as `/deidentify/rules` lists them.
    """

    start: int
    end: int
    type: Kind
    out_start: int = -1
    out_end: int = -1
    rule: str = UNKNOWN


def spans(text: str, is_masked: bytearray, finds: Sequence[Find]) -> list[Span]:
    """Return the spans of the masked characters, in the order of the text.

    Masked parts are joined if one rule found them together, or if only a character such as a hyphen is between them.
    """
    shape = bytearray(is_masked)
    known = where(len(text), finds)
    for part in KNOWN.finditer(known):
        for match in LINKS.finditer(text, *part.span()):
            if not shape[match.start()]:
                shape[match.start()] = LINK
    for match in JOINER.finditer(text, 1, len(text) - 1):
        place = match.start()
        if not shape[place] and shape[place - 1] == MASKED == shape[place + 1]:
            shape[place] = LINK
    found = [(match.start(), match.start() + len(match[0].rstrip(b"\x02"))) for match in RUN.finditer(shape)]
    reasons = _reasons(found, finds)
    return [Span(start, stop, kind, rule=rule) for (start, stop), (kind, rule) in zip(found, reasons, strict=True)]


def _reasons(found: Sequence[tuple[int, int]], finds: Sequence[Find]) -> list[tuple[Kind, str]]:
    """Return the kind and the name of the rule that covers most of each span; OTHER if no rule matched.

    The operator's rules take precedence over ours, and these over philter-lite's. Between equals, the kind that is
    first in `Kind` wins.
    """
    ends = [stop for _, stop in found]
    best = [NOTHING] * len(found)
    for start, stop, kind, rule in finds:
        is_own = rule.startswith(OWN)
        if kind is Kind.OTHER and not is_own:
            continue
        number = bisect_right(ends, start)
        whose = 2 if is_own else 0 if rule.startswith(THEIRS) else 1
        while number < len(found) and found[number][0] < stop:
            common = min(stop, found[number][1]) - max(start, found[number][0])
            best[number] = max(best[number], (whose, common, -ORDER[kind], rule))
            number += 1
    return [(KINDS[-order], rule) for _, _, order, rule in best]
