"""philter-lite's `detect_phi`: finds which parts of a note its rules keep, and which rule masked which part."""

import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from service.apps.deidentify.engine.coverage import Coverage, Span, joined
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.patterns.matching import Finders, Text
from service.apps.deidentify.engine.rules import Rule
from service.apps.deidentify.engine.tagging import Tagger
from service.apps.deidentify.engine.words import pieces

ALNUM = re.compile(r"[A-Za-z0-9]+")
UNKEPT = re.compile(rb"[A-Za-z0-9*]+")

IS_ALNUM = bytes(chr(code).isalnum() and code < 0x80 for code in range(0x100))  # noqa: PLR2004 - ASCII

# Which sides of a match must be next to something masked.
WANTED: Mapping[str, Callable[[bool, bool], bool]] = {
    "left": lambda left, _: left,
    "right": lambda _, right: right,
    "left_or_right": operator.or_,
    "left_and_right": operator.and_,
}


@dataclass(slots=True)
class Detection:
    """What the rules found in one note.

    `kept`: what may stay (philter-lite's include map). `excluded`: what may not (its exclude map). `masked`: what rules
    masked, and which rule did.
    """

    kept: Coverage
    excluded: Coverage
    masked: list[Find] = field(default_factory=list)


class Detector:
    """Applies the rules in order. The first rule that matches a part wins, but context rules override earlier ones."""

    def __init__(self, rules: Sequence[Rule], tagger: Tagger) -> None:
        self.rules = rules
        self._tagger = tagger
        self._patterned = [number for number, rule in enumerate(rules) if rule.programs]
        self._lists: list[tuple[int, Collection[str], Collection[str] | None]] = [
            (number, rule.tags, rule.words if rule.type == "set" else None)
            for number, rule in enumerate(rules)
            if rule.type in ("set", "pos_matcher")
        ]
        self._finders = Finders.of(rule.programs for rule in rules if rule.programs)

    def detect(self, text: str) -> Detection:
        """Apply all rules to a note."""
        prepared = Text(text)
        matches = dict(zip(self._patterned, self._finders.find(prepared), strict=True))
        listed = self._listed(text)
        detection = Detection(Coverage(len(text)), Coverage(len(text)))
        by_title: dict[str, list[Span]] = {}
        for number, rule in enumerate(self.rules):
            found = matches.get(number, [])
            if rule.type == "regex_context":
                found = in_context(rule, found, prepared, detection.kept, by_title)
            elif rule.type != "regex":
                found = listed[number]
            if not found:
                continue
            # Rules with the same title share their matches. There are two such rules, and they find the same.
            by_title[rule.title] = joined(sorted({*by_title.get(rule.title, ()), *joined(found)}))
            self._apply(rule, by_title[rule.title], detection)
        return detection

    def _listed(self, text: str) -> Mapping[int, list[Span]]:
        """Return the matches of the rules that look at single words, by the number of the rule."""
        found: dict[int, list[Span]] = {number: [] for number, _, _ in self._lists}
        known: dict[tuple[str, str], list[int]] = {}  # a cache for this note alone
        parts = pieces(text)
        start = 0
        for part, tag in zip(parts, self._tagger.tag(parts), strict=True):
            stop = start + len(part)
            if part[0].isalnum():
                key = (part, tag)
                numbers = known.get(key)
                if numbers is None:
                    low = part.lower()
                    known[key] = numbers = [
                        number
                        for number, tags, words in self._lists
                        if (not tags or tag in tags) and (words is None or low in words or part in words)
                    ]
                for number in numbers:
                    found[number].append((start, stop))
            start = stop
        return found

    @staticmethod
    def _apply(rule: Rule, spans: Sequence[Span], detection: Detection) -> None:
        kept, excluded = detection.kept, detection.excluded
        if rule.type == "regex_context":
            for start, stop in spans:
                excluded.add(start, stop)
                kept.remove(start)
                detection.masked.append(Find(start, stop, rule.kind, rule.name))
        elif rule.masks:
            for start, stop in spans:
                if not kept.touches(start, stop):
                    excluded.add(start, stop)
                    detection.masked.append(Find(start, stop, rule.kind, rule.name))
        else:
            for start, stop in spans:
                if not excluded.touches(start, stop):
                    kept.add(start, stop)


def in_context(
    rule: Rule, matches: Sequence[Span], text: Text, kept: Coverage, by_title: Mapping[str, Sequence[Span]]
) -> list[Span]:
    """Return the spans of the words in those matches that are next to something masked, on the sides the rule demands.

    `matches`: of the rule's pattern. `by_title`: the matches of earlier rules, by their titles.
    """
    if not matches:
        return []
    neighbours = unkept(text, kept) if rule.neighbours == "all" else by_title.get(rule.neighbours, ())
    starts = {start for start, _ in neighbours}
    ends = {stop for _, stop in neighbours}
    is_wanted = WANTED[rule.context]
    return [
        word.span()
        for start, stop in matches
        if is_wanted(start in ends, stop in starts)
        for word in ALNUM.finditer(text.text, start, stop)
    ]


def unkept(text: Text, kept: Coverage) -> list[Span]:
    """Return the runs of ASCII letters, digits and asterisks that are not kept (CoordinateMap.get_complement)."""
    left = bytearray(text.minding)
    for start, stop in kept:
        left[start:stop] = bytes(stop - start)
    return [match.span() for match in UNKEPT.finditer(left)]


def hidden(text: str, kept: Coverage) -> bytearray:
    """Return a byte per character: 1 where philter-lite's `transform_text_asterisk` writes `*`, else 0.

    It does so for ASCII letters and digits that are not kept.
    """
    result = bytearray(text.encode("ascii", "replace").translate(IS_ALNUM))
    place = 0
    for start, stop in kept:
        # transform_text_asterisk ignores a range that begins within another.
        if start >= place:
            result[start:stop] = bytes(stop - start)
            place = stop
    return result
