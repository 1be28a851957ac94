"""Names of people: by their list, by what stands before or behind them, and by how they are put together."""

import re
from collections.abc import Iterator

from service.apps.deidentify.engine.finders.chains import LISTED, beginning, behind_particles, chain, found, is_person
from service.apps.deidentify.engine.finders.credentials import credentialed
from service.apps.deidentify.engine.finders.eponyms import is_eponym, names_illness
from service.apps.deidentify.engine.finders.roles import (
    PATIENT,
    SERVICES,
    acting,
    begins_illness,
    behind_role,
    is_result_of_service,
    subject,
)
from service.apps.deidentify.engine.finders.titles import titled
from service.apps.deidentify.engine.finding import Find, RuleInfo
from service.apps.deidentify.engine.lexicon import LABEL_WORDS, TITLES_OF_CARE, Is
from service.apps.deidentify.engine.reading import DIGITS, LOWER, MIXED, TITLE, UPPER, Reading
from service.apps.deidentify.engine.rules import Kind

RULES = (
    RuleInfo("name.title", Kind.NAME, "What stands behind `Dr.`, `Mr.`, `Nurse` and other titles, in any letter case."),
    RuleInfo(
        "name.role", Kind.NAME, "A name behind `daughter`, `patient`, `spoke with` and the like, also an everyday word."
    ),
    RuleInfo(
        "name.list", Kind.NAME, "A first or last name of the lists that is no everyday word, with what belongs to it."
    ),
    RuleInfo("name.credential", Kind.NAME, "What stands before `MD`, `RN` and the like."),
    RuleInfo("name.last-first", Kind.NAME, "Last name, first name."),
    RuleInfo("name.label", Kind.NAME, "What stands behind `Name:`, `Patient:`, `Signed by` and the like."),
    RuleInfo("name.particles", Kind.NAME, "A name behind two particles, such as `van der`."),
    RuleInfo("name.subject", Kind.NAME, "Capitalized words behind `Patient`, before a verb."),
    RuleInfo("name.initials", Kind.NAME, "Initials, behind a role or before a last name."),
    RuleInfo("name.acts", Kind.NAME, "A first name at the beginning of a sentence, before what people do."),
)
# First names that are verbs, months and abbreviations too.
FIRST_NAMES_TOO = frozenset(["art", "asa", "ed", "may", "min", "peg", "will"])
JOINING = frozenset(["by", "cc", "from", "per", "re", "to", "w"])  # labels that stand within sentences, too
AGE_AND_SEX = re.compile(r"[ ,:(-]{1,4}[0-9]{1,3} ?(?:y/?o ?)?[MF]\b")
LABELS = re.compile(r"[ \t]*[:=][ \t]*$")
BESIDE = Is.LETTER_OF_CREDENTIAL | Is.LABEL | Is.TITLE | Is.ROLE | Is.SPOKEN | Is.CREDENTIAL | Is.PARTICLE
ANY = BESIDE | Is.NAME | LISTED


def find(reading: Reading, is_upper: list[bool]) -> Iterator[Find]:
    """Names. `is_upper`: per word whether it stood in a passage of capitals."""
    for number, bits in enumerate(reading.flags):
        if not bits & ANY:
            continue
        if bits & Is.TITLE or (bits & Is.ROLE and reading.words[number] in TITLES_OF_CARE):
            yield from titled(reading, number)
        if bits & (Is.ROLE | Is.SPOKEN):
            yield from behind_role(reading, number, is_upper)
        if bits & Is.NAME and not is_eponym(reading, number) and not bits & Is.TITLE:
            yield from _listed(reading, number)
        if bits & (Is.CREDENTIAL | Is.LETTER_OF_CREDENTIAL) and number:
            yield from credentialed(reading, number)
        if bits & (Is.PARTICLE | LISTED):
            yield from _put_together(reading, number, is_upper)
        if (
            bits & (Is.ROLE | Is.SPOKEN | Is.TITLE | Is.LABEL)
            and reading.words[number] in LABEL_WORDS
            and LABELS.match(reading.gap(number))
        ):
            yield from _labelled(reading, number, is_upper)
        if bits & Is.ROLE and reading.words[number] in PATIENT:
            yield from subject(reading, number)


def _listed(reading: Reading, number: int) -> Iterator[Find]:
    """A name that is hardly anything else, with what belongs to it."""
    bits, shape = reading.flags[number], reading.shapes[number]
    if shape == UPPER and bits & Is.TERM:
        return
    if bits & Is.EPONYM and not bits & Is.COMMON_NAME and not is_person(reading, number):
        return
    if bits & Is.TOWN and not bits & Is.COMMON_NAME:
        return
    last = chain(reading, number) if bits & (Is.GIVEN | Is.COMMON_NAME) else number
    first = beginning(reading, number)
    # A first name that is an everyday word too: `mark miller`, `Grace O'Neill`.
    if first == number and first and bits & Is.SURNAME and reading.before(first) == " ":
        before = reading.flags[first - 1]
        if (
            before & Is.GIVEN
            and not before & (Is.CLOSED | Is.VERB | Is.TERM | Is.ROLE | Is.MONTH)
            and (before & Is.COMMON_NAME or reading.shapes[first - 1] == TITLE)
        ) or (reading.words[first - 1] in FIRST_NAMES_TOO and reading.shapes[first - 1] == TITLE):
            first -= 1
    yield found(reading, first, last, "name.list")


def _put_together(reading: Reading, number: int, is_upper: list[bool]) -> Iterator[Find]:
    """Names by the words beside a listed one, and behind particles."""
    if reading.flags[number] & Is.PARTICLE:
        yield from _behind_two_particles(reading, number)
    if reading.flags[number] & LISTED:
        yield from _last_first(reading, number)
        yield from _abbreviated(reading, number)
        yield from _with_age(reading, number)
        yield from acting(reading, number, is_upper)


def _behind_two_particles(reading: Reading, number: int) -> Iterator[Find]:
    """`L. van der Berg`: a name behind two particles, which is no term as `Gilles de la Tourette` is."""
    if number + 1 >= len(reading.words) or not reading.flags[number + 1] & Is.PARTICLE or reading.gap(number) != " ":
        return
    last = behind_particles(reading, number)
    if last > number + 1 and not is_eponym(reading, last):
        yield found(reading, beginning(reading, number), chain(reading, last), "name.particles")


def _last_first(reading: Reading, number: int) -> Iterator[Find]:
    """`Case, Justice`; `O'Neill, Mary A.`: both of the lists, at the beginning of a line or with a sure one."""
    following = number + 1
    if following >= len(reading.words) or reading.gap(number) not in (", ", ","):
        return
    bits, more = reading.flags[number], reading.flags[following]
    if (
        not bits & Is.SURNAME
        or not more & Is.GIVEN
        or (bits | more) & (Is.TERM | Is.MONTH)
        or more & (Is.CLOSED | Is.ROLE)
    ):
        return
    if reading.shapes[number] == LOWER and not (bits & Is.NAME and more & Is.NAME):
        return
    before = reading.before(number)
    is_first = (
        "\n" in before
        or number == 0
        or before.rstrip(" ")[-1:] in (":", ";", "(", "-")
        or (bits & Is.NAME and more & Is.NAME and not before.endswith(", "))
    )
    is_by = number > 0 and reading.words[number - 1] in ("by", "name", "patient", "pt", "signed", "to", "cc", "attn")
    if (is_first or is_by) and reading.shapes[following] in (TITLE, UPPER):
        yield found(reading, beginning(reading, number), chain(reading, following), "name.last-first")


def _abbreviated(reading: Reading, number: int) -> Iterator[Find]:
    """`frank l., presented`: a frequent first name and the initial of the last one, before a comma or the like."""
    bits, initial = reading.flags[number], number + 1
    if (
        bits & Is.GIVEN
        and bits & Is.COMMON_NAME
        and not bits & (Is.CLOSED | Is.TERM | Is.MONTH | Is.ROLE | Is.VERB | Is.TITLE)
        and initial < len(reading.words)
        and len(reading.words[initial]) == 1
        and reading.gap(number) == " "
        and reading.shapes[initial] != DIGITS
        and reading.before(number) != "-"
        and reading.gap(initial)[:2] in (".,", ".)", ".;", ".?", ".:")
    ):
        yield found(reading, number, initial, "name.list")


def _is_of_people(label: str) -> bool:
    """Whether a label tells of people alone, so that a rare first name behind it is one: `Proxy: Merry`."""
    return label not in JOINING and label not in SERVICES


def _with_age(reading: Reading, number: int) -> Iterator[Find]:
    """`Frost (82F hip fx)`, `Bell: 67M`: a last name of the lists that begins a line or item, before age and sex."""
    bits = reading.flags[number]
    if (
        bits & Is.SURNAME
        and not bits & (Is.TERM | Is.EPONYM_NOUN | Is.CLOSED | Is.ROLE | Is.MONTH)
        and reading.shapes[number] in (TITLE, UPPER)
        and reading.begins_item(number)
        and AGE_AND_SEX.match(reading.text, reading.stops[number])
    ):
        yield found(reading, number, number, "name.list")


def _labelled(reading: Reading, label: int, is_upper: list[bool]) -> Iterator[Find]:
    """What stands behind `Name:` and the like."""
    first = label + 1
    if first >= len(reading.words):
        return
    while first + 1 < len(reading.words) and reading.flags[first] & Is.TITLE:
        first += 1
    bits, shape = reading.flags[first], reading.shapes[first]
    is_capital = shape != LOWER or (is_upper[first] and not bits & Is.SPOKEN and reading.words[label] not in JOINING)
    if (
        "\n" in reading.before(first)
        or shape in (DIGITS, MIXED)
        or bits & (Is.CLOSED | Is.TERM | Is.ROLE | Is.EPONYM_NOUN)
    ):
        return
    if bits & LISTED or not bits & Is.WORD:
        last = chain(reading, first)
        if (
            reading.gap(last) in (", ", ",")
            and last + 1 < len(reading.words)
            and reading.flags[last + 1] & LISTED
            and not reading.flags[last + 1] & (Is.TERM | Is.CREDENTIAL)
        ):
            last = chain(reading, last + 1)
        if (
            bits & Is.WORD
            and not bits & Is.NAME
            and last == first
            and not (
                is_capital and (bits & Is.COMMON_NAME or (bits & Is.GIVEN and _is_of_people(reading.words[label])))
            )
        ):
            return
        if last == first and (
            is_result_of_service(reading, label, first)
            or begins_illness(reading, first)
            or names_illness(reading, first)
        ):
            return
        yield found(reading, first, last, "name.label")
