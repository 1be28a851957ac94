"""What a rule found: where, of which kind, and by which rule."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from service.apps.deidentify.engine.rules import Kind


class Find(NamedTuple):
    """A part of a text that must be masked. Half-open, in characters; `rule` is the name of the rule that said so."""

    start: int
    stop: int
    kind: Kind
    rule: str


def where(length: int, finds: Iterable[Find]) -> bytearray:
    """Per character of a text of `length` characters, 1 where any of these finds is."""
    result = bytearray(length)
    for start, stop, _, _ in finds:
        result[start:stop] = b"\1" * (stop - start)
    return result


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule as people are told of it. `masks`: else it says what stays."""

    rule: str
    type: Kind
    meaning: str
    masks: bool = True
