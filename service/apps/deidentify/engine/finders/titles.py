"""Names behind titles: `Dr.`, `Mrs`, `Nurse`, in any letter case."""

from collections.abc import Iterator

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finders.chains import LISTED, NO_NAME, beginning, behind_particles, chain, found
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.lexicon import Is
from service.apps.deidentify.engine.reading import DIGITS, LOWER, TITLE, UPPER, Reading

ABBREVIATED = word_class("abbreviated")
TITLE_GAPS = frozenset((" ", ". ", ".", "  ", ".  ", ". \n", ".\n", " \n", "\n"))
MOST_TITLES = 4  # words looked at: with more, a note of titles alone would take time that grows with its square
ARTICLES = frozenset(("the", "a", "this", "that"))
AFTER_DOCTOR = word_class("after-doctor")
NO_DOCTOR = frozenset(("mr", "mrs"))  # `dr case discussed`, but `mr case was seen`
MODALS = word_class("modals")
ACTS = word_class("acts")
GOES_ON = word_class("goes-on")


def titled(reading: Reading, number: int) -> Iterator[Find]:
    """What stands behind a title."""
    first = _first_behind(reading, number)
    if first is None or not _is_name_behind(
        reading, reading.words[number], first, is_dotted="." in reading.gap(number)
    ):
        return
    last = chain(reading, behind_particles(reading, first) or first)
    yield found(reading, beginning(reading, first) if first > number + 1 else first, last, "name.title")
    while last + 2 < len(reading.words) and reading.words[last + 1] in ("and", "or") and reading.gap(last) == " ":
        more = last + 2
        ends = _another(reading, more, are_many=reading.words[number] == "drs")
        if ends is None:
            return
        last = chain(reading, ends)
        yield found(reading, more, last, "name.title")


def _first_behind(reading: Reading, number: int) -> int | None:
    """The word behind a title, and behind further ones, that may be a name; None where there is none."""
    words, flags, gap = reading.words, reading.flags, reading.gap(number)
    is_multiple_sclerosis = (
        words[number] == "ms"
        and reading.shapes[number] == UPPER
        and not gap.startswith(".")
        and not (number + 1 < len(words) and reading.gap(number + 1) == "'" and words[number + 1] == "o")
    )
    if is_multiple_sclerosis or gap not in TITLE_GAPS or ("\n" in gap and words[number] not in ABBREVIATED):
        return None
    first = number + 1
    while (
        first < min(len(words), number + MOST_TITLES)
        and flags[first] & Is.TITLE
        and reading.before(first) in (" ", ". ")
    ):
        first += 1
    if first >= len(words) or (flags[first] & Is.CLOSED and number and words[number - 1] in ARTICLES):
        return None
    return first


def _another(reading: Reading, number: int, *, are_many: bool) -> int | None:
    """The word that begins another name behind `and`; None where none does. `are_many`: the title was `Drs.`."""
    bits = reading.flags[number]
    if are_many and bits & Is.PARTICLE and (last := behind_particles(reading, number)):
        return last
    if bits & (NO_NAME | Is.ROLE) or not (are_many or bits & Is.NAME):
        return None
    return number if reading.shapes[number] in (TITLE, UPPER) or bits & Is.NAME else None


def _is_name_behind(  # noqa: PLR0911 - one for each case
    reading: Reading, title: str, number: int, *, is_dotted: bool
) -> bool:
    """Whether a word behind a title is a name. `is_dotted`: a full stop stands behind the title."""
    word, bits, shape = reading.words[number], reading.flags[number], reading.shapes[number]
    if shape == DIGITS or word in ("s", "and", "of", "or", "the"):
        return False
    if bits & Is.PARTICLE and reading.gap(number) == "'" and behind_particles(reading, number):
        return True
    if len(word) == 1:
        return shape != LOWER or (is_dotted and reading.gap(number)[:1] == ".")
    if title in ABBREVIATED:
        if shape in (TITLE, UPPER):
            return word not in AFTER_DOCTOR or bool(bits & LISTED and not bits & Is.CLOSED)
        if bits & Is.CLOSED:
            return word in MODALS and is_dotted
        if word in AFTER_DOCTOR:
            return title in NO_DOCTOR and bool(bits & LISTED) and goes_on_like_a_name(reading, number)
        return is_dotted or bool(bits & LISTED) or not bits & Is.WORD
    if (
        bits & (Is.CLOSED | Is.EPONYM_NOUN | Is.GENERIC | Is.ROLE | Is.TERM | Is.VERB)
        and not (shape == TITLE and bits & Is.GIVEN)
    ) or word in AFTER_DOCTOR:
        return False
    if shape in (TITLE, UPPER):
        return bool(bits & LISTED) or not bits & Is.WORD
    return (
        bool(bits & Is.NAME)
        or (bool(bits & Is.COMMON_NAME) and bool(bits & LISTED) and goes_on_like_a_name(reading, number))
        or not bits & ~(LISTED | Is.PLACE)
    )


def goes_on_like_a_name(reading: Reading, number: int) -> bool:
    """Whether what follows a word speaks for a name, and not for a noun or a verb: punctuation, `is`, `and`."""
    gap = reading.gap(number)
    if gap.strip() or "\n" in gap:
        return gap.strip()[:1] not in ("-", "/")
    following = reading.words[number + 1]
    bits = reading.flags[number + 1]
    if reading.words[number] in MODALS:
        return following in ("and", "is", "was", "are", "who", "at", "called")
    return (
        following in ACTS
        or following in GOES_ON
        or bool(bits & (Is.CLOSED | Is.NAME | Is.CREDENTIAL | Is.VERB))
        or (bool(bits & LISTED) and bool(bits & Is.COMMON_NAME))
    )
