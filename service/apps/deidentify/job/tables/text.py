"""A table that is text: CSV, TSV and NDJSON."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

from service.apps.deidentify.job.inputs import LINES, Reading, Source
from service.apps.deidentify.job.notes import Cell, Note
from service.apps.deidentify.job.tables.delimited import Delimited
from service.apps.deidentify.job.tables.objects import Objects
from service.apps.deidentify.job.tables.rows import Reply, note_of


class Row(Protocol):
    """A row as it stands in a file. `cells`: its notes; a row without any is written as it is."""

    @property
    def line(self) -> int:
        """Line of the file that it begins in."""

    @property
    def columns(self) -> Sequence[str]:
        """Those that its notes are in."""

    @property
    def cells(self) -> Sequence[Cell]:
        """Its notes."""

    @property
    def patient(self) -> str | None:
        """Whose the notes are, blank where the row does not say it; None if no column should say it."""

    def written(self, texts: Sequence[str | None]) -> bytes:
        """The row with these texts for its notes."""


class TextTable:
    """See `service.apps.deidentify.job.tables.rows.Table`."""

    def __init__(self, source: Source, columns: Sequence[str], encoding: str, patient_column: str = "") -> None:
        self.rows = 0
        self._format = (Objects if source.kind in LINES else Delimited)(source, columns, encoding, patient_column)

    def check(self, reading: Reading) -> None:
        """Read the file to its end: a quote that is not closed, or another encoding, may be anywhere."""
        self.rows = sum(1 for row in self._rows(reading) if row.cells)

    def notes(self, reading: Reading) -> Iterator[tuple[Note, int]]:
        """Each row that has notes."""
        for row in self._rows(reading):
            if row.cells:
                yield note_of(row.line, row.columns, row.cells, row.patient), reading.position()

    def write(self, reading: Reading, replies: Iterator[Reply], file: BinaryIO) -> None:
        """Write row by row."""
        file.writelines(row.written(next(replies).texts if row.cells else ()) for row in self._rows(reading))

    def _rows(self, reading: Reading) -> Iterator[Row]:
        return self._format.rows(reading.stream)
