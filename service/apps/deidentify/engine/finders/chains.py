"""Puts the words of a name together: first and last names, initials, particles, `Jr.`."""

import re

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.lexicon import Is, lines
from service.apps.deidentify.engine.reading import DIGITS, LOWER, MIXED, TITLE, UPPER, Reading
from service.apps.deidentify.engine.rules import Kind

LISTED = Is.GIVEN | Is.SURNAME
# What a word behind a title is not: a name.
NO_NAME = Is.CLOSED | Is.TITLE | Is.CREDENTIAL | Is.WEEKDAY
NAME_GAPS = frozenset((" ", "-", "'", ". ", "  ", "."))
LONGEST = 6  # words of a name
SUFFIXES = word_class("suffixes")
# Behind a name and before a colon these are the next label: `Patient: Maria Lopez Room: 12`.
NEXT_LABELS = word_class("next-labels")
# Everyday words that are frequent last names, and follow a first name as one in any letter case.
NOT_LAST = Is.CLOSED | Is.VERB | Is.EPONYM_NOUN | Is.ROLE | Is.MONTH | Is.WEEKDAY | Is.HEAD | Is.DRUG
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


def found(reading: Reading, first: int, last: int, rule: str) -> Find:
    """The find of a name from one word to another."""
    return Find(reading.starts[first], reading.stops[last], Kind.NAME, rule)


def chain(reading: Reading, first: int) -> int:
    """The last word of the name of which this is one: further names, initials, particles, `Jr.`."""
    last = first
    words, flags = reading.words, reading.flags
    while last + 1 < len(words) and last - first < LONGEST:
        gap, following = reading.gap(last), last + 1
        word = words[following]
        if (gap in (", ", " ") and word in SUFFIXES and reading.shapes[following] != LOWER) or (
            gap in (", ", " ") and word in ("jr", "sr")
        ):
            last = following
            continue
        if (
            gap not in NAME_GAPS
            or (gap == "." and len(words[last]) > 1)
            or (gap == ". " and len(words[last]) > 1 and words[last] not in ("st", "jr"))
        ):
            break
        if gap == "'" and word == "s":
            break
        if (
            flags[following] & Is.PARTICLE
            and reading.shapes[following] == TITLE
            and gap == " "
            and len(word) > 1
            and flags[last] & Is.GIVEN
        ):
            last = following
            continue
        if flags[following] & Is.PARTICLE and (more := behind_particles(reading, following)):
            last = more
            continue
        if not _can_follow(reading, following):
            break
        if len(word) == 1 and reading.shapes[following] == LOWER and gap == " " and reading.gap(following)[:1] != ".":
            break
        if word == "d" and reading.shapes[following] == LOWER and _is_of_death(reading, following):
            break
        last = following
    return last


def _is_of_death(reading: Reading, number: int) -> bool:
    """Whether a `d.` stands before a year or an age: `brother Leroy d. 2019`, `d. age 54`."""
    following = number + 1
    return (
        reading.gap(number) == ". "
        and following < len(reading.words)
        and (
            reading.shapes[following] == DIGITS or reading.words[following] in ("age", "aged", "at", "of", "from", "in")
        )
    )


def _can_follow(reading: Reading, number: int) -> bool:
    """Whether this word can go on with the name before it."""
    bits, shape, word = reading.flags[number], reading.shapes[number], reading.words[number]
    if shape in (DIGITS, MIXED):
        return bool(shape == MIXED and word.isalpha())
    if len(word) == 1:
        return shape != LOWER or reading.gap(number)[:1] == "."
    if is_next_label(reading, number):
        return False
    if bits & Is.NAME:
        return not bits & Is.CLOSED
    if shape in (TITLE, UPPER):
        return not bits & (NO_NAME | Is.TERM | Is.ROLE | Is.EPONYM_NOUN) or (
            bits & LISTED > 0 and not bits & (Is.CLOSED | Is.CREDENTIAL | Is.TITLE | Is.TERM)
        )
    return bool(bits & LISTED and bits & Is.COMMON_NAME and bits & Is.SURNAME and not bits & NOT_LAST) or not bits & ~(
        LISTED | Is.PLACE
    )


def is_next_label(reading: Reading, number: int) -> bool:
    """Whether a word with a colon behind it is a label of what follows, and no name."""
    gap = reading.gap(number)
    return reading.words[number] in NEXT_LABELS and (
        gap.startswith(":") or (gap == "/" and is_next_label(reading, number + 1))
    )


def behind_particles(reading: Reading, number: int) -> int:
    """The word behind `van der` and the like, where it can be a name; 0 where none can."""
    place = number
    while place < len(reading.words) and reading.flags[place] & Is.PARTICLE and place - number < 3:  # noqa: PLR2004 - `de la`
        if reading.gap(place) not in (" ", "'", "-", ". "):
            return 0
        place += 1
    if place >= len(reading.words):
        return 0
    bits, shape = reading.flags[place], reading.shapes[place]
    is_irish = reading.words[place - 1] == "o" and reading.before(place) == "'" and bits & LISTED
    is_double = place > number + 1 and bits & LISTED  # `van der berg`
    named = shape == TITLE or bits & Is.NAME or is_irish or is_double or not bits & ~(LISTED | Is.PLACE | Is.TOWN)
    return place if named and not bits & NO_NAME and reading.shapes[place] != DIGITS else 0


def beginning(reading: Reading, first: int) -> int:
    """Where a name begins of which this word is one: initials and particles before it belong to it."""
    while first:
        gap, word, shape = reading.before(first), reading.words[first - 1], reading.shapes[first - 1]
        is_initial = len(word) == 1 and (
            (shape == TITLE and gap in (". ", ".", " ") and word not in ("i", "a", "s"))
            or (shape == LOWER and gap == ". " and first > 1 and reading.before(first - 1) in (" ", ", "))
            or (
                gap == " "
                and first > 1
                and bool(reading.flags[first - 2] & Is.GIVEN)
                and reading.before(first - 1) == " "
                and bool(reading.flags[first - 2] & Is.NAME)
            )
        )
        is_particle = (
            reading.flags[first - 1] & Is.PARTICLE
            and gap in (" ", "'", "-")
            and word not in ("st", "de", "y", "al", "do", "le")
            and not (first > 1 and reading.before(first - 1) == "/")  # `h/o Whipple`
        ) or (word in ("o", "mc", "de", "al", "el", "d") and gap in ("'", "-"))
        is_saint = word == "st" and gap == ". " and first > 1 and reading.flags[first - 2] & (Is.TITLE | Is.GIVEN)
        if word == "d" and gap != "'":
            is_particle = False
        if is_initial and first > 1 and reading.before(first - 1) == "&":  # `See H&P. Lopez was`
            is_initial = False
        if not (is_initial or is_particle or is_saint):
            return first
        first -= 1
    return first


def is_person(reading: Reading, number: int) -> bool:
    """Whether a title, a first name or an initial stands before this word, or a name or an initial behind it."""
    if number and reading.before(number) in (" ", ". ", "-"):
        bits = reading.flags[number - 1]
        if (
            bits & (Is.TITLE | Is.ROLE)
            or (bits & Is.GIVEN and bits & Is.NAME)
            or (
                len(reading.words[number - 1]) == 1
                and reading.shapes[number - 1] == TITLE
                and reading.words[number - 1] not in ("a", "i", "b")
            )
        ):
            return True
    if number + 1 < len(reading.words) and reading.gap(number) in (" ", "-", ", "):
        bits, shape = reading.flags[number + 1], reading.shapes[number + 1]
        return bool(bits & (Is.NAME | Is.CREDENTIAL) and not bits & Is.EPONYM and shape in (TITLE, UPPER)) or (
            len(reading.words[number + 1]) == 1 and shape == TITLE and reading.gap(number) == " "
        )
    return False


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
