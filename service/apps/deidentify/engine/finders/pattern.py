"""A rule that is a regular expression, run by RE2: its time grows with the text alone, whatever the text is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.patterns.expression import Expression
from service.apps.deidentify.engine.rules import Kind

# Judges a match: the text, and the start and stop of the part to be masked.
Check = Callable[[str, int, int], bool]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One rule. What its groups match is masked, or the whole match where it has none.

    `needs`: at least one of these, in small letters, must stand in the text for the rule to have a chance; empty for
    always. `check`: must agree with each part that is to be masked. `minds_case`: else it ignores letter case.
    """

    rule: str
    kind: Kind
    meaning: str
    pattern: str
    needs: Sequence[str] = ()
    check: Check | None = None
    minds_case: bool = False
    compiled: Expression = field(init=False, repr=False)
    groups: Sequence[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        compiled = Expression(self.pattern.encode("ascii"), minds_case=self.minds_case)
        object.__setattr__(self, "compiled", compiled)
        object.__setattr__(self, "groups", tuple(range(1, compiled.groups + 1)) or (0,))

    def find(self, data: bytes, text: str, lower: str) -> Iterator[Find]:
        """All its finds. `data` and `lower` are the text as bytes and in small letters."""
        if self.needs:
            for need in self.needs:  # `any` with a generator takes twice the time, for each rule and note
                if need in lower:
                    break
            else:
                return
        for spans in self.compiled.finditer(data):
            for group in self.groups:
                start, stop = spans[group]
                if start < stop and (self.check is None or self.check(text, start, stop)):
                    yield Find(start, stop, self.kind, self.rule)


def find_all(patterns: Iterable[Pattern], text: str) -> list[Find]:
    """What these rules find in an ASCII text."""
    data, lower = text.encode("ascii"), text.lower()
    return [find for pattern in patterns for find in pattern.find(data, text, lower)]
