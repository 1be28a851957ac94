"""Writes the text again with something else in the place of each span."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Literal

from service.apps.deidentify.engine.dates import shifted
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span

Replacement = Literal["asterisk", "tag", "numbered", "remove"]
Language = Literal["en", "any"]  # of a note; the rules know English


class Numbering:
    """Numbers for what is replaced: the same text of the same kind gets the same. One for a note, or for a batch.

    Holds what was replaced, in memory and nowhere else; drop it with the batch.
    """

    def __init__(self) -> None:
        self._numbers: dict[Kind, dict[str, int]] = {}

    def number(self, kind: Kind, text: str) -> int:
        """From 1, per kind; case and spacing do not count."""
        known = self._numbers.setdefault(kind, {})
        return known.setdefault(" ".join(text.casefold().split()), len(known) + 1)

    def names(self, key: bytes) -> dict[Kind, list[str]]:
        """What has a number, per kind and in order, as digests that tell nothing to whom the key is not known."""
        return {
            kind: [blake2b(name.encode(), digest_size=16, key=key).hexdigest() for name in known]
            for kind, known in self._numbers.items()
        }


def written(
    text: str,
    is_masked: bytearray,
    found: Sequence[Span],
    *,
    replacement: Replacement,
    numbering: Numbering,
    date_shift_days: int | None,
) -> tuple[str, list[Span]]:
    """The text with its spans replaced, and the spans with their places in it."""
    parts: list[str] = []
    placed: list[Span] = []
    last = length = 0
    for span in found:
        new = _new(text, is_masked, span, replacement, numbering, date_shift_days)
        parts += [text[last : span.start], new]
        start = length + span.start - last
        length, last = start + len(new), span.end
        placed.append(replace(span, out_start=start, out_end=length))
    return "".join([*parts, text[last:]]), placed


def _new(
    text: str, is_masked: bytearray, span: Span, replacement: Replacement, numbering: Numbering, days: int | None
) -> str:
    old = text[span.start : span.end]
    if days is not None and span.type is Kind.DATE and (moved := shifted(old, days)) is not None:
        return moved
    if replacement == "tag":
        return f"[{span.type}]"
    if replacement == "numbered":
        return f"[{span.type}_{numbering.number(span.type, old)}]"
    if replacement == "remove":
        return ""
    return "".join(
        "*" if hidden else character for character, hidden in zip(old, is_masked[span.start : span.end], strict=True)
    )
