"""Chooses how each file of a job is read and written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from service.apps.deidentify.errors import JobRefusedError
from service.apps.deidentify.job import notes
from service.apps.deidentify.job.claim import Terms
from service.apps.deidentify.job.inputs import LINES, NOTE, PARQUET, Reading, Source
from service.apps.deidentify.job.notes import Note
from service.apps.deidentify.job.outputs import Gzip, LinesTarget, NoteTarget, Target
from service.apps.deidentify.job.tables.journal import TableWriter
from service.apps.deidentify.job.tables.rows import Table
from service.apps.deidentify.job.tables.text import TextTable
from service.errors import HOW_TO_INSTALL


@dataclass(frozen=True, slots=True)
class File:
    """A file to read and write. `table`: None if the file has notes only, and no rows."""

    source: Source
    table: Table | None = None

    def target(self, out: Path) -> Target:
        """Return the target in the folder `out` to which the file is written."""
        path = out / self.source.name
        if self.table:
            return LinesTarget(path, TableWriter(self.source, self.table))
        if self.source.is_note:
            return NoteTarget(path, is_gzip=self.source.is_gzip)
        return LinesTarget(path, Gzip() if self.source.is_gzip else None)

    def notes(self, reading: Reading) -> Iterator[tuple[Note, int]]:
        """Yield the notes of the file, each with the number of bytes of the file that have been read by then."""
        if self.table:
            yield from self.table.notes(reading)
            return
        given = iter([notes.whole(reading.stream)]) if self.source.is_note else notes.lines(reading.stream)
        for note in given:
            yield note, reading.position()


def checked(sources: Sequence[Source], terms: Terms) -> list[File]:
    """Check all tables, and return the files of a job.

    Raises:
        JobRefusedError: a table has no such column, has another encoding, or cannot be read; or what is needed to read
            it is not installed.
        JobStoppedError: a file has changed, or is damaged.
    """
    return [_checked(source, terms) for source in sources]


def _checked(source: Source, terms: Terms) -> File:
    if source.kind == NOTE or (source.kind in LINES and not terms.columns):
        return File(source)
    table = _table(source.kind)(source, terms.columns, terms.encoding, terms.patient_column)
    with source.open() as reading:
        table.check(reading)
    return File(source, table)


def _table(kind: str) -> Callable[[Source, Sequence[str], str, str], Table]:
    if kind != PARQUET:
        return TextTable
    try:
        module = import_module("service.apps.deidentify.job.tables.parquet")
    except ImportError as error:
        raise JobRefusedError(f"Not installed: {error.name}. Run {HOW_TO_INSTALL.format('tables')}.") from None
    table: Callable[[Source, Sequence[str], str, str], Table] = module.ParquetTable
    return table
