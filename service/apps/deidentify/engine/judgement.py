"""What the default masks: what philter-lite's rules do, less what stays, and what rules of our own find."""

from collections.abc import Iterator, Sequence

from service.apps.deidentify.engine import casing
from service.apps.deidentify.engine import sightings as seen
from service.apps.deidentify.engine.completion import additions
from service.apps.deidentify.engine.detection import Detector, hidden
from service.apps.deidentify.engine.finders import (
    addresses,
    ages,
    contacts,
    dates,
    initials,
    introductions,
    labels,
    names,
    numbers,
    organizations,
    places,
)
from service.apps.deidentify.engine.finders.pattern import find_all
from service.apps.deidentify.engine.finding import Find, RuleInfo, where
from service.apps.deidentify.engine.keepers import readings, words
from service.apps.deidentify.engine.lexicon import Lexicon
from service.apps.deidentify.engine.models.model import Sighting
from service.apps.deidentify.engine.own import NONE, OwnRules
from service.apps.deidentify.engine.reading import DIGITS, MIXED, Reading, read
from service.apps.deidentify.engine.rules import LISTS, Kind
from service.apps.deidentify.engine.spans import UNKNOWN

MASKING = (
    *labels.PATTERNS,
    *introductions.PATTERNS,
    *numbers.PATTERNS,
    *contacts.PATTERNS,
    *dates.PATTERNS,
    *ages.PATTERNS,
    *addresses.PATTERNS,
)
# Kinds of philter-lite's rules that say more than that a word is in a list or behind a preposition.
SURE = frozenset((Kind.NAME, Kind.ID, Kind.CONTACT, Kind.ORGANIZATION))
SHORT_CODE = 5  # letters
PARTS = (
    RuleInfo("whole.word", Kind.OTHER, "The rest of a word of which a part is masked."),
    RuleInfo("whole.identifier", Kind.ID, "The rest of an identifier of which a part is masked."),
    RuleInfo("whole.double-name", Kind.NAME, "The rest of a double name of which a part is masked."),
    RuleInfo("whole.signature", Kind.NAME, "Words joined by slashes, of which one is masked: who dictated and typed."),
    RuleInfo("script.foreign", Kind.OTHER, "A word in another script than the Latin one."),
    RuleInfo("caller.deny", Kind.OTHER, "A word of `deny`."),
    RuleInfo(UNKNOWN, Kind.OTHER, "A word that is in no list of words that may stay."),
)


def catalog(own: OwnRules = NONE, *, with_model: bool = False) -> list[RuleInfo]:
    """The operator's rules, what stands for a model, and all rules of ours, as people are told of them."""
    return [
        *own.infos,
        *(seen.infos() if with_model else ()),
        *(RuleInfo(each.rule, each.kind, each.meaning) for each in MASKING),
        *organizations.RULES,
        *places.RULES,
        *names.RULES,
        *PARTS,
        *(RuleInfo(each.rule, each.kind, each.meaning, masks=False) for each in readings.PATTERNS),
        *words.RULES,
    ]


class Judge:
    """Judges texts in ASCII."""

    def __init__(self, detector: Detector, lexicon: Lexicon, own: OwnRules) -> None:
        self._detector = detector
        self._own = own
        self._lexicon = lexicon
        self._vocabulary = words.Vocabulary(lexicon.flags)
        self._sure = frozenset(
            rule.name for rule in detector.rules if rule.kind in SURE and not rule.name.endswith(LISTS)
        )

    def judge(self, text: str, sightings: Sequence[Sighting] = ()) -> tuple[bytearray, list[Find]]:
        """Per character whether it is masked, and what rules found. `sightings`: what a model found."""
        reading, is_upper = casing.ordinary(read(text, self._lexicon))
        detection = self._detector.detect(reading.text)
        is_masked = hidden(reading.text, detection.kept)
        kept = self._keep(reading, is_upper, is_masked, detection.masked)
        cover(reading.text, is_masked, [find for find in detection.masked if find.kind is Kind.CONTACT], kept)
        # The operator's patterns see the letter case of the text as it came.
        finds = [
            *self._own.find(text),
            *self._find(reading, is_upper),
            *seen.finds(sightings, reading, kept),
        ]
        cover(reading.text, is_masked, finds)
        for start, stop, _, _ in finds:
            kept[start:stop] = bytes(stop - start)
        for start, stop in self._own.staying(text, [*detection.masked, *finds]):
            is_masked[start:stop] = bytes(stop - start)
            kept[start:stop] = b"\1" * (stop - start)
        more = list(additions(reading.text, is_masked, [*detection.masked, *finds], kept))
        cover(reading.text, is_masked, more)
        return is_masked, [*detection.masked, *finds, *more]

    def _find(self, reading: Reading, is_upper: list[bool]) -> Iterator[Find]:
        yield from find_all(MASKING, reading.text)
        yield from organizations.find(reading, self._lexicon)
        yield from places.find(reading, self._lexicon)
        yield from names.find(reading, is_upper)
        yield from initials.find(reading, self._lexicon.flags)

    def _keep(self, reading: Reading, is_upper: list[bool], is_masked: bytearray, theirs: Sequence[Find]) -> bytearray:
        """Take back what stays. Per character 1 where a rule says that a number stays."""
        kept = where(len(reading.text), find_all(readings.PATTERNS, reading.text))
        starts, stops, shapes = reading.starts, reading.stops, reading.shapes
        left = []
        for number in [number for number, start in enumerate(starts) if is_masked[start]]:
            start, stop = starts[number], stops[number]
            if kept[start] and (
                shapes[number] in (DIGITS, MIXED) or (stop - start <= SHORT_CODE and all(kept[start:stop]))
            ):
                is_masked[start:stop] = bytes(stop - start)
            else:
                left.append(number)
        is_sure = where(len(reading.text), (find for find in theirs if find.rule in self._sure))
        for number in list(words.staying(reading, left, is_upper, is_sure, self._vocabulary)):
            is_masked[starts[number] : stops[number]] = bytes(stops[number] - starts[number])
        for start, stop, kind, _ in theirs:
            # Of a street of which every word stays, the number says nothing.
            if kind is Kind.LOCATION and not any(
                is_masked[place] and reading.text[place].isalpha() for place in range(start, stop)
            ):
                is_masked[start:stop] = bytes(stop - start)
        return kept


def cover(text: str, is_masked: bytearray, finds: Sequence[Find], kept: Sequence[int] = b"") -> None:
    """Mark the letters and digits of these finds as masked. `kept`: per character, where this does not count."""
    for start, stop, _, _ in finds:
        for place in range(start, stop):
            if text[place].isalnum() and not (kept and kept[place]):
                is_masked[place] = 1
