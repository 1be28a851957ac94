"""Notes whose identifiers are marked: one JSON object a line, `{"text": ..., "spans": [[start, end, type], ...]}`."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from service.apps.deidentify.errors import GoldRefusedError

NEUTRAL = "NEUTRAL"  # the type of what counts neither as an identifier nor as another word
_PARTS = 3


class Mark(NamedTuple):
    """An identifier: half-open, in code points of the text; `type` is a word of the annotators'."""

    start: int
    stop: int
    type: str


@dataclass(frozen=True, slots=True)
class Gold:
    """A note with its identifiers."""

    text: str = field(repr=False)
    marks: tuple[Mark, ...]


def rewritten(text: str, changes: Iterable[tuple[Mark, str]]) -> Gold:
    """The text with something else in the place of each mark, and the marks where that stands.

    `changes`: in the order of the text, without overlaps. The types of their marks are kept.
    """
    parts: list[str] = []
    marks = []
    last = length = 0
    for mark, new in changes:
        parts += [text[last : mark.start], new]
        start = length + mark.start - last
        length, last = start + len(new), mark.stop
        marks.append(Mark(start, length, mark.type))
    return Gold("".join([*parts, text[last:]]), tuple(marks))


def read(path: Path) -> list[Gold]:
    """Read the notes of a file.

    Raises:
        GoldRefusedError: there is no note, or a line is no such object; its number is told.
    """
    try:
        with path.open(encoding="utf-8-sig") as lines:
            found = list(_read(lines))
    except (OSError, UnicodeDecodeError):
        raise GoldRefusedError(f"{path} cannot be read as UTF-8.") from None
    if not found:
        raise GoldRefusedError(f"{path} has no notes.")
    return found


def _read(lines: Iterable[str]) -> Iterator[Gold]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _gold(json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError):
                raise GoldRefusedError(
                    f"Line {number} is no JSON object with `text` and `spans`, a list of [start, end, type] "
                    "in code points of the text."
                ) from None


def _gold(entry: Any) -> Gold:  # noqa: ANN401 - whatever JSON says
    text = entry["text"]
    marks = []
    for part in entry["spans"]:
        start, stop, kind = part if len(part) == _PARTS else (*part, "IDENTIFIER")
        if not (isinstance(start, int) and isinstance(stop, int) and 0 <= start < stop <= len(text)):
            raise ValueError
        marks.append(Mark(start, stop, str(kind)))
    return Gold("" + text, tuple(sorted(marks)))
