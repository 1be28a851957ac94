"""Puts the words of a name together: first and last names, initials, particles, `Jr.`."""

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.lexicon import Is
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
