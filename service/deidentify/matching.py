"""Finds what philter-lite's patterns find, in the same places, with RE2."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import re2

from service.deidentify import alphabet, literals, syntax
from service.deidentify.programs import Branch, programs

Span = tuple[int, int]

OPTIONS = re2.Options()
OPTIONS.encoding = re2.Options.Encoding.LATIN1
OPTIONS.log_errors = False


class Text:
    """One text in the forms that matching needs."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_ascii = text.isascii()
        self.minding, self.ignoring = alphabet.encode(text)
        self.lower = self.ignoring.lower().decode("latin-1")
        self._places: dict[re.Pattern[str], list[int]] = {}

    def has_later(self, pattern: "re.Pattern[str]", place: int) -> bool:
        """Whether a pattern, which takes no character, matches here or later on this line."""
        places = self._places.get(pattern)
        if places is None:
            places = self._places[pattern] = [match.start() for match in pattern.finditer(self.text)]
        number = bisect_left(places, place)
        return number < len(places) and self.text.find("\n", place, places[number]) < 0


class Stepper:
    """Steps through the places where one branch matches."""

    def __init__(self, branch: Branch) -> None:
        program = re2.compile(branch.program, OPTIONS)
        self._search = program.search
        self._ends = range(2, program.groups + 1)
        self._lead = branch.lead
        self._check = branch.check.match if branch.check else None
        self._barred = branch.barred
        self._verify = branch.verify.match if branch.verify else None

    def next(self, data: bytes, text: Text, start: int) -> Span | None:
        """The first match that begins at `start` or later."""
        while True:
            match = self._search(data, start - self._lead)
            if match is None:
                return None
            place = match.start(1)
            if place < start:
                start += 1
            elif not self._may_begin(text, place):
                start = place + 1
            elif self._verify is not None:
                verified = self._verify(text.text, place)
                if verified is not None:
                    return verified.span()
                start = place + 1
            else:
                return place, max(map(match.start, self._ends))

    def _may_begin(self, text: Text, place: int) -> bool:
        """Whether all that RE2 could not say of the place holds."""
        if self._check is not None and self._check(text.text, place) is None:
            return False
        return not any(text.has_later(pattern, place) for pattern in self._barred)


class Finder:
    """`finditer` of one pattern. `needs`: see `service.deidentify.literals.needed`."""

    def __init__(self, pattern: "re.Pattern[str]") -> None:
        tree = syntax.parse(pattern)
        made = programs(pattern, tree)
        self._ignores_case = bool(pattern.flags & re.IGNORECASE)
        self._ascii = [Stepper(branch) for branch in made.ascii]
        self._any = self._ascii if made.any is made.ascii else [Stepper(branch) for branch in made.any]
        self.needs = literals.needed(tree)

    def find(self, text: Text) -> list[Span]:
        """All matches, as `re.finditer` would give them."""
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
    """Many patterns, of which most have no chance in a given text."""

    finders: Sequence[Finder]
    words: frozenset[str]

    @classmethod
    def of(cls, patterns: Iterable["re.Pattern[str]"]) -> "Finders":
        """Compile them; takes seconds.

        Raises:
            UnsupportedError: one of them cannot be said in RE2.
        """
        finders = [Finder(pattern) for pattern in patterns]
        return cls(finders, frozenset().union(*(finder.needs for finder in finders)))

    def find(self, text: Text) -> list[list[Span]]:
        """For each pattern its matches."""
        lower = text.lower
        absent = {word for word in self.words if word not in lower}
        return [[] if finder.needs and finder.needs <= absent else finder.find(text) for finder in self.finders]
