"""Medical terms that bear a name: illnesses, instruments, scales, stages, and terms of several words."""

import re

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finders.chains import LISTED, LONGEST
from service.apps.deidentify.engine.lexicon import Is, lines
from service.apps.deidentify.engine.reading import DIGITS, LOWER, TITLE, Reading

NEAR_EPONYMS = word_class("near-eponyms")
INSTRUMENTS = word_class("instruments")
SCALES = word_class("scales")
# Classes and stages that a Roman numeral follows: `Forrest IIa`. The number behind a scale may be an age: `Wells 82F`.
GRADED = word_class("graded")
ROMAN = re.compile(r"(?:i{1,3}|iv|vi{0,3})([a-c]?)")
AGED = re.compile(r",? ?(?:y(?:ears?|rs?|/?o)?|m(?:ale|o)?|f(?:emale)?|w(?:oman)?)\b", re.IGNORECASE)
LISTED_TERMS = lines("named_terms.txt")
NAMED_TERMS = frozenset(tuple(line.split()) for line in LISTED_TERMS if "-" not in line)
PAIRS = frozenset(line for line in LISTED_TERMS if "-" in line)  # only with the hyphen: `Stevens-Johnson`
IN_TERMS = frozenset(word for term in NAMED_TERMS for word in term)
LENGTHS = frozenset(map(len, NAMED_TERMS))
# Behind an eponym these tell of an illness of somebody's family: `Father Hodgkin lymphoma`.
ILLNESSES = word_class("illnesses")


def _is_joined_to_eponym(reading: Reading, number: int) -> bool:
    """Whether a hyphen joins two eponyms of which one is no frequent name: `Dix-Hallpike`, but not `Clark-Weaver`."""
    sides = [number + 1] * (reading.gap(number) == "-") + [number - 1] * (number > 0 and reading.before(number) == "-")
    return any(
        reading.flags[side] & Is.EPONYM and not reading.flags[side] & reading.flags[number] & Is.COMMON_NAME
        for side in sides
        if side < len(reading.flags)
    )


def _is_of_pair(reading: Reading, number: int) -> bool:
    """Whether two frequent names joined by a hyphen are one eponym, and not somebody's: `Stevens-Johnson`."""
    first = number if reading.gap(number) == "-" else number - 1
    return (
        first >= 0
        and reading.gap(first) == "-"
        and "-".join(reading.words[first : first + 2]) in PAIRS
        and not _is_behind_person(reading, first)
    )


def is_grade(reading: Reading, number: int) -> bool:
    """Whether a Roman numeral stands behind a class that bears a name: `Forrest IIa`, but not `Robert Clark III`.

    Behind a frequent name it has a letter, which is in nobody's name: `Wagner IIb`.
    """
    if not number or reading.words[number - 1] not in GRADED or reading.before(number) != " ":
        return False
    numeral = ROMAN.fullmatch(reading.words[number])
    return (
        numeral is not None
        and reading.shapes[number] != LOWER
        and bool(numeral[1] or not reading.flags[number - 1] & Is.COMMON_NAME)
        and reading.before(number - 1) != ", "
        and not reading.gap(number).startswith(",")  # `Clark III, James`
        and not _is_behind_person(reading, number - 1)
    )


def _names_instrument(reading: Reading, number: int) -> bool:
    """Whether a rare name stands before an instrument: `Utrata forceps`; or a scale before its result: `Braden 14`."""
    following = number + 1
    if following >= len(reading.words) or reading.gap(number) != " ":
        return False
    if reading.words[number] in SCALES and reading.shapes[following] == DIGITS:
        return not _is_behind_person(reading, number) and not AGED.match(reading.text, reading.stops[following])
    if is_grade(reading, following):
        return True
    return (
        reading.words[following] in INSTRUMENTS
        and not reading.flags[number] & (Is.GIVEN | Is.COMMON_NAME | Is.TOWN | Is.CLOSED)
        and not _is_behind_person(reading, number)
    )


def _is_behind_person(reading: Reading, number: int) -> bool:
    """Whether a title, a role, a first name or an initial stands before this word."""
    if not number or reading.before(number) not in (" ", ". ", "-"):
        return False
    before = reading.words[number - 1]
    return bool(reading.flags[number - 1] & (Is.TITLE | Is.ROLE | Is.GIVEN)) or (
        len(before) == 1 and reading.shapes[number - 1] == TITLE and before not in ("a", "i")
    )


def is_of_term(reading: Reading, number: int) -> bool:
    """Whether a word is a part of a term of several words, of the list: `Blake drain`, `Los Angeles grade`."""
    if reading.words[number] not in IN_TERMS:
        return False
    for length in LENGTHS:
        for first in range(max(0, number - length + 1), number + 1):
            if tuple(reading.words[first : first + length]) in NAMED_TERMS and not _is_behind_person(reading, first):
                return True
    return False


def _is_procedure(reading: Reading, number: int) -> bool:
    """Whether this stands behind `a` or `s/p`, and no name behind it: `had a Whipple`, `s/p Whipple`."""
    if not number or reading.shapes[number] != TITLE or reading.before(number) != " ":
        return False
    before = reading.words[number - 1]
    is_post = number > 1 and (reading.words[number - 2], reading.gap(number - 2), before) in (
        ("s", "/", "p"),
        ("h", "/", "o"),
    )
    is_followed = number + 1 < len(reading.words) and reading.gap(number) in (" ", "-")
    return (before == "a" or is_post) and not (
        is_followed and reading.flags[number + 1] & LISTED and reading.shapes[number + 1] == TITLE
    )


def names_illness(reading: Reading, number: int) -> bool:
    """Whether an eponym stands before the noun of an illness, or is one by itself: `Wilson disease`, `Crohn's.`."""
    following = number + 1
    if not reading.flags[number] & Is.EPONYM or following >= len(reading.words):
        return False
    if reading.words[following] == "s" and reading.gap(number) == "'":
        following += 1
        if reading.gap(following - 1).strip()[:1] in (",", ".", ";"):
            return not reading.flags[number] & Is.COMMON_NAME
    return (
        following < len(reading.words)
        and reading.before(following) == " "
        and reading.shapes[following] == LOWER
        and reading.words[following] in ILLNESSES
    )


def is_eponym(reading: Reading, number: int) -> bool:  # noqa: PLR0911 - one for each sign
    """Whether a medical term is named after this person: `Wilson disease`, `Foley`, `Stevens-Johnson syndrome`."""
    flags = reading.flags
    if _names_instrument(reading, number) or is_of_term(reading, number) or _is_of_pair(reading, number):
        return True
    if not flags[number] & Is.EPONYM:
        return False
    if (
        number
        and flags[number - 1] & (Is.TITLE | Is.GIVEN)
        and not flags[number - 1] & (Is.EPONYM | Is.TERM | Is.CLOSED | Is.WORD)
    ):
        return False
    if _is_joined_to_eponym(reading, number) or _is_procedure(reading, number):
        return True
    following = number + 1
    for _ in range(LONGEST):
        if following >= len(reading.words) or reading.before(following) not in (" ", "-", "'", "' ", "/", " - ", ", "):
            return False
        bits = flags[following]
        if bits & Is.EPONYM_NOUN:
            return True
        if not (bits & Is.EPONYM or reading.words[following] in NEAR_EPONYMS):
            return False
        following += 1
    return False
