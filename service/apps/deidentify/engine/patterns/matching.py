"""Finds the matches of philter-lite's patterns with RE2, at the same positions as `re`."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.apps.deidentify.engine.patterns import alphabet
from service.apps.deidentify.engine.patterns.expression import Expression
from service.apps.deidentify.engine.patterns.programs import Bar, Branch, Programs

Span = tuple[int, int]

FOUR = 4  # bytes, which a machine compares at once


class Text:
    """A text, encoded in the forms that matching needs."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_ascii = text.isascii()
        self.minding, self.ignoring = alphabet.encode(text)
        self.lower = self.ignoring.lower().decode("latin-1")
        self._free: dict[Bar, Span] = {}

    def first_free(self, bar: Bar, place: int) -> int:
        """Return the first position from `place` on that the bar is not known to forbid.

        The free part of a run is remembered. Searching the run again from each of its positions would take quadratic
        time.
        """
        start, stop = self._free.get(bar, (0, -1))
        if start <= place <= stop:
            return place
        barred = bar.path.match(self.text, place)
        if barred:
            return barred.end() - bar.least + 1
        run = bar.run.match(self.text, place)
        self._free[bar] = (place, run.end() if run else place)
        return place


class Stepper:
    """Steps through the matches of one branch."""

    def __init__(self, branch: Branch) -> None:
        program = Expression(branch.program)
        self._search = program.search
        self._ends = range(2, program.groups + 1)
        self._lead = branch.lead
        self._check = branch.check.search if branch.check else None
        self._bars = branch.bars
        self._verify = branch.verify.match if branch.verify else None

    def next(self, data: bytes, text: Text, start: int) -> Span | None:
        """Return the first match that begins at `start` or later; None if there is none."""
        while spans := self._search(data, start - self._lead):
            place = spans[1][0]
            if place < start:
                start += 1
            elif (free := self._first_free(text, place)) > place:
                start = free
            elif self._verify is None:
                return place, max([spans[end][0] for end in self._ends])
            elif verified := self._verify(text.text, place):
                return verified.span()
            else:
                start = place + 1
        return None

    def _first_free(self, text: Text, place: int) -> int:
        """Return the first position from `place` on where the conditions that RE2 cannot express may hold.

        Skips whole runs of positions that are ruled out. Asking RE2 again at each of them would take quadratic time.
        """
        for bar in self._bars:
            place = text.first_free(bar, place)
        if self._check is None:
            return place
        found = self._check(text.text, place)
        return found.start() if found else len(text.text) + 1


class Finder:
    """Finds all matches of one pattern. `needs`: see `Programs`."""

    def __init__(self, made: Programs) -> None:
        self._ignores_case = made.ignores_case
        self._ascii = [Stepper(branch) for branch in made.ascii]
        self._any = self._ascii if made.any == made.ascii else [Stepper(branch) for branch in made.any]
        self.needs = made.needs

    def find(self, text: Text) -> list[Span]:
        """Return the spans of all matches, as `re.finditer` would give them."""
        data = text.ignoring if self._ignores_case else text.minding
        steppers = self._ascii if text.is_ascii else self._any
        found: list[Span] = []
        if len(steppers) == 1:
            step = steppers[0].next
            match = step(data, text, 0)
            while match is not None:
                found.append(match)
                match = step(data, text, match[1])
            return found
        ahead = [(stepper, match) for stepper in steppers if (match := stepper.next(data, text, 0))]
        while ahead:
            best = min((match for _, match in ahead), key=_start)
            found.append(best)
            ahead = [
                (stepper, again)
                for stepper, match in ahead
                if (again := match if match[0] >= best[1] else stepper.next(data, text, best[1]))
            ]
        return found


def _start(span: Span) -> int:
    return span[0]


@dataclass(frozen=True, slots=True)
class Finders:
    """Finds the matches of many patterns, and skips those whose words the text does not contain.

    `short`: words of up to three letters. `long`: the others, by their first four letters as a number.
    """

    finders: Sequence[Finder]
    short: Sequence[str]
    long: Mapping[int, Sequence[str]]

    @classmethod
    def of(cls, patterns: Iterable[Programs]) -> "Finders":
        """Compile the patterns."""
        finders = [Finder(pattern) for pattern in patterns]
        words = sorted(frozenset().union(*(finder.needs for finder in finders)))
        long: dict[int, list[str]] = {}
        for word in words:
            if len(word) >= FOUR:
                long.setdefault(int.from_bytes(word[:FOUR].encode("latin-1"), sys.byteorder), []).append(word)
        return cls(finders, [word for word in words if len(word) < FOUR], long)

    def find(self, text: Text) -> list[list[Span]]:
        """Return the spans of the matches of each pattern, in the order of the patterns."""
        present = self._present(text.lower)
        return [
            [] if finder.needs and finder.needs.isdisjoint(present) else finder.find(text) for finder in self.finders
        ]

    def _present(self, lower: str) -> set[str]:
        """Those of the words that are in a text in small letters."""
        present = {word for word in self.short if word in lower}
        # Asking a set of what stands at each place is faster than searching the text for each word.
        for start in self.long.keys() & fours(lower.encode("latin-1")):
            present.update(word for word in self.long[start] if word in lower)
        return present


def fours(data: bytes) -> set[int]:
    """Each four bytes that follow one another, as a number of this machine."""
    found: set[int] = set()
    for offset in range(FOUR):
        stop = len(data) - (len(data) - offset) % FOUR
        if stop > offset:
            found.update(memoryview(data)[offset:stop].cast("I"))
    return found
