"""What a table is to a job: rows with cells that hold notes, written again with other texts in these cells."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from service.apps.deidentify.errors import JobRefusedError, NoteTooLargeError
from service.apps.deidentify.job.encodings import problem_with
from service.apps.deidentify.job.inputs import Reading, Source, shown
from service.apps.deidentify.job.notes import LARGEST, Cell, Failure, Note, failure

LONGEST_ROW = 4 * LARGEST  # bytes of a row that are held in memory
NAMED = 50  # columns that are named where one is missing
LONGEST_NAME = 40  # characters that are told of one: in a table without a header it may be a note


@dataclass(frozen=True, slots=True)
class Reply:
    """What a job found for a row: texts for its cells, None where there is none. `error`: why these columns failed."""

    line: int
    texts: Sequence[str | None]
    error: Failure | None = None
    columns: Sequence[str] = ()


class Table(Protocol):
    """A file with rows. `rows`: how many of them are answered, once it has been checked."""

    rows: int

    def check(self, reading: Reading) -> None:
        """Read the file to its end, or as far as is needed to know that it can be done.

        Raises:
            JobRefusedError: a column is missing, or the file cannot be read as such a table.
        """

    def notes(self, reading: Reading) -> Iterator[tuple[Note, int]]:
        """Each row that is answered, and how many bytes of the file have been read then."""

    def write(self, reading: Reading, replies: Iterator[Reply], file: BinaryIO) -> None:
        """Write the table again, with a reply for each row that is answered."""


def note_of(
    line: int, columns: Sequence[str], cells: Sequence[Cell], patient: str | None, *, is_utf8: bool = False
) -> Note:
    """The cells of a row, as a job sends them to an engine."""
    raw = json.dumps(list(zip(columns, cells, strict=True))).encode()
    return Note(line, raw, is_row=True, patient=patient, is_utf8=is_utf8)


def cell_of(text: str | None) -> Cell:
    """A cell with this text, or why it is too large."""
    if text is not None and len(text) > LARGEST // 4 and len(text.encode(errors="surrogatepass")) > LARGEST:
        return failure(NoteTooLargeError(LARGEST))
    return text


def decoded(source: Source, raw: bytes, encoding: str, line: int) -> str:
    """A row as text. `line`: of the file, where the row begins.

    Raises:
        JobRefusedError: it is not in this encoding.
    """
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise JobRefusedError(f"{shown(source.path)}: {problem_with(raw, error, encoding, line=line)}") from None


def missing(source: Source, wanted: Iterable[str], there: Sequence[str]) -> JobRefusedError | None:
    """Say which columns are not there, and which are."""
    if not (absent := [name for name in wanted if name not in there]):
        return None
    names = ", ".join(map(_cut, there[:NAMED])) + (", …" if len(there) > NAMED else "")
    return JobRefusedError(
        f"{shown(source.path)} has no column {', '.join(map(shown, absent))}. Its columns are: {names or 'none'}."
    )


def _cut(name: str) -> str:
    return shown(name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "…")
