"""Writes the output of a job: a folder of its own, with files that get their final names once they are complete.

A job may be stopped at any moment, even by a power cut. The next run keeps what is complete: the lines of a file up to
the last complete one, and a file with a single note if it has its final name.
"""

import fcntl
import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from service.apps.deidentify.errors import JobRefusedError
from service.apps.deidentify.job.claim import Claim
from service.apps.deidentify.job.inputs import MADE, PART, shown
from service.apps.deidentify.job.notes import Outcome, says_failed

MARK = ".deidentify.json"  # file in the output folder that says from what it was made, and how
PRIVATE = 0o600  # masked notes are still sensitive

_OTHER = {
    "inputs": "from other files than these, or one of them has changed since",
    "options": "with other options",
    "engine": "by another engine or version",
}

Write = Callable[[Outcome], None]


@contextmanager
def claimed(out: Path, claim: Claim) -> Iterator[None]:
    """Lock the output folder for this job while the block runs. The folder is created if necessary.

    If the block succeeds, all that is in the folder survives a power cut.

    Raises:
        JobRefusedError: another job is running in the folder, the folder is from another job, or it has other files.
    """
    mark = out / MARK
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not mark.exists() and any(out.iterdir()):
        raise JobRefusedError(f"{shown(out)} has files in it that this command did not write. Choose another folder.")
    with private(mark, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JobRefusedError(f"Another run is writing to {shown(out)}.") from None
        if written := file.read().strip(b"\0"):  # zeros only: there was a power cut before anything was written
            _compare(out, written, claim)
        else:
            file.seek(0)
            file.write(json.dumps(claim, indent=2).encode() + b"\n")
            keep(file)
            _keep_names(out)
        yield
        for folder, _, _ in os.walk(out):
            _keep_names(Path(folder))


def _compare(out: Path, written: bytes, claim: Claim) -> None:
    known: object = None
    with suppress(ValueError):
        known = json.loads(written)
    if not isinstance(known, dict):
        raise JobRefusedError(f"{shown(out / MARK)} is damaged. Delete {shown(out)}, or choose another folder.")
    if other := [_OTHER[word] for word, value in claim.items() if known.get(word) != value]:
        raise JobRefusedError(f"{shown(out)} was made {other[0]}. Delete it, or choose another folder.")


@dataclass(slots=True)
class Tally:
    """The complete part of a file of lines: the number of lines, how many of them are errors, and the size in bytes."""

    lines: int = 0
    errors: int = 0
    size: int = 0


def tally(lines: Iterable[bytes]) -> Tally:
    """Count lines up to the first that is not complete, or that has zeros from a power cut."""
    whole = Tally()
    for line in lines:
        if not line.startswith(b"{") or not line.endswith(b"}\n") or b"\0" in line:
            break
        whole.lines += 1
        whole.errors += says_failed(line)
        whole.size += len(line)
    return whole


class Writer(Protocol):
    """Makes a file from lines, if the file does not consist of the lines themselves."""

    def tally(self, path: Path) -> Tally:
        """Count what is in a file that was made."""

    def write(self, lines: BinaryIO, file: BinaryIO, path: Path) -> None:
        """Write a file from all its lines. `path`: where the file will be in the end."""


class Gzip:
    """Compresses the lines once all are there, because a job could not continue a compressed file."""

    def tally(self, path: Path) -> Tally:
        """See `Writer`."""
        with gzip.open(path) as file:
            return tally(file)

    def write(self, lines: BinaryIO, file: BinaryIO, _path: Path) -> None:
        """Compress the lines."""
        with packed(file) as whole:
            shutil.copyfileobj(lines, whole)


class LinesTarget:
    """A file with a line for each note, or a file that `writer` makes from such lines.

    `done`: the number of lines written so far. `errors`: how many of them are errors. `is_whole`: nothing is left to
    do.
    """

    def __init__(self, path: Path, writer: Writer | None = None) -> None:
        self._path = path
        self._part = path.with_name(path.name + PART)
        self._writer = writer
        self._tally = Tally()
        self.is_whole = path.exists()
        if self.is_whole and writer:
            self._tally = writer.tally(path)
        else:
            with suppress(FileNotFoundError), (path if self.is_whole else self._part).open("rb") as file:
                self._tally = tally(file)
        self.done, self.errors = self._tally.lines, self._tally.errors

    @contextmanager
    def open(self) -> Iterator[Write]:
        """Continue after the last complete line. If the block succeeds, the file gets its final name."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with private(self._part, "r+b") as file:
            file.truncate(self._tally.size)
            file.seek(self._tally.size)

            def write(outcome: Outcome) -> None:
                file.write(outcome.written or b"")
                file.flush()

            yield write
            keep(file)
            if self._writer:
                file.seek(0)
                self._make(self._writer, file)
                return
        self._part.replace(self._path)

    def _make(self, writer: Writer, lines: BinaryIO) -> None:
        made = self._path.with_name(self._path.name + MADE)
        with private(made, "wb") as file:
            writer.write(lines, file, self._path)
            keep(file)
        made.replace(self._path)
        self.tidy()

    def tidy(self) -> None:
        """Delete the lines from which the file was made. Call this once the file exists."""
        if self._writer:
            self._part.unlink(missing_ok=True)


class NoteTarget:
    """A file with a single note. If the note fails, no file is written, and the next run tries again."""

    errors = 0

    def __init__(self, path: Path, *, is_gzip: bool = False) -> None:
        self._path = path
        self._is_gzip = is_gzip
        self._part = path.with_name(path.name + PART)
        self.is_whole = path.exists()
        self.done = int(self.is_whole)

    @contextmanager
    def open(self) -> Iterator[Write]:
        """Yield a function that writes the note, or nothing if the note failed."""
        yield self._write

    def _write(self, outcome: Outcome) -> None:
        if outcome.written is None:
            self._part.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with private(self._part, "wb") as file:
            file.write(gzip.compress(outcome.written, mtime=0) if self._is_gzip else outcome.written)
            keep(file)
        self._part.replace(self._path)

    def tidy(self) -> None:
        """Do nothing, as there are no other files."""


Target = LinesTarget | NoteTarget


def private(path: Path, mode: str) -> BinaryIO:
    """Open a file for reading and writing, but not through a symbolic link. A new file is readable only by its owner.

    `mode`: `wb` empties the file.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | (os.O_TRUNC if mode == "wb" else 0)
    return cast("BinaryIO", os.fdopen(os.open(path, flags, PRIVATE), mode))


@contextmanager
def packed(file: BinaryIO) -> Iterator[BinaryIO]:
    """Compress what is written, without time or name, so that the same content always gives the same file."""
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as whole:
        yield cast("BinaryIO", whole)


def keep(file: BinaryIO) -> None:
    """Flush what was written to disk, so that it survives a power cut."""
    file.flush()
    os.fsync(file.fileno())


def _keep_names(folder: Path) -> None:
    """Flush the names in a folder to disk, so that they survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
