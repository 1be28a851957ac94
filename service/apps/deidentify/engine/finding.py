"""What a rule found: where, of which kind, and by which rule."""

from dataclasses import dataclass
from typing import NamedTuple

from service.apps.deidentify.engine.rules import Kind


class Find(NamedTuple):
    """A part of a text that must be masked. Half-open, in characters; `rule` is the name of the rule that said so."""

    start: int
    stop: int
    kind: Kind
    rule: str


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule as people are told of it. `masks`: else it says what stays."""

    rule: str
    type: Kind
    meaning: str
    masks: bool = True
