"""Where we mask more than philter-lite's rules: the rest of what they saw in part.

Works on text folded to ASCII. Each addition and its reason stands in docs/deidentify.md.
"""

import re
from collections.abc import Iterator, Sequence

from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.tagging import CLOSED

Range = tuple[int, int, Kind]

WORD = re.compile(r"[A-Za-z0-9]+")
# These two begin where a word does, and never give back what they took: else a long word costs its square.
JOINED = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]++(?:(?:[-/_#']|(?<=[0-9])\.(?=[0-9]))[A-Za-z0-9]++)+")
SIGNED = re.compile(r"(?<![A-Za-z])[A-Za-z]++(?:/[A-Za-z]++){2,}")
TITLED = re.compile(r"\b(?:dr|mr|mrs|ms|prof)\.[ \t]{1,3}([a-z]+)", re.IGNORECASE)
STREET = re.compile(
    r"\b[0-9]{1,6} {1,3}(?:(?:[NSEW]|[NS][EW]|north|south|east|west)\.? {1,3})?[0-9]{1,4}(?:st|nd|rd|th) {1,3}"
    r"(?:street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|court|ct|place|pl|terrace|way)\b",
    re.IGNORECASE,
)
# Ages that single somebody out (45 CFR 164.514(b)(2)(i)(C)), in forms that the rules leave: `95-year-old`, `95 y/o`.
_GREAT_AGE = (
    r"(?:9[0-9]|1[0-2][0-9]|ninety(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?"
    r"|one hundred(?: and)?(?: (?:one|two|three|four|five|six|seven|eight|nine|ten))?)"
)
AGED = re.compile(
    rf"\b({_GREAT_AGE})(?=[ -]{{0,3}}(?:(?:years?|yrs?)\.?[ -]{{1,3}}(?:old|of[ -]age)\b|y\.?[ /]?o\b))"
    rf"|\baged?[ :]{{1,3}}(?:of )?({_GREAT_AGE})\b",
    re.IGNORECASE,
)
LONG_NUMBER = 3  # digits; what is left of a date is part of an identifier from here on


def additions(text: str, is_masked: bytearray, masked: Sequence[Range]) -> Iterator[Range]:
    """What to mask besides. `is_masked`: per character; `masked`: what rules masked, with kinds."""
    dates, names = _places(text, masked, Kind.DATE), _places(text, masked, Kind.NAME)
    for match in WORD.finditer(text):
        start, stop = match.span()
        if 0 < is_masked.count(1, start, stop) < stop - start:
            yield start, stop, Kind.OTHER
    for match in JOINED.finditer(text):
        yield from _joined(match, is_masked, dates, names)
    yield from _known_by_form(text, is_masked)


def _known_by_form(text: str, is_masked: bytearray) -> Iterator[Range]:
    """Signatures (`ABC/smith/jones`), names after a title, numbered streets, great ages."""
    for match in SIGNED.finditer(text):
        if is_masked.count(1, *match.span()):
            yield *match.span(), Kind.NAME
    for match in TITLED.finditer(text):
        if match[1].lower() not in CLOSED:
            yield *match.span(1), Kind.NAME
    for match in STREET.finditer(text):
        yield *match.span(), Kind.LOCATION
    for match in AGED.finditer(text):
        yield *match.span(match.lastindex or 0), Kind.AGE


def _places(text: str, masked: Sequence[Range], kind: Kind) -> bytearray:
    """Per character 1 where rules of this kind masked it."""
    result = bytearray(len(text))
    for start, stop, other in masked:
        if other is kind:
            result[start:stop] = b"\1" * (stop - start)
    return result


def _joined(match: "re.Match[str]", is_masked: bytearray, dates: bytearray, names: bytearray) -> Iterator[Range]:
    """What is left of words joined by hyphens and the like, where some are masked and some are not."""
    words = [word.span() for word in WORD.finditer(match.string, *match.span())]
    hidden = [span for span in words if is_masked.count(1, *span)]
    left = [span for span in words if not is_masked.count(1, *span)]
    if not hidden or not left:
        return
    if any(map(str.isdigit, match[0])):
        is_date = all(dates[start] for start, _ in hidden)
        long = any(sum(map(str.isdigit, match.string[start:stop])) >= LONG_NUMBER for start, stop in left)
        if long or not is_date:
            yield *match.span(), Kind.ID
    elif all(match.string[start].isupper() for start, _ in words):
        kind = Kind.NAME if any(names[start] for start, _ in hidden) else Kind.OTHER
        yield *match.span(), kind
