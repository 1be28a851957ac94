"""What a job has found for the rows of a table is kept beside it, a line for each row, until the table can be written.

So a job that was stopped goes on behind the last line that is whole, whatever the format of the table is.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from service.apps.deidentify.job.inputs import ERRORS, PART, Source
from service.apps.deidentify.job.notes import json_line
from service.apps.deidentify.job.outputs import Tally, keep, packed, private
from service.apps.deidentify.job.tables.rows import Reply, Table


class TableWriter:
    """Writes a table when all its rows are answered; see `service.apps.deidentify.job.outputs.Writer`."""

    def __init__(self, source: Source, table: Table) -> None:
        self._source = source
        self._table = table

    def tally(self, path: Path) -> Tally:
        """How many rows a table has that is written, and how many of them failed."""
        failed = 0
        with suppress(FileNotFoundError), errors_of(path).open("rb") as file:
            failed = sum(1 for _ in file)
        return Tally(self._table.rows, failed)

    def write(self, lines: BinaryIO, file: BinaryIO, path: Path) -> None:
        """Write the table from the replies to its rows, and beside it what failed, where something did."""
        with self._source.open() as reading:
            if self._source.is_gzip:
                with packed(file) as whole:
                    self._table.write(reading, replies(lines), whole)
            else:
                self._table.write(reading, replies(lines), file)
        lines.seek(0)
        self._write_errors(replies(lines), errors_of(path))

    def _write_errors(self, found: Iterable[Reply], path: Path) -> None:
        part = path.with_name(path.name + PART)
        with private(part, "wb") as file:
            for reply in found:
                if reply.error:
                    file.write(json_line({"line": reply.line, "columns": reply.columns, "error": reply.error}))
            size = file.tell()
            keep(file)
        if size:
            part.replace(path)
        else:
            part.unlink()
            path.unlink(missing_ok=True)  # of an earlier run, whose table was deleted to have it done again


def replies(lines: Iterable[bytes]) -> Iterator[Reply]:
    """The replies of a journal."""
    for line in lines:
        said = json.loads(line)
        yield Reply(said["line"], said["texts"], said.get("error"), said.get("columns", ()))


def errors_of(path: Path) -> Path:
    """The file that says what could not be done of a table."""
    return path.with_name(path.name + ERRORS)
