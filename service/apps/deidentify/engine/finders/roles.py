"""Names behind roles and relations: `daughter`, `pt`, `spoke with`."""

import re
from collections.abc import Iterator, Sequence

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finders.chains import LISTED, NO_NAME, chain, found, is_next_label
from service.apps.deidentify.engine.finders.eponyms import names_illness
from service.apps.deidentify.engine.finders.titles import ACTS, MODALS, goes_on_like_a_name
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.lexicon import Is
from service.apps.deidentify.engine.reading import LOWER, TITLE, UPPER, Reading

# Behind these, with one word between at most, a listed word is a name.
SPEAKING = word_class("speaking")
SERVICES = word_class("services")
RESULTS_OF_SERVICES = word_class("results-of-services")
PATIENT = frozenset(["patient", "pt"])
NO_INITIALS = word_class("no-initials")
INITIALS = re.compile(r"[A-Z]\.[ ]?(?:[A-Z]\.[ ]?){0,1}[A-Z]\.")
# What things do too: behind these a rare first name is rather a word.
ALSO_OF_THINGS = frozenset(("is", "was", "has", "had", "appears", "looks", "remains", "continues", "did", "does"))
# What goes on so behind a frequent first name speaks of a person: `Grace, 84, was`, `Rose (84F)`, `Hope will walk`.
OF_PERSON = re.compile(
    r"(?: (?:can|may|might|should|will|would)\b| and (?:her|his)\b"
    r"|,? \(?(?:is )?(?:an? )?[0-9]{1,3}(?:[,)]| ?(?:yo|y/o|years?|yrs?|[MF])\b))",
    re.IGNORECASE,
)
# What speaks of people alone: an abbreviation or a month before it is a first name: `Gene reports`, `May denies`.
ONLY_OF_PEOPLE = re.compile(
    r" (?:(?:complains|denied|denies|endorsed|endorses|reports|says|states|presents)\b"
    r"|\((?:aunt|brother|dad|dtr|daughter|father|friend|husband|mom|mother|neighbor|sister|son|spouse|wife)\)"
    r"|is (?:here|sleeping|gaining|meeting|feeding|eating|crying|walking|crawling|accompanied|afebrile)\b"
    r"|was (?:discharged|admitted|born|brought|intubated|extubated)\b)",
    re.IGNORECASE,
)
RELATIONS = word_class("relations")
GOES_ON_ALONE = frozenset(("is", "was", "will", "drove"))
SMALL_INITIALS = re.compile(r"[a-z]\.[a-z]\.(?![a-z])")
TIMES = frozenset(("today", "yesterday", "tonight", "this", "on"))
NO_INITIALS_BEHIND = frozenset(("name", "named", "np", "to", "for"))
# Behind these an everyday word is a name only before another name.
WEAK_ROLES = PATIENT | {"np", "pa", "by", "to", "for"}
MOST_NAMES = 4  # words between `Patient` and a verb
ROLE_GAPS = frozenset((" ", ", ", ": ", " (", " - ", ". ", "  ", ":  "))
NEVER = NO_NAME | Is.ROLE | Is.MONTH | Is.EPONYM_NOUN | Is.TERM | Is.DRUG
# Behind a relation these are names too: `daughter june`, `wife art`.
NAMES_TOO = Is.MONTH | Is.TERM


def behind_role(reading: Reading, number: int, is_upper: Sequence[bool]) -> Iterator[Find]:
    """A name behind `daughter`, `pt`, `spoke with`."""
    first = _first_behind(reading, number)
    if first is None or names_illness(reading, first):
        return
    role, bits = reading.words[number], reading.flags[first]
    is_small = role in PATIENT and reading.shapes[first] == LOWER
    if is_small or (reading.shapes[first] in (TITLE, UPPER) and role not in NO_INITIALS_BEHIND):
        initials = (SMALL_INITIALS if is_small else INITIALS).match(reading.text, reading.starts[first])
        if initials and initials[0].replace(".", "").replace(" ", "").lower() not in NO_INITIALS:
            yield found(reading, first, chain(reading, first + initials[0].count(".") - 1), "name.initials")
            return
    is_name = bool(bits & NEVER) and _is_name_too(reading, number, first)
    if bits & NEVER and not (
        is_name
        or bits & Is.NAME
        or reading.words[first] in MODALS
        or (reading.shapes[first] == TITLE and bits & Is.GIVEN and not is_upper[first])
    ):
        return
    if is_next_label(reading, first) or not (is_name or _is_accepted(reading, number, first, is_upper=is_upper[first])):
        return
    last = chain(reading, first)
    if last == first and ":" in reading.gap(number) and is_result_of_service(reading, number, first):
        return
    yield found(reading, first, last, "name.role")
    more = last + 2
    if (
        more < len(reading.words)
        and reading.words[last + 1] == "and"
        and reading.flags[more] & LISTED
        and not reading.flags[more] & (Is.ROLE | Is.CLOSED)
        and (reading.shapes[more] == TITLE or _is_another(reading, more))
    ):
        yield found(reading, more, chain(reading, more), "name.role")


def is_result_of_service(reading: Reading, label: int, first: int) -> bool:
    """Whether the one word behind a label is what a service did or found, and no name: `PT: Daily`."""
    return (
        reading.words[label] in SERVICES
        and reading.shapes[label] != LOWER
        and reading.words[first] in RESULTS_OF_SERVICES
    )


def _is_another(reading: Reading, number: int) -> bool:
    """Whether a word behind a name and `and` is a first name too, in any letter case: `hope and grace`."""
    bits = reading.flags[number]
    return (
        bool(bits & Is.GIVEN and bits & Is.COMMON_NAME)
        and not bits & (NEVER | Is.VERB)
        and goes_on_like_a_name(reading, number)
    )


def _is_name_too(reading: Reading, number: int, first: int) -> bool:
    """Whether a month or an abbreviation is somebody's name: `daughter june called`, `patient art gray`."""
    bits, role = reading.flags[first], reading.words[number]
    if not bits & Is.GIVEN or bits & NEVER & ~NAMES_TOO or not goes_on_like_a_name(reading, first):
        return False
    if role not in WEAK_ROLES:
        return bool(reading.flags[number] & Is.ROLE)
    last = first + 1
    return (
        role in PATIENT
        and last < len(reading.words)
        and reading.gap(first) == " "
        and bool(reading.flags[last] & Is.SURNAME and reading.flags[last] & Is.COMMON_NAME)
        and not reading.flags[last] & Is.CLOSED
        and goes_on_like_a_name(reading, last)
    )


def _first_behind(reading: Reading, number: int) -> int | None:
    """The word behind a role that may be a name; None where the sentence goes on otherwise."""
    words, flags = reading.words, reading.flags
    role, first, gap = words[number], number + 1, reading.gap(number)
    if first >= len(words) or "\n" in gap or not (gap in ROLE_GAPS or gap.strip() == ":"):
        return None
    if gap == ". " and role not in ("pt", "np"):
        return None
    if not flags[number] & Is.ROLE and (
        not any(word in SPEAKING for word in words[max(0, number - 2) : number])
        or (flags[first] & Is.ROLE and not flags[first] & Is.NAME)
    ):
        return None
    if role in PATIENT:
        return first
    while (
        first + 1 < min(len(words), number + MOST_NAMES)
        and words[first] in ("is", "was", "named", "called", "name")
        and reading.before(first) == " "
    ):
        if role not in ("name", "named") and words[first] in ("is", "was") and reading.shapes[first + 1] != TITLE:
            return None
        first += 1
    return first


def _is_accepted(reading: Reading, number: int, first: int, *, is_upper: bool) -> bool:  # noqa: PLR0911 - one for each case
    """Whether a word behind a role is a name: by its capital letter, by the lists, and by what follows."""
    bits, shape, word, role = reading.flags[first], reading.shapes[first], reading.words[first], reading.words[number]
    is_spoken = not reading.flags[number] & Is.ROLE
    following = first + 1 if first + 1 < len(reading.words) else first
    if shape == TITLE and not is_upper:
        if word in MODALS and role in PATIENT:
            return False
        is_full = shape == reading.shapes[following] and reading.flags[following] & LISTED and following > first
        is_history = ":" in reading.gap(number) and begins_illness(reading, first)
        return (
            bool(bits & LISTED and not is_history)
            or not bits & Is.WORD
            or bool(is_spoken and is_full and not bits & (Is.GENERIC | Is.HEAD))
            or (not is_spoken and role not in WEAK_ROLES and _acts(reading, first))
        )
    if bits & Is.NAME:
        return True
    if word in MODALS:
        if is_spoken:
            return word == "will" and role in ("by", "with") and _ends_or_goes_on(reading, first)
        return role not in PATIENT and goes_on_like_a_name(reading, first)
    is_verb = bits & Is.VERB and not (is_spoken and bits & Is.GIVEN and reading.gap(first)[:1] in (",", "."))
    if is_upper and role in RELATIONS and bits & Is.GIVEN and bits & Is.COMMON_NAME and not bits & (Is.VERB | Is.HEAD):
        return True
    if bits & LISTED and not is_verb and not bits & Is.HEAD:
        accepted = bool(bits & Is.COMMON_NAME) and goes_on_like_a_name(reading, first)
        if role in WEAK_ROLES:
            more = reading.flags[following]
            is_full = following > first and bool(more & LISTED and more & Is.COMMON_NAME)
            return (
                accepted
                and bool(bits & Is.GIVEN)
                and (is_full or (role in PATIENT and reading.words[following] in ("is", "was")))
            )
        return accepted
    if shape == UPPER:
        return not bits & (Is.WORD | Is.TERM)
    return shape == LOWER and not bits


def begins_illness(reading: Reading, first: int) -> bool:
    """Whether an everyday word is what somebody of the family has: `Mother: Heart disease`."""
    following = first + 1
    return (
        following < len(reading.words)
        and reading.gap(first) == " "
        and reading.shapes[following] == LOWER
        and (bool(reading.flags[following] & (Is.TERM | Is.EPONYM_NOUN)) or reading.words[following] == "cancer")
        and not reading.flags[first] & (Is.GIVEN | Is.NAME)
    )


def _ends_or_goes_on(reading: Reading, number: int) -> bool:
    """Whether the sentence ends behind a word, or goes on with a time or a place: `seen by will today`."""
    return goes_on_like_a_name(reading, number) or reading.words[number + 1] in TIMES


def _acts(reading: Reading, number: int) -> bool:
    """Whether a word in the midst of a line does what people do: `Son Chip is here`."""
    return (
        number + 1 < len(reading.words)
        and reading.gap(number) == " "
        and reading.shapes[number + 1] == LOWER
        and reading.words[number + 1] in ACTS | GOES_ON_ALONE
        and not reading.flags[number] & (Is.CLOSED | Is.GENERIC | Is.HEAD | Is.VERB)
    )


def subject(reading: Reading, number: int) -> Iterator[Find]:
    """`Patient Do In was seen`: words with capital letters between `Patient` and a verb."""
    words, shapes, flags = reading.words, reading.shapes, reading.flags
    last = number
    while (
        last + 1 < len(words)
        and last - number < MOST_NAMES
        and reading.gap(last) in (" ", "-", "'", ". ")
        and shapes[last + 1] == TITLE
    ):
        last += 1
    if last == number or last + 1 >= len(words) or reading.gap(last) != " " or shapes[last + 1] != LOWER:
        return
    if words[last + 1] not in ACTS and words[last + 1] not in ("presents", "seen"):
        return
    if last == number + 1 and not flags[last] & LISTED and flags[last] & Is.WORD:
        return
    if any(
        flags[part] & (Is.ROLE | Is.EPONYM_NOUN | Is.GENERIC) and not flags[part] & (LISTED | Is.CLOSED)
        for part in range(number + 1, last + 1)
    ):
        return
    yield found(reading, number + 1, last, "name.subject")


def acting(reading: Reading, number: int, is_upper: Sequence[bool]) -> Iterator[Find]:
    """`Chance ate half of his lunch`, `Hope's mom called`."""
    bits = reading.flags[number]
    is_told = ONLY_OF_PEOPLE.match(reading.text, reading.stops[number]) is not None
    if (
        not bits & Is.GIVEN
        or bits & (Is.NAME | Is.ROLE)
        or (bits & (Is.CLOSED | Is.TERM | Is.MONTH | Is.EPONYM_NOUN) and not is_told)
        or reading.shapes[number] != TITLE
        or is_upper[number]
        or not reading.begins_item(number)
    ):
        return
    is_common = bool(bits & Is.COMMON_NAME)
    if (
        is_told
        or _has(reading, number)
        or (is_common and OF_PERSON.match(reading.text, reading.stops[number]))
        or (
            number + 1 < len(reading.words)
            and reading.gap(number) == " "
            and reading.words[number + 1] in ACTS
            and (is_common or reading.words[number + 1] not in ALSO_OF_THINGS)
        )
    ):
        yield found(reading, number, number, "name.acts")


def _has(reading: Reading, number: int) -> bool:
    """Whether somebody or something is said to be this person's: `Hope's mom`, but not `Baker's cyst`."""
    owned = number + 2
    return (
        owned < len(reading.words)
        and reading.gap(number) == "'"
        and reading.words[number + 1] == "s"
        and reading.gap(number + 1) == " "
        and reading.shapes[owned] == LOWER
        and not reading.flags[owned] & (Is.CLOSED | Is.VERB)
        and not (reading.flags[owned] & Is.EPONYM_NOUN and reading.flags[number] & Is.EPONYM)
    )
