"""Where the name of an organization begins and ends, from the word that ends it: `hospital`, `medical center`."""

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.lexicon import CENTERS, SPECIALTIES, VISITED, Is
from service.apps.deidentify.engine.reading import DIGITS, LOWER, MIXED, TITLE, UPPER, Reading

# Words that end a name only behind one of the words beside them.
BEFORE_CENTER = word_class("before-center")
TAIL = word_class("tail")
HEADISH = word_class("headish")
FRONT = word_class("front")
CITY_LETTERS = word_class("city-letters")
LINKS = word_class("links")
WEAK_NAMES = word_class("weak-names")
AT = word_class("at")
# Words inside a name, of which none makes a name.
THROUGH = word_class("through")
NO_SURNAMES = word_class("no-surnames")
STAY = word_class("stay")
SHORTENED = frozenset(("st", "mt", "ft", "dr", "med", "univ", "mem", "gen"))
BEFORE_OF = frozenset(("university", "college", "hospital", "bank", "church", "institute", "academy"))
# Words of a name, on each side of the word that ends it. Without a bound, a note of such words alone would take time
# that grows with its square.
LONGEST = 7
GAPS = frozenset((" ", "-", "'", ". ", " & ", "  ", "/", ".", "&"))
TITLED = (TITLE, UPPER)
NAMED = Is.NAME | Is.TOWN | Is.PLACE | Is.PROPER | Is.SURNAME | Is.GIVEN | Is.STATE


def beginning(reading: Reading, head: int) -> int | None:
    """Where the name begins that this word ends; None where there is no name."""
    if not _can_end(reading, head):
        return None
    words = reading.words
    first, place = None, head
    while place and head - place < LONGEST:
        gap = reading.before(place)
        place -= 1
        if gap not in GAPS or (gap == ". " and words[place] not in SHORTENED):
            break
        if _names(reading, place, head, is_named=first is not None):
            first = place
        elif not _is_between(reading, place):
            break
    if first is not None:
        return first
    if (
        words[head] in BEFORE_OF
        and head + 2 < len(words)
        and words[head + 1] == "of"
        and _names_place(reading, head + 2)
    ):
        return head if not (head > 1 and words[head - 1] == "s") else head - 2
    return _weak(reading, head)


def _can_end(reading: Reading, head: int) -> bool:
    """Whether a word ends a name where it stands: `center` behind `medical`, `Pediatrics` with a capital letter."""
    word, shape = reading.words[head], reading.shapes[head]
    if word in SPECIALTIES:
        bits = reading.flags[head - 1] if head and reading.before(head) == " " else Is.WORD
        return shape == TITLE or not bits or bool(bits & (Is.PROPER | Is.TOWN) and not bits & Is.GENERIC)
    if word == "medicine":
        return head > 0 and reading.words[head - 1] in ("family", "internal")
    if word not in CENTERS:
        return True
    if not head or reading.before(head) not in GAPS:
        return False
    is_behind_name = reading.flags[head - 1] & Is.NAME and word not in ("living", "care")
    return reading.words[head - 1] in BEFORE_CENTER or shape == TITLE or bool(is_behind_name)


def _names(reading: Reading, place: int, head: int, *, is_named: bool) -> bool:
    """Whether a word makes a name of what ends at `head`. `is_named`: a word behind it does already."""
    word, bits, shape = reading.words[place], reading.flags[place], reading.shapes[place]
    if is_name_word(word, bits, shape) or (is_named and word in FRONT and reading.gap(place) == " "):
        return word != "s"
    if bits & Is.GENERIC or word in THROUGH:
        return False
    return shape == LOWER and not is_named and _is_common_surname(bits, word) and not _is_stay(reading, head)


def _is_between(reading: Reading, place: int) -> bool:
    """Whether a word may stand within a name without making one: `General`, `of`, the `s` of `Mary's`."""
    word, bits = reading.words[place], reading.flags[place]
    if word == "s" and reading.before(place) == "'":
        return True
    if bits & Is.GENERIC and not bits & Is.CLOSED and word not in LINKS:
        return reading.shapes[place] in TITLED or word in BEFORE_CENTER or word in THROUGH
    if word in THROUGH:
        return True
    before = place - 1
    return (
        word in LINKS
        and word != "at"  # `followed at Riverside Clinic`
        and place > 0
        and (
            reading.words[before] == "s"
            or is_name_word(reading.words[before], reading.flags[before], reading.shapes[before])
        )
    )


def is_name_word(word: str, bits: int, shape: int) -> bool:
    """Whether a word can be a part of a name that tells something: no function word, no `outpatient`."""
    if bits & (
        Is.CLOSED | Is.GENERIC | Is.VERB | Is.ROLE | Is.MONTH | Is.WEEKDAY | Is.EPONYM_NOUN | Is.TITLE
    ) and not bits & (Is.TOWN | Is.NAME):
        return word == "st"
    if shape in TITLED:
        return word in CITY_LETTERS or (len(word) > 1 and not (shape == UPPER and bits & Is.TERM))
    if shape == LOWER:
        return (
            not bits
            or (bool(bits & NAMED) and not (bits & Is.WORD and not bits & (Is.PROPER | Is.TOWN | Is.NAME)))
            or word in ("st", "mt")
        )
    return False


def _is_common_surname(bits: int, word: str) -> bool:
    return (
        bool(bits & Is.SURNAME and bits & Is.COMMON_NAME)
        and word not in NO_SURNAMES
        and not bits & (Is.GENERIC | Is.CLOSED | Is.VERB | Is.ROLE | Is.TITLE | Is.TERM)
    )


def _is_stay(reading: Reading, head: int) -> bool:
    """Whether `hospital` speaks of a stay: `hospital course`."""
    return head + 1 < len(reading.words) and reading.gap(head) == " " and reading.words[head + 1] in STAY


def _weak(reading: Reading, head: int) -> int | None:
    """`General Hospital`: a name by its capital letters, behind `at` or `to`."""
    place = head
    while (
        place > 0
        and head - place < LONGEST
        and reading.before(place) in GAPS
        and (reading.words[place - 1] in WEAK_NAMES or reading.words[place - 1] == "s")
    ):
        place -= 1
    if place == head or not place:
        return None
    if reading.shapes[head] != TITLE and not (
        reading.words[place - 1] in AT and any(word in VISITED for word in reading.words[max(0, place - 4) : place - 1])
    ):
        return None
    return place if reading.words[place - 1] in AT or reading.words[place - 1] == "the" else None


def end(reading: Reading, head: int) -> int:
    """Where the name ends: with what follows of it, such as `of Michigan`, `Los Angeles`, `Medical Center`."""
    last = head
    while last + 1 < min(len(reading.words), head + LONGEST):
        gap, word, bits, shape = (
            reading.gap(last),
            reading.words[last + 1],
            reading.flags[last + 1],
            reading.shapes[last + 1],
        )
        if gap in (" ", "-", ". ") and word in TAIL and (tail := _tail(reading, last + 1)):
            last = tail
        elif gap == " " and shape == TITLE and bits & (Is.TOWN | Is.STATE) and not bits & Is.CLOSED:
            last += 1
        elif (
            gap == " "
            and word in ("los", "san", "new", "las", "santa")
            and last + 2 < len(reading.words)
            and reading.gap(last + 1) == " "
        ):
            last += 2
        elif gap == " " and word in ("of", "in", "at") and _names_place(reading, last + 2):
            last = _names_place(reading, last + 2)
        elif (
            gap in (" #", " ", " no. ")
            and shape == DIGITS
            and ("#" in gap or reading.words[last] in ("store", "branch"))
        ):
            last += 1
        else:
            break
    return last


def _tail(reading: Reading, number: int) -> int:
    """The last of words like `medical center` that begin here; 0 where none of them ends a name."""
    last, place = 0, number
    while (
        place < min(len(reading.words), number + LONGEST)
        and reading.words[place] in TAIL
        and reading.before(place) in (" ", "-", ". ", "'")
    ):
        if (
            reading.words[place] in HEADISH
            and (reading.shapes[place] != LOWER or reading.before(place) != ". " or reading.words[place - 1] == "med")
        ) or reading.shapes[place] == TITLE:
            last = place
        place += 1
        if place < len(reading.words) and reading.words[place] == "s" and reading.before(place) == "'":
            place += 1
    return last


def _names_place(reading: Reading, number: int) -> int:
    """The last word of a place that begins here; 0 where none does."""
    if number >= len(reading.words) or reading.before(number) != " ":
        return 0
    while reading.words[number] == "the" and number + 1 < len(reading.words):
        number += 1
    bits = reading.flags[number]
    if (
        reading.shapes[number] in (DIGITS, MIXED)
        or bits & (Is.CLOSED | Is.GENERIC | Is.MONTH)
        or not (
            bits & (Is.TOWN | Is.STATE | Is.NAME)
            or not bits
            or (reading.shapes[number] == TITLE and not bits & (Is.TERM | Is.DRUG))
        )
    ):
        return 0
    last = number
    while (
        last + 1 < len(reading.words)
        and reading.gap(last) == " "
        and reading.shapes[last + 1] == TITLE
        and not reading.flags[last + 1] & (Is.CLOSED | Is.MONTH | Is.GENERIC)
    ):
        last += 1
    return last
