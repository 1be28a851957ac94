"""Joins what a model found to what the rules say: word by word, and not where a word tells nothing of a person."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby

from service.apps.deidentify.engine.finders.eponyms import is_eponym
from service.apps.deidentify.engine.finding import Find, RuleInfo
from service.apps.deidentify.engine.lexicon import Is
from service.apps.deidentify.engine.models.model import Sighting
from service.apps.deidentify.engine.reading import Reading
from service.apps.deidentify.engine.rules import Kind

MODEL = "model."  # begins the names of the rules that stand for a model
# What a word must not be for a model to be doubted: there it knows more than a list.
USUAL = Is.COMMON_NAME | Is.GIVEN | Is.NAME | Is.PLACE | Is.TOWN  # of everyday words, which are all somebody's name
NAMES = Is.GIVEN | Is.SURNAME | Is.NAME | Is.PLACE | Is.TOWN | Is.PLACE_START | Is.COMPANY | Is.COMPANY_BEHIND


def infos() -> list[RuleInfo]:
    """What stands for a model in the list of rules."""
    return [RuleInfo(rule_of(kind), kind, "A model takes this for an identifier.") for kind in Kind]


def rule_of(kind: Kind) -> str:
    """The name of a model's finds of one type."""
    return f"{MODEL}{kind.lower()}"


def finds(sightings: Sequence[Sighting], reading: Reading, kept: Sequence[int]) -> Iterator[Find]:
    """What to mask of what a model found. Per character: `kept` where a rule says that a number stays."""
    by_word: dict[int, Kind] = {}
    for start, stop, kind in sightings:
        number = bisect_right(reading.stops, start)
        while number < len(reading.starts) and reading.starts[number] < stop:
            if not kept[reading.starts[number]] and not _tells_nothing(reading, number):
                by_word.setdefault(number, Kind(kind))
            number += 1
    numbers = sorted(by_word)
    # Words in a row of one type are one find.
    for _, row in groupby(enumerate(numbers), key=lambda item: (item[1] - item[0], by_word[item[1]])):
        words = [number for _, number in row]
        kind = by_word[words[0]]
        yield Find(reading.starts[words[0]], reading.stops[words[-1]], kind, rule_of(kind))


def _tells_nothing(reading: Reading, number: int) -> bool:
    bits = reading.flags[number]
    if bits & Is.WORD and not bits & USUAL:
        return True
    return (bool(bits) and not bits & NAMES) or is_eponym(reading, number)
