"""CSV and TSV, taken apart as Python's csv module does it, and byte by byte the same where nothing is masked.

The first row names the columns. Cells that are not masked keep their quotes, and each row keeps its end.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from service.apps.deidentify.errors import BadLineError, JobRefusedError
from service.apps.deidentify.job.encodings import UTF8
from service.apps.deidentify.job.inputs import Source, shown
from service.apps.deidentify.job.notes import BYTE_ORDER_MARK, Cell, failure
from service.apps.deidentify.job.tables.rows import LONGEST_ROW, cell_of, decoded, missing

CHUNK = 256_000  # bytes
DELIMITERS = {".csv": b",", ".tsv": b"\t"}
Places = Sequence[tuple[int, int]]  # of each cell, where it begins and ends in its row

# Each text matches in one way, so that no row takes more than linear time. No group has a possessive quantifier: Python
# 3.11.2, which Debian 12 has, gets these wrong (https://github.com/python/cpython/issues/106052).
_QUOTES = rb'"([^"]*+(?:""[^"]*+)*)"(?!")'
_QUOTED = re.compile(rb"%b(.*)" % _QUOTES, re.DOTALL)
_ENDS = b"\r\n"


def _pattern(delimiter: bytes) -> re.Pattern[bytes]:
    """A cell, and in the group `end` what ends it: the delimiter, or the end of the row."""
    plain = rb"[^%b\r\n]*+" % delimiter
    end = rb"%b|\r\n|\n|\r(?=[^\n])" % delimiter  # a \r that comes last may have a \n behind it
    return re.compile(rb'(?:%b|(?!"))%b(?P<end>%b)' % (_QUOTES, plain, end))


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file. `cells`: its notes, none in the header and blank lines; `places`: where they are in `raw`."""

    line: int
    raw: bytes
    columns: Sequence[str] = ()
    places: Places = ()
    cells: Sequence[Cell] = ()
    encoding: str = UTF8
    patient: str | None = None

    def written(self, texts: Sequence[str | None]) -> bytes:
        """The row with these texts for its notes."""
        parts, end = [], 0
        for (start, stop), cell, text in zip(self.places, self.cells, texts, strict=True):
            parts += [self.raw[end:start], self.raw[start:stop] if text == cell else self._cell(start, text)]
            end = stop
        written = b"".join([*parts, self.raw[end:]])
        is_blank = self.cells and not written.strip(_ENDS)  # in a table of one column: others would take it for no row
        return b'""' + written if is_blank else written

    def _cell(self, start: int, text: str | None) -> bytes:
        """A text as a cell, with quotes where there were some or it needs them."""
        if text is None:
            return b""
        raw = text.encode(self.encoding)
        needs_quotes = raw.startswith(b'"') or any(mark in raw for mark in b",\t\r\n")
        if needs_quotes or self.raw.startswith(b'"', start):
            return b'"%b"' % raw.replace(b'"', b'""')
        return raw


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row whose notes cannot be found. Nothing of it is written: a note may lie where nobody looks for it."""

    line: int
    columns: Sequence[str]
    cells: Sequence[Cell]
    blank: bytes
    patient: str | None = None

    def written(self, _texts: Sequence[str | None]) -> bytes:
        """As many cells as there are columns, all empty."""
        return self.blank if self.blank.strip(_ENDS) else b'""' + self.blank


class Delimited:
    """The rows of a file. `delimiter`: one byte."""

    def __init__(self, source: Source, columns: Sequence[str], encoding: str, patient_column: str = "") -> None:
        self._source = source
        self._columns = columns
        self._patient_column = patient_column
        self._encoding = encoding
        self._delimiter = DELIMITERS[source.kind]
        self._cell = _pattern(self._delimiter)

    def rows(self, stream: BinaryIO) -> Iterator[Row | BadRow]:
        """All rows, the header among them.

        Raises:
            JobRefusedError: a column is missing, or the file is no such table, or not in this encoding.
        """
        names: list[str] = []
        for line, raw, spans in self._records(stream):
            decoded(self._source, raw, self._encoding, line)  # or refused
            if raw == BYTE_ORDER_MARK:
                yield Row(line, raw)
            elif not names:
                names = [_text(raw[start:stop]).decode(self._encoding) for start, stop in spans]
                self._check(names)
                yield Row(line, raw)
            elif raw.strip(_ENDS):
                yield self._row(line, raw, spans, names)
            else:
                yield Row(line, raw)
        if not names:
            raise JobRefusedError(f"{shown(self._source.path)} is empty: its first row should name its columns.")

    def _check(self, names: Sequence[str]) -> None:
        patient = [self._patient_column] if self._patient_column else []
        if error := missing(self._source, [*self._columns, *patient], names):
            raise error
        if patient and names.count(self._patient_column) > 1:
            what = f"has more than one column {shown(self._patient_column)}."
            raise JobRefusedError(f"{shown(self._source.path)} {what}")

    def _row(self, line: int, raw: bytes, spans: Places, names: Sequence[str]) -> Row | BadRow:
        columns = [name for name in names if name in self._columns]
        if len(spans) != len(names):
            detail = f"The row has {len(spans)} cells, and the header {len(names)}. Nothing of the row is written."
            blank = self._delimiter * (len(names) - 1) + raw[len(raw.rstrip(_ENDS)) :]
            return BadRow(line, columns, [failure(BadLineError(detail))] * len(columns), blank)
        places = [span for span, name in zip(spans, names, strict=True) if name in self._columns]
        cells = [self._note(raw[start:stop]) for start, stop in places]
        patient = None
        if self._patient_column:
            start, stop = spans[names.index(self._patient_column)]
            patient = _text(raw[start:stop]).decode(self._encoding)
        return Row(line, raw, columns, places, cells, self._encoding, patient)

    def _note(self, raw: bytes) -> Cell:
        return cell_of(_text(raw).decode(self._encoding)) if raw else None

    def _records(self, stream: BinaryIO) -> Iterator[tuple[int, bytes, Places]]:
        """The line of the file that each row begins in, the row with its end, and where its cells are.

        A byte order mark is a row of its own.
        """
        line, buffer, is_more = 1, stream.read(len(BYTE_ORDER_MARK)), True
        if buffer == BYTE_ORDER_MARK and self._encoding == UTF8:
            yield line, buffer, []
            buffer = b""
        while is_more:
            piece = stream.read(max(CHUNK, len(buffer)))  # twice as much each time, for a long row
            buffer, place, is_more = buffer + piece, 0, bool(piece)
            while found := self._row_at(buffer, place):
                end, spans = found
                raw = buffer[place:end]
                yield line, raw, spans
                line += _lines(raw)
                place = end
            buffer = buffer[place:]
            if len(buffer) > LONGEST_ROW:
                raise self._unended(line)
        if buffer:
            if not (found := self._row_at(buffer + b"\n", 0)):  # the last row may have no end, or half of one
                raise self._unended(line)
            yield line, buffer, found[1]

    def _unended(self, line: int) -> JobRefusedError:
        what = f"a quote is not closed, or a row is longer than {LONGEST_ROW} bytes."
        return JobRefusedError(f"{shown(self._source.path)}, line {line}: {what}")

    def _row_at(self, buffer: bytes, start: int) -> tuple[int, Places] | None:
        """Where the row that begins at `start` ends, and where in it its cells are, if all of it is there."""
        spans: list[tuple[int, int]] = []
        place = start
        while found := self._cell.match(buffer, place):
            spans.append((place - start, found.start("end") - start))
            place = found.end()
            if found["end"] != self._delimiter:
                return place, spans
        return None


def _text(raw: bytes) -> bytes:
    """What a cell says, without its quotes."""
    if found := _QUOTED.fullmatch(raw):
        return found[1].replace(b'""', b'"') + found[2]
    return raw


def _lines(raw: bytes) -> int:
    return raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
