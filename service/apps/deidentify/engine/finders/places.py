"""Towns, counties and neighbourhoods, from the list and by the words before them."""

from collections.abc import Iterator

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finders import place_labels
from service.apps.deidentify.engine.finders.eponyms import is_of_term
from service.apps.deidentify.engine.finding import Find, RuleInfo
from service.apps.deidentify.engine.lexicon import Is, Lexicon
from service.apps.deidentify.engine.reading import DIGITS, LOWER, TITLE, UPPER, Reading
from service.apps.deidentify.engine.rules import Kind

RULES = (
    RuleInfo("location.town", Kind.LOCATION, "A town of the list."),
    RuleInfo("location.behind-cue", Kind.LOCATION, "A place behind `lives in`, `born in`, `from` and the like."),
    RuleInfo("location.county", Kind.LOCATION, "A county, a parish, a township."),
    *place_labels.RULES,
)
ABBREVIATIONS = word_class("abbreviations")
WORDS_TOO = word_class("words-too")
FRONT = word_class("places-front")
NICKNAMES = frozenset(["nyc", "philly"])
# Behind these two words or one, an everyday word is a place: `grew up in Reading`.
STRONG_CUES = word_class("strong-cues")
CUES = word_class("cues")
BEFORE_CUE = 3  # words from the cue back to the verb
OF = word_class("of")
ANY = Is.PLACE_START | Is.PLACE | Is.PLACE_CUE | Is.DISTRICT | Is.LABEL
GAPS = frozenset((" ", "-", "'", ". ", ", "))
NOT_A_PLACE = Is.CLOSED | Is.MONTH | Is.WEEKDAY | Is.TITLE | Is.ROLE | Is.EPONYM_NOUN | Is.GENERIC | Is.TERM | Is.DRUG


def find(reading: Reading, lexicon: Lexicon) -> Iterator[Find]:
    """Places."""
    words, flags = reading.words, reading.flags
    for number, bits in enumerate(flags):
        if not bits & ANY:
            continue
        word = words[number]
        if is_of_term(reading, number):
            continue
        if bits & Is.PLACE_START and (last := _phrase(reading, number, lexicon)):
            yield _find(reading, number, _with_state(reading, last), "location.town")
        elif (
            (
                bits & Is.TOWN
                and not (bits & Is.NAME and not _is_behind_cue(reading, number) and not _has_state(reading, number))
            )
            or word in NICKNAMES
            or (bits & Is.PLACE and _has_state(reading, number))
        ):
            yield _find(reading, number, _with_state(reading, number), "location.town")
        if bits & Is.PLACE_CUE and word in CUES and number + 1 < len(words):
            yield from _behind_cue(reading, number)
        if bits & Is.DISTRICT and number:
            yield from _district(reading, number)
        if bits & Is.LABEL:
            yield from place_labels.find(reading, number)


def _find(reading: Reading, first: int, last: int, rule: str) -> Find:
    return Find(reading.starts[first], reading.stops[last], Kind.LOCATION, rule)


def _phrase(reading: Reading, number: int, lexicon: Lexicon) -> int:
    """The last word of a place of several words that begins here; 0 where none does."""
    words, flags = reading.words, reading.flags
    following = words[number + 1] if number + 1 < len(words) else ""
    for phrase in lexicon.places.get((words[number], following), ()):
        last = number + len(phrase) - 1
        if (
            tuple(words[number : last + 1]) != phrase
            or "\n" in reading.text[reading.starts[number] : reading.stops[last]]
        ):
            continue
        if any(reading.gap(part) not in GAPS or reading.gap(part) == ", " for part in range(number, last)):
            continue
        if phrase in lexicon.large_towns and len(phrase[0]) > 1:
            return last
        plain = all(
            flags[part] & (Is.WORD | Is.CLOSED) and not flags[part] & (Is.TOWN | Is.NAME)
            for part in range(number, last + 1)
        )
        titled = all(
            reading.shapes[part] in (TITLE, UPPER) or flags[part] & Is.CLOSED for part in range(number, last + 1)
        )
        if not plain and (
            titled or any(flags[part] & Is.TOWN for part in range(number, last + 1)) or _is_behind_cue(reading, number)
        ):
            return last
        if plain and (
            (titled and _is_behind_cue(reading, number))
            or _has_state(reading, last)
            or (_is_behind_strong_cue(reading, number))
        ):
            return last
    return 0


def _is_behind_cue(reading: Reading, number: int) -> bool:
    return number > 0 and reading.words[number - 1] in CUES and reading.before(number) == " "


def _is_behind_strong_cue(reading: Reading, number: int) -> bool:
    return _is_behind_cue(reading, number) and _has_strong_cue(reading, number - 1)


def _has_strong_cue(reading: Reading, cue: int) -> bool:
    """Whether `lives`, `born` and the like stand shortly before this word."""
    return any(word in STRONG_CUES for word in reading.words[max(0, cue - BEFORE_CUE) : cue])


def _has_state(reading: Reading, number: int) -> bool:
    """Whether a state follows: `, NC`, `, Ohio`, ` NC 27710`."""
    following = number + 1
    if following >= len(reading.words) or reading.gap(number) not in (", ", " ", ","):
        return False
    word, shape = reading.words[following], reading.shapes[following]
    if "," in reading.gap(number) and (
        reading.flags[following] & Is.STATE
        or (word in ABBREVIATIONS and shape == UPPER)
        or (word in ABBREVIATIONS and word not in WORDS_TOO and reading.flags[number] & (Is.TOWN | Is.PLACE))
    ):
        return True
    return (
        word in ABBREVIATIONS
        and shape == UPPER
        and following + 1 < len(reading.words)
        and reading.gap(following) == " "
        and reading.shapes[following + 1] == DIGITS
        and len(reading.words[following + 1]) == 5  # noqa: PLR2004 - digits of a ZIP code
    )


def _with_state(reading: Reading, number: int) -> int:
    """The last word of a place with its state and ZIP code."""
    if not _has_state(reading, number):
        return number
    last = number + 1
    if (
        last + 1 < len(reading.words)
        and reading.shapes[last + 1] == DIGITS
        and len(reading.words[last + 1]) == 5  # noqa: PLR2004 - likewise
        and reading.gap(last) in (" ", ", ")
    ):
        last += 1
    return last


def _behind_cue(reading: Reading, cue: int) -> Iterator[Find]:
    """A place behind `in`, `from` and the like: by its capital letter, or by the verb before."""
    is_strong = _has_strong_cue(reading, cue)
    is_of = reading.words[cue] == "of" and cue > 0 and reading.words[cue - 1] in OF
    if reading.words[cue] in ("of", "at", "to") and not (is_strong or is_of):
        return
    place = cue + 1
    if reading.words[place] == "the" and place + 1 < len(reading.words) and (is_strong or is_of):
        place += 1
    while place < len(reading.words) and reading.before(place) in (" ", ", ", ","):
        bits, shape = reading.flags[place], reading.shapes[place]
        is_titled = shape in (TITLE, UPPER) and not (shape == UPPER and bits & (Is.TERM | Is.WORD))
        if reading.words[place] in FRONT and (last := _behind_front(reading, place, is_sure=is_strong or is_of)):
            yield _find(reading, place, _with_state(reading, last), "location.behind-cue")
            break
        if bits & NOT_A_PLACE and not bits & Is.TOWN:
            break
        if not (
            (is_titled and (bits & Is.PLACE or ((is_strong or is_of) and not bits & Is.STATE)))
            or (is_strong and shape == LOWER and bits & Is.PLACE and (bits & Is.TOWN or not bits & Is.EPONYM))
        ):
            break
        last = place
        while (
            last + 1 < len(reading.words)
            and reading.gap(last) in (" ", "-")
            and reading.shapes[last + 1] == TITLE
            and not reading.flags[last + 1] & NOT_A_PLACE
        ):
            last += 1
        yield _find(reading, place if not is_of else cue - 1, _with_state(reading, last), "location.behind-cue")
        if last + 2 < len(reading.words) and reading.words[last + 1] in ("and", "or") and is_strong:
            place = last + 2
        else:
            break


def _behind_front(reading: Reading, number: int, *, is_sure: bool) -> int:
    """The last word of `Port Amanda` or `New Ann`; 0 where this is none."""
    last = number + 1
    if last >= len(reading.words) or reading.gap(number) not in (" ", ". "):
        return 0
    bits, shape = reading.flags[last], reading.shapes[last]
    if bits & (Is.CLOSED | Is.GENERIC | Is.EPONYM_NOUN | Is.TERM | Is.ROLE) and not bits & (Is.NAME | Is.TOWN):
        return 0
    if shape == TITLE and reading.shapes[number] == TITLE:
        return last if is_sure or bits & (Is.PLACE | Is.NAME) or not bits & Is.WORD else 0
    return last if bits & Is.NAME or not bits or (is_sure and bits & Is.PLACE) else 0


def _district(reading: Reading, number: int) -> Iterator[Find]:
    first = number
    while first and reading.before(first) == " " and number - first < 3:  # noqa: PLR2004 - words of a county's name
        bits, shape = reading.flags[first - 1], reading.shapes[first - 1]
        if bits & (Is.CLOSED | Is.GENERIC | Is.VERB) and not bits & Is.NAME:
            break
        if not (shape in (TITLE, UPPER) or bits & (Is.PLACE | Is.NAME | Is.SURNAME)):
            break
        first -= 1
    if first < number:
        yield _find(reading, first, number, "location.county")
