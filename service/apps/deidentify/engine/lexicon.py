"""What single words can be: names, places, everyday words, drugs, parts of dates. Read once from the lists in `words`.

`words/SOURCES.md` says where each list comes from.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TypeVar

from service.apps.deidentify.engine.classes import word_class

Phrase = tuple[str, ...]
Key = TypeVar("Key")

COMMON_SURNAMES = 3000  # of a list that begins with the most frequent
COMMON_GIVEN = 1500
SHORTEST_TOWN = 3  # letters; shorter ones are abbreviations too
LARGE_TOWNS = 7000  # of a list that begins with the most populous: 100,000 people or so


class Is:
    """What a word can be: bits, of which a word has any number. Plain integers, since an `IntFlag` is slow."""

    GIVEN = 1 << 0  # a first name
    SURNAME = 1 << 1
    COMMON_NAME = 1 << 2  # among the most frequent names
    WORD = 1 << 3  # an everyday or medical word
    NAME = 1 << 4  # a name and, but for a few, nothing else
    PLACE = 1 << 5
    TOWN = 1 << 6  # a place and, but for a few, nothing else
    DRUG = 1 << 7
    TERM = 1 << 8  # an abbreviation, a trade name or a clinical word that stays
    EPONYM = 1 << 9  # a person's name that became a medical term
    EPONYM_NOUN = 1 << 10  # what follows an eponym: `disease`, `sign`
    CLOSED = 1 << 11  # a function word
    VERB = 1 << 12  # a verb form that follows a name and is a name too
    MONTH = 1 << 13
    WEEKDAY = 1 << 14
    TITLE = 1 << 15
    ROLE = 1 << 16  # what stands before a name: `daughter`, `nurse`
    CREDENTIAL = 1 << 17  # what stands after a name: `MD`
    PARTICLE = 1 << 18  # `van`, `de la`
    HEAD = 1 << 19  # the last word of an organization's name: `hospital`
    GENERIC = 1 << 20  # what makes no name of an organization: `outpatient clinic`
    COMPANY = 1 << 21  # begins the name of an organization of the list
    COMPANY_BEHIND = 1 << 22  # likewise, but only behind `at`, `to`, `from` and the like
    STATE = 1 << 23
    PLACE_CUE = 1 << 24  # what stands before a place: `from`, `in`
    PROPER = 1 << 25  # an everyday word of which names of organizations are made: `mercy`, `lakeside`
    PLACE_START = 1 << 26  # begins a place of several words
    CARE = 1 << 27  # ends or announces the name of an organization, by the words beside it
    SPOKEN = 1 << 28  # `with`, `by` and the like, which stand before names
    DISTRICT = 1 << 29  # `county`
    LABEL = 1 << 30  # stands before a colon and a name
    LETTER_OF_CREDENTIAL = 1 << 31  # begins `M.D.` and the like


# Words of organizations that count with the words beside them, and verbs that stand before a place of care.
CENTERS = word_class("centers")
SPECIALTIES = word_class("specialties")
VISITED = word_class("visited")
# Words that end the name of a hospital behind the name of a town: `Cincinnati General`.
TOWN_HOSPITALS = word_class("town-hospitals")
LABEL_WORDS = word_class("label-words")
TITLES_OF_CARE = word_class("titles-of-care")
CLASSES = (
    (word_class("closed"), Is.CLOSED),
    (word_class("verbs"), Is.VERB),
    (word_class("months"), Is.MONTH),
    (word_class("weekdays"), Is.WEEKDAY),
    (word_class("titles"), Is.TITLE),
    (word_class("roles"), Is.ROLE),
    (word_class("credentials"), Is.CREDENTIAL),
    (word_class("particles"), Is.PARTICLE),
    (word_class("heads"), Is.HEAD),
    (word_class("generic"), Is.GENERIC),
    (word_class("states"), Is.STATE),
    (word_class("place-cues"), Is.PLACE_CUE),
    (word_class("districts"), Is.DISTRICT),
    (word_class("letters-of-credentials"), Is.LETTER_OF_CREDENTIAL),
    (word_class("spoken"), Is.SPOKEN),
    (LABEL_WORDS | word_class("place-labels") | word_class("organization-labels"), Is.LABEL),
    (CENTERS | SPECIALTIES | VISITED | TOWN_HOSPITALS | {"st", "saint"}, Is.CARE),
)
NO_NAMES = Is.MONTH | Is.WEEKDAY | Is.STATE | Is.TITLE | Is.ROLE  # whose words are no sure names, nor sure towns


@dataclass(frozen=True, slots=True)
class Lexicon:
    """`flags`: of lower-case ASCII words. `places` of several words by their first two, `organizations` by their first.

    The longest first. `large_towns`: the places of several words that count without a word before them.
    """

    flags: Mapping[str, int]
    places: Mapping[tuple[str, str], tuple[Phrase, ...]]
    organizations: Mapping[str, tuple[Phrase, ...]]
    large_towns: frozenset[Phrase]


def lines(name: str) -> list[str]:
    """The entries of a list, without its comments."""
    text = resources.files(__package__).joinpath("words", name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@cache
def load(vocabulary: frozenset[str]) -> Lexicon:
    """Read the lists. `vocabulary`: words that stay by the rule book's own list."""
    flags: dict[str, int] = {}

    def mark(words: Iterable[str], what: int) -> None:
        for word in words:
            flags[word] = flags.get(word, 0) | what

    english, given, surnames = lines("english.txt"), lines("given.txt"), lines("surnames.txt")
    eponyms, terms, drugs = lines("eponyms.txt"), lines("terms.txt"), lines("drugs.txt")
    mark(english, Is.WORD)
    mark((word for word in vocabulary if word.isalpha()), Is.WORD)
    mark(given, Is.GIVEN)
    mark(surnames, Is.SURNAME)
    mark(given[:COMMON_GIVEN] + surnames[:COMMON_SURNAMES], Is.COMMON_NAME)
    mark(eponyms, Is.EPONYM)
    mark(lines("eponym_nouns.txt"), Is.EPONYM_NOUN)
    mark(terms, Is.TERM)
    mark(drugs, Is.DRUG)
    places = lines("places.txt")
    mark((place for place in places if place.isalpha()), Is.PLACE)
    large, everyday = set(places[:LARGE_TOWNS]), set(english)
    for word, bits in flags.items():
        # A word of two letters is too often an abbreviation.
        if bits & (Is.GIVEN | Is.SURNAME) and not bits & (Is.WORD | Is.TERM | Is.DRUG) and len(word) > 2:  # noqa: PLR2004
            flags[word] |= Is.NAME
        if (
            bits & Is.PLACE
            and len(word) > SHORTEST_TOWN
            and not bits & (Is.TERM | Is.DRUG | Is.EPONYM)
            and (not bits & Is.WORD or (word in large and word not in everyday))
        ):
            flags[word] |= Is.TOWN
    mark(lines("usual_names.txt"), Is.NAME)
    mark(lines("organization_words.txt"), Is.PROPER)
    for words, what in CLASSES:
        mark(words, what)
    for word, bits in flags.items():
        if bits & NO_NAMES:
            flags[word] &= ~(Is.NAME | Is.TOWN)
    mark(TITLES_OF_CARE, Is.ROLE)
    organizations = lines("organizations.txt")
    split = [_words(entry.rstrip("*")) for entry in organizations]
    for entry, phrase in zip(organizations, split, strict=True):
        mark(phrase[:1], Is.COMPANY_BEHIND if entry.endswith("*") else Is.COMPANY)
    towns = [parts for place in places if not place.isalpha() and len(parts := _words(place)) > 1]
    mark({town[0] for town in towns}, Is.PLACE_START)
    large_phrases = frozenset(_words(place) for place in places[:LARGE_TOWNS] if not place.isalpha())
    return Lexicon(
        flags,
        places=_by(lambda phrase: (phrase[0], phrase[1]), towns),
        organizations=_by(lambda phrase: phrase[0], split),
        large_towns=large_phrases,
    )


def _words(phrase: str) -> Phrase:
    return tuple(phrase.replace("'", " ").replace("-", " ").replace(".", "").split())


def _by(key: Callable[[Phrase], Key], phrases: Iterable[Phrase]) -> dict[Key, tuple[Phrase, ...]]:
    """The phrases by how they begin, the longest first."""
    found: dict[Key, list[Phrase]] = {}
    for phrase in phrases:
        found.setdefault(key(phrase), []).append(phrase)
    return {start: tuple(sorted(each, key=len, reverse=True)) for start, each in found.items()}
