"""Hospitals, clinics, pharmacies, schools and companies, with all words of their names, in any letter case."""

from collections.abc import Iterator

from service.apps.deidentify.engine.finders.eponyms import is_of_term
from service.apps.deidentify.engine.finders.organization_names import (
    AT,
    CITY_LETTERS,
    GAPS,
    LINKS,
    LONGEST,
    SHORTENED,
    TAIL,
    TITLED,
    beginning,
    end,
)
from service.apps.deidentify.engine.finding import Find, RuleInfo
from service.apps.deidentify.engine.lexicon import CENTERS, SPECIALTIES, TOWN_HOSPITALS, VISITED, Is, Lexicon
from service.apps.deidentify.engine.reading import DIGITS, LOWER, TITLE, UPPER, Reading
from service.apps.deidentify.engine.rules import Kind

RULES = (
    RuleInfo(
        "organization.name", Kind.ORGANIZATION, "A name that ends in `hospital`, `clinic`, `school` and the like."
    ),
    RuleInfo("organization.list", Kind.ORGANIZATION, "A hospital or a company of the list."),
    RuleInfo("organization.place-of-care", Kind.ORGANIZATION, "A name behind `seen at`, `works at` and the like."),
)
FAR = 3  # words between a verb and its `at`
SHORT = 2  # letters
ANY = Is.HEAD | Is.COMPANY | Is.COMPANY_BEHIND | Is.CARE


def find(reading: Reading, lexicon: Lexicon) -> Iterator[Find]:
    """Organizations."""
    for number, bits in enumerate(reading.flags):
        if not bits & ANY:
            continue
        word = reading.words[number]
        if is_of_term(reading, number):
            continue
        if word in ("st", "saint") and number + 1 < len(reading.words):
            yield from _saint(reading, number)
        if word in TOWN_HOSPITALS and number:
            yield from _town_hospital(reading, number)
        if bits & Is.HEAD or word in CENTERS or word in SPECIALTIES:
            first = beginning(reading, number)
            if first is not None:
                yield _find(reading, first, end(reading, number), "organization.name")
        if bits & (Is.COMPANY | Is.COMPANY_BEHIND):
            yield from _listed(reading, number, lexicon)
        if word in VISITED:
            yield from _visited(reading, number)


def _find(reading: Reading, first: int, last: int, rule: str) -> Find:
    return Find(reading.starts[first], reading.stops[last], Kind.ORGANIZATION, rule)


def _saint(reading: Reading, number: int) -> Iterator[Find]:
    """`St. Luke's`, also without `hospital`."""
    name = number + 1
    if (
        reading.gap(number) not in (". ", " ")
        or not reading.flags[name] & Is.GIVEN
        or reading.flags[name] & (Is.CLOSED | Is.TERM)
    ):
        return
    if reading.shapes[name] == LOWER and not (reading.gap(name) == "'" and reading.words[name + 1] == "s"):
        return
    if number and (reading.shapes[number - 1] == DIGITS or reading.flags[number - 1] & Is.TITLE):
        return
    last = name
    if reading.gap(name) == "'" and reading.words[name + 1] == "s":
        last = name + 1
    yield _find(reading, number, end(reading, last), "organization.name")


def _town_hospital(reading: Reading, number: int) -> Iterator[Find]:
    """`Cincinnati General`, behind `at`, `to` and the like."""
    first = number - 1
    if reading.before(number) != " " or reading.gap(number).startswith("-"):
        return
    while (
        first > number - LONGEST
        and first
        and reading.before(first) == " "
        and reading.shapes[first - 1] in TITLED
        and not reading.flags[first - 1] & Is.CLOSED
    ):
        first -= 1
    is_town = (
        reading.flags[number - 1] & (Is.TOWN | Is.STATE)
        or (reading.words[number - 1] in CITY_LETTERS)
        or (reading.words[number - 1] == "york")
    )
    if reading.words[number - 1] == "york" and first == number - 1:
        first -= 1
    if is_town and first and reading.words[first - 1] in (*AT, "the"):
        yield _find(reading, first, end(reading, number), "organization.name")


def _listed(reading: Reading, number: int, lexicon: Lexicon) -> Iterator[Find]:
    words = reading.words
    is_behind = (number > 0 and words[number - 1] in AT) or (
        number > 1 and words[number - 1] in ("the", "our") and words[number - 2] in AT
    )
    for phrase in lexicon.organizations[words[number]]:
        stop = number + len(phrase)
        if (
            tuple(words[number:stop]) != phrase
            or "\n" in reading.text[reading.starts[number] : reading.stops[stop - 1]]
        ):
            continue
        if (
            not reading.flags[number] & Is.COMPANY
            and not is_behind
            and not (stop < len(words) and words[stop] in TAIL and reading.gap(stop - 1) == " ")
        ):
            continue
        yield _find(reading, number, end(reading, stop - 1), "organization.list")
        return


def _visited(reading: Reading, number: int) -> Iterator[Find]:
    """A name behind `seen at`, `works for`, `attends`."""
    words, flags = reading.words, reading.flags
    first = place = _behind_verb(reading, number)
    most = min(len(words), first + LONGEST)
    while place < most and reading.before(place) in GAPS and _goes_on(reading, place, first):
        place += 1
    while place > first and ((flags[place - 1] & Is.CLOSED and words[place - 1] != "s") or words[place - 1] in LINKS):
        place -= 1
    names = [
        part
        for part in range(first, place)
        if not flags[part] & (Is.GENERIC | Is.TERM | Is.DRUG | Is.EPONYM_NOUN) and words[part] != "s"
    ]
    is_word = place - first == 1 and reading.shapes[first] == LOWER and not flags[first] & Is.TOWN
    if names and not is_word:
        yield _find(reading, first, end(reading, place - 1), "organization.place-of-care")


def _behind_verb(reading: Reading, number: int) -> int:
    """The word at which a place of care may begin behind this verb; the end of the text where there is none."""
    words = reading.words
    nowhere, place = len(words), number + 1
    if words[number] not in ("attends", "attended", "visited"):
        while place < nowhere and words[place] not in ("at", "to", "from", "for"):
            if place - number == FAR or reading.before(place) not in (" ", " w/ "):
                return nowhere
            place += 1
        place += 1
    while place < nowhere and words[place] in ("the", "our") and reading.before(place) == " ":
        place += 1
    return place


def _goes_on(reading: Reading, place: int, first: int) -> bool:
    """Whether this word belongs to a name that began at `first`."""
    bits, shape, word = reading.flags[place], reading.shapes[place], reading.words[place]
    if place > first and reading.before(place) == ". " and reading.words[place - 1] not in SHORTENED:
        return False
    if (word == "s" and reading.before(place) == "'") or (word in ("st", "mt") and place == first):
        return True
    if word in LINKS and first < place < len(reading.words) - 1 and reading.shapes[place + 1] in TITLED:
        return word not in ("for", "at")
    if bits & (Is.CLOSED | Is.MONTH | Is.WEEKDAY | Is.ROLE | Is.TITLE):
        return False
    if shape == UPPER:
        return not bits & (Is.TERM | Is.WORD) and len(word) > SHORT
    return shape == TITLE or (shape == LOWER and bool(bits & (Is.PROPER | Is.TOWN)) and not bits & Is.GENERIC)
