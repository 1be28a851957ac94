"""Writes the text again with something else in the place of each span."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Literal

from service.apps.deidentify.engine import keys
from service.apps.deidentify.engine.dates import DateOrder, order_of, shifted
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span
from service.apps.deidentify.engine.surrogates.standins import StandIns

Replacement = Literal["asterisk", "tag", "numbered", "surrogate", "remove"]
Language = Literal["en", "any"]  # of a note; the rules know English


class Numbering:
    """Numbers for what is replaced: the same text of the same kind gets the same. One for a note, or for a batch.

    Holds what was replaced, in memory and nowhere else; drop it with the batch.
    """

    def __init__(self) -> None:
        self._numbers: dict[Kind, dict[str, int]] = {}

    def number(self, kind: Kind, text: str) -> int:
        """From 1, per kind. `keys.comparable` says what counts as the same text."""
        known = self._numbers.setdefault(kind, {})
        return known.setdefault(keys.comparable(kind, text), len(known) + 1)

    def names(self, key: bytes) -> dict[Kind, list[str]]:
        """What has a number, per kind and in order, as digests that tell nothing to whom the key is not known."""
        return {
            kind: [blake2b(name.encode(), digest_size=16, key=key).hexdigest() for name in known]
            for kind, known in self._numbers.items()
        }


@dataclass(frozen=True)
class Style:
    """What to write in the place of spans.

    `date_shift_days`: dates that can be read for sure move by so many days; 0 counts as None. `date_order`: of dates of
    numbers; None: as the dates of the note tell. `secret`: of a key; None: numbers and stand-ins hold for `numbering`
    or the note alone. `flags`: what words can be, for stand-ins.
    """

    replacement: Replacement
    numbering: Numbering = field(default_factory=Numbering)
    date_shift_days: int | None = None
    date_order: DateOrder | None = None
    secret: bytes | None = field(default=None, repr=False)
    flags: Mapping[str, int] = field(default_factory=dict, repr=False)


def written(text: str, is_masked: bytearray, found: Sequence[Span], style: Style) -> tuple[str, list[Span]]:
    """The text with its spans replaced, and the spans with their places in it."""
    writer = _Writer(text, is_masked, found, style)
    parts: list[str] = []
    placed: list[Span] = []
    last = length = 0
    for span in found:
        new = writer.new(span)
        parts += [text[last : span.start], new]
        start = length + span.start - last
        length, last = start + len(new), span.end
        placed.append(replace(span, out_start=start, out_end=length))
    return "".join([*parts, text[last:]]), placed


class _Writer:
    """Finds what stands in the places of the spans of one note."""

    def __init__(self, text: str, is_masked: bytearray, found: Sequence[Span], style: Style) -> None:
        self._text = text
        self._is_masked = is_masked
        self._found = found
        self._style = style
        self._days = style.date_shift_days or None  # by 0 days, dates would stay readable
        if style.replacement == "surrogate":
            secret = style.secret or keys.fresh()
            self._stand_ins = StandIns(text, secret, style.flags)
            if style.secret is None and self._days is None:
                self._days = keys.shift(secret, "")

    @cached_property
    def _order(self) -> DateOrder | None:
        if self._style.date_order:
            return self._style.date_order
        return order_of(self._text[span.start : span.end] for span in self._found if span.type is Kind.DATE)

    def new(self, span: Span) -> str:
        old = self._text[span.start : span.end]
        moves = self._days is not None and span.type is Kind.DATE
        if moves and (moved := shifted(old, self._days or 0, self._order)) is not None:
            return moved
        match self._style.replacement:
            case "asterisk":
                shape = self._is_masked[span.start : span.end]
                return "".join("*" if hidden else each for each, hidden in zip(old, shape, strict=True))
            case "tag":
                return f"[{span.type}]"
            case "numbered":
                return f"[{span.type}_{self._number(span.type, old)}]"
            case "surrogate":
                # A date that did not move must not change the intervals between those that did.
                return (None if moves else self._stand_in(span, old)) or f"[{span.type}]"
            case "remove":
                return ""

    def _number(self, kind: Kind, text: str) -> int:
        if self._style.secret:
            return keys.number(self._style.secret, kind, text)
        return self._style.numbering.number(kind, text)

    def _stand_in(self, span: Span, old: str) -> str | None:
        shape = bytes(self._is_masked[span.start : span.end])
        return self._stand_ins.stand_in(span.type, old, shape, self._order)
