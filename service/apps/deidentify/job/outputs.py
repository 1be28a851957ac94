"""Where a job writes: a folder that is its own, and files that have their names only once they are whole.

A job may be ended at any moment, by a power cut too. The next run takes on from what is there: a file of lines up to
the last line that is whole, a file that is one note if it has its name.
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
from service.apps.deidentify.job.inputs import shown
from service.apps.deidentify.job.notes import Outcome, says_failed

MARK = ".deidentify.json"  # in the folder: what it was made from, and how
PART = ".part"  # at the end of a name: not whole yet
PRIVATE = 0o600  # masked notes are sensitive still

_OTHER = {
    "inputs": "from other files than these, or one of them has changed since",
    "options": "with other options",
    "engine": "by another engine or version",
}

Write = Callable[[Outcome], None]


@contextmanager
def claimed(out: Path, claim: Claim) -> Iterator[None]:
    """Hold the folder for this job alone; a new one is made. When the block ends well, all in it outlasts a power cut.

    Raises:
        JobRefusedError: another job runs there, it was made by another job, or holds what no job made.
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
        if written := file.read().strip(b"\0"):  # zeros: a power cut, before anything else was written
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
    """What is whole of a file of lines: how many, how many of them say why a note could not be done, and bytes."""

    lines: int = 0
    errors: int = 0
    size: int = 0


def tally(lines: Iterable[bytes]) -> Tally:
    """Count lines up to the first that is torn, or that a power cut left zeros in."""
    whole = Tally()
    for line in lines:
        if not line.startswith(b"{") or not line.endswith(b"}\n") or b"\0" in line:
            break
        whole.lines += 1
        whole.errors += says_failed(line)
        whole.size += len(line)
    return whole


class Writer(Protocol):
    """Makes a file of lines, where it is not these lines themselves."""

    def tally(self, path: Path) -> Tally:
        """What a file holds that was made."""

    def write(self, lines: BinaryIO, file: BinaryIO, path: Path) -> None:
        """Make the file, which is to have this path, of all its lines."""


class Gzip:
    """Compresses lines when all are there: what is compressed could not be gone on with."""

    def tally(self, path: Path) -> Tally:
        """See `Writer`."""
        with gzip.open(path) as file:
            return tally(file)

    def write(self, lines: BinaryIO, file: BinaryIO, _path: Path) -> None:
        """Write no time or name, so that the same lines make the same file."""
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
            shutil.copyfileobj(lines, packed)


class LinesTarget:
    """A file with a line for each note, or made of such. `done` are written, `errors` of them in vain.

    `is_whole`: nothing is left to do.
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
        """Go on behind the last whole line."""
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
        made = self._path.with_name(f"{self._path.name}.new{PART}")
        with private(made, "wb") as file:
            writer.write(lines, file, self._path)
            keep(file)
        made.replace(self._path)
        self.tidy()

    def tidy(self) -> None:
        """Take away the lines that a file was made of, once it is there."""
        if self._writer:
            self._part.unlink(missing_ok=True)


class NoteTarget:
    """A file that is one note. Where the note could not be done there is none, and the next run tries again."""

    errors = 0

    def __init__(self, path: Path, *, is_gzip: bool = False) -> None:
        self._path = path
        self._is_gzip = is_gzip
        self._part = path.with_name(path.name + PART)
        self.is_whole = path.exists()
        self.done = int(self.is_whole)

    @contextmanager
    def open(self) -> Iterator[Write]:
        """Write the note, if there is one."""
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
        """Do nothing: a note leaves nothing else."""


Target = LinesTarget | NoteTarget


def private(path: Path, mode: str) -> BinaryIO:
    """Open a file that nobody else may read if it is made now, and that is no link to another."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | (os.O_TRUNC if mode == "wb" else 0)
    return cast("BinaryIO", os.fdopen(os.open(path, flags, PRIVATE), mode))


def keep(file: BinaryIO) -> None:
    """Let what is written outlast a power cut."""
    file.flush()
    os.fsync(file.fileno())


def _keep_names(folder: Path) -> None:
    """Let the names in a folder outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
