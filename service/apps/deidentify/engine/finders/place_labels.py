"""Places and organizations behind a label and a colon: `City: Orange`, `Employer: Target`."""

import re
from collections.abc import Iterator

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finding import Find, RuleInfo
from service.apps.deidentify.engine.lexicon import Is
from service.apps.deidentify.engine.reading import DIGITS, LOWER, Reading
from service.apps.deidentify.engine.rules import Kind

PLACE = RuleInfo("location.label", Kind.LOCATION, "A place behind `City:`, `County:`, `Birthplace:` and the like.")
ORGANIZATION = RuleInfo(
    "organization.label", Kind.ORGANIZATION, "An organization behind `Hospital:`, `Employer:` and the like."
)
RULES = (PLACE, ORGANIZATION)
PLACE_LABELS = word_class("place-labels")
ORGANIZATION_LABELS = word_class("organization-labels")
LABELS = PLACE_LABELS | ORGANIZATION_LABELS
# `Place of birth:`, `Nursing home:`. Without the word before, these are no labels of places.
BEFORE = {"birth": ("of",), "home": ("nursing", "group", "care")}
COLON = re.compile(r"[ \t]*:[ \t]*")
# `Unknown`, `Retired`, `Home` name no place.
NO_PLACES = word_class("no-places")
JOINING = frozenset(["and", "at", "de", "del", "for", "la", "of", "the"])
GAPS = frozenset([" ", "'", "-", ". ", "&", " & "])
MOST = 6  # words
MOST_SMALL = 2


def find(reading: Reading, number: int) -> Iterator[Find]:
    """What stands behind word `number`, if that is a label with its colon."""
    word, first = reading.words[number], number + 1
    if word not in LABELS or first == len(reading.words) or not COLON.fullmatch(reading.gap(number)):
        return
    if word in BEFORE and (not number or reading.words[number - 1] not in BEFORE[word]):
        return
    if reading.words[first] == "the" and _goes_on(reading, first):
        first += 1
    if (
        reading.shapes[first] == DIGITS
        or reading.words[first] in NO_PLACES
        or reading.flags[first] & (Is.CLOSED | Is.TERM | Is.DRUG)
    ):
        return
    last = _last(reading, first) if reading.shapes[first] != LOWER else _last_of_small(reading, first)
    if last < first or (_goes_on(reading, last) and reading.gap(last) == " " and reading.flags[last + 1] & Is.TERM):
        return
    rule = PLACE if word in PLACE_LABELS else ORGANIZATION
    yield Find(reading.starts[first], reading.stops[last], rule.type, rule.rule)


def _last(reading: Reading, first: int) -> int:
    """The last word of a name of several words, which ends where the next label begins."""
    last = following = first
    while following - first < MOST and _goes_on(reading, following):
        following += 1
        if reading.gap(following).lstrip(" \t").startswith(":"):
            break
        if reading.shapes[following] not in (LOWER, DIGITS):
            last = following
        elif reading.words[following] not in JOINING:
            break
    return last


def _last_of_small(reading: Reading, first: int) -> int:
    """The last word of a name in small letters, where no more stands there; -1 where it may be a sentence."""
    for last in range(first, min(first + MOST_SMALL, len(reading.words))):
        if reading.flags[last] & (Is.CLOSED | Is.VERB | Is.TERM | Is.ROLE):
            return -1
        if not _goes_on(reading, last):
            return last
    return -1


def _goes_on(reading: Reading, number: int) -> bool:
    return number + 1 < len(reading.words) and reading.gap(number) in GAPS
