"""NDJSON as a table: an object a line, of which some fields hold notes. All other bytes of a line are kept."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json import JSONDecoder
from typing import BinaryIO, NamedTuple

from service.apps.deidentify.engine.intake import other_encoding
from service.apps.deidentify.errors import BadLineError, NoteTooLargeError
from service.apps.deidentify.job.encodings import UTF8
from service.apps.deidentify.job.inputs import Source, shown
from service.apps.deidentify.job.notes import BLANK, BYTE_ORDER_MARK, Cell, Failure, failure, json_line, numbered
from service.apps.deidentify.job.tables.rows import LONGEST_ROW, cell_of, decoded, missing

SEEN = 1000  # fields of all lines that are remembered, for people who look for another

_SPACE = re.compile(r"[ \t\r\n]*")
_decoder = JSONDecoder()


class Field(NamedTuple):
    """A field of an object: its name, its value, and where this stands."""

    name: str
    value: object
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file. `fields`: those that hold notes."""

    line: int
    raw: bytes
    text: str = ""
    fields: Sequence[Field] = ()
    cells: Sequence[Cell] = ()
    encoding: str = UTF8
    patient: str | None = None

    @property
    def columns(self) -> Sequence[str]:
        """The names of these fields."""
        return [field.name for field in self.fields]

    def written(self, texts: Sequence[str | None]) -> bytes:
        """The line with these texts for its notes, `null` for one that could not be done."""
        if all(text == cell for text, cell in zip(texts, self.cells, strict=True)):
            return self.raw
        parts, end = [], 0
        for field, cell, text in zip(self.fields, self.cells, texts, strict=True):
            value = json.dumps(text, ensure_ascii=self.text.isascii())
            parts += [self.text[end : field.start], self.text[field.start : field.stop] if text == cell else value]
            end = field.stop
        return "".join([*parts, self.text[end:]]).encode(self.encoding)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is no object. A line that says so is written in its place."""

    line: int
    cells: Sequence[Failure]
    columns: Sequence[str] = ("",)
    patient: str | None = None

    def written(self, _texts: Sequence[str | None]) -> bytes:
        """The line that says why."""
        return json_line({"line": self.line, "error": self.cells[0]})


class Objects:
    """The rows of a file."""

    def __init__(self, source: Source, columns: Sequence[str], encoding: str, patient_column: str = "") -> None:
        self._source = source
        self._columns = columns
        self._patient_column = patient_column
        self._encoding = encoding

    def rows(self, stream: BinaryIO) -> Iterator[Row | BadRow]:
        """All lines, blank ones too.

        Raises:
            JobRefusedError: a column is in no line, or the file is not in this encoding.
        """
        seen: dict[str, None] = {}
        for line, raw in numbered(stream, LONGEST_ROW):
            if raw is None:
                yield BadRow(line, [failure(NoteTooLargeError(LONGEST_ROW))])
            elif raw.strip(BLANK):
                yield self._row(line, raw, seen)
            else:
                yield Row(line, raw)
        if error := missing(self._source, self._named, list(seen)):
            raise error

    def _row(self, line: int, raw: bytes, seen: dict[str, None]) -> Row | BadRow:
        text = decoded(self._source, raw, self._encoding, line)
        start = len("\ufeff") if line == 1 and raw.startswith(BYTE_ORDER_MARK) and self._encoding == UTF8 else 0
        try:
            fields = fields_of(text, start)
        except (ValueError, RecursionError):
            return BadRow(line, [failure(BadLineError(other_encoding(raw) or "The line is no JSON object."))])
        seen |= dict.fromkeys(field.name for field in fields if len(seen) < SEEN or field.name in self._named)
        notes = [field for field in fields if field.name in self._columns]
        return Row(line, raw, text, notes, [_cell(field) for field in notes], self._encoding, self._patient(fields))

    @property
    def _named(self) -> Sequence[str]:
        return [*self._columns, self._patient_column] if self._patient_column else self._columns

    def _patient(self, fields: Sequence[Field]) -> str | None:
        if not self._patient_column:
            return None
        told = [field.value for field in fields if field.name == self._patient_column]
        is_told = len(told) == 1 and isinstance(told[0], str | int) and not isinstance(told[0], bool)
        return str(told[0]) if is_told else ""


def fields_of(text: str, start: int = 0) -> list[Field]:
    """The fields of a JSON object, each as often as it stands there.

    Raises:
        ValueError: this is no JSON object.
        RecursionError: it is too deep.
    """
    fields: list[Field] = []
    place = _skip(text, _after(text, _skip(text, start), "{"))
    while fields or text[place : place + 1] != "}":
        name, place = _decoder.raw_decode(text, place)
        if not isinstance(name, str):
            raise ValueError  # noqa: TRY004 - as json has it
        begin = _skip(text, _after(text, _skip(text, place), ":"))
        value, end = _decoder.raw_decode(text, begin)
        fields.append(Field(name, value, begin, end))
        place = _skip(text, end)
        if text[place : place + 1] == "}":
            break
        place = _skip(text, _after(text, place, ","))
    if _skip(text, place + 1) != len(text):
        raise ValueError
    return fields


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _after(text: str, place: int, mark: str) -> int:
    if text[place : place + 1] != mark:
        raise ValueError
    return place + 1


def _cell(field: Field) -> Cell:
    if field.value is None or isinstance(field.value, str):
        return cell_of(field.value)
    return failure(BadLineError(f"The column {shown(field.name)} holds no string here."))
