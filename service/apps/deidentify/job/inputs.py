"""Which files a job reads, and under which names it writes them."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from service.apps.deidentify.errors import JobRefusedError, JobStoppedError

NOTE = ".txt"  # a file that is one note
SUFFIXES = (".ndjson", ".jsonl", NOTE)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read. `name`: under which it is written, relative; `size` in bytes, `changed` in ns, when found."""

    path: str
    name: str
    size: int
    changed: int

    @property
    def is_note(self) -> bool:
        """Whether the file is one note, else it has one a line."""
        return self.name.lower().endswith(NOTE)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Read the file.

        Raises:
            JobStoppedError: it is not, or at the end is no longer, as it was found: what is made of it is of no use.
        """
        with Path(self.path).open("rb") as stream:
            self._check(stream)
            yield stream
            self._check(stream)

    def _check(self, stream: BinaryIO) -> None:
        found = os.fstat(stream.fileno())
        if (found.st_size, found.st_mtime_ns) != (self.size, self.changed):
            raise JobStoppedError(f"{shown(self.path)} has changed since the job began.")


def sources(given: Sequence[Path], out: Path) -> list[Source]:
    """All files to read, in the order of their names: those given, and in folders given all that have our suffixes.

    Raises:
        JobRefusedError: one of them cannot be read, is a link, lies in `out` or around it, or would be written where
            another is.
    """
    found: dict[str, Source] = {}
    for path in given:
        _apart(path, out)
        for source in _in(path):
            other = found.setdefault(source.name, source)
            if other.path != source.path:
                both = f"{shown(other.path)} and {shown(source.path)}"
                raise JobRefusedError(f"{both} have the same name and would be written to the same file.")
    if not found:
        raise JobRefusedError(f"There is no file here with a name that ends in {', '.join(SUFFIXES)}.")
    return sorted(found.values(), key=lambda source: source.name)


def _apart(path: Path, out: Path) -> None:
    """Nothing is read where something is written."""
    path, out = path.resolve(), out.resolve()
    if path.is_relative_to(out) or (path.is_dir() and out.is_relative_to(path)):
        raise JobRefusedError(f"{shown(path)} and {shown(out)} lie in one another: write to a folder beside.")


def _in(path: Path) -> Iterator[Source]:
    if not path.is_dir():
        if not path.name.lower().endswith(SUFFIXES):
            raise JobRefusedError(f"{shown(path)}: the name of a file must end in {', '.join(SUFFIXES)}.")
        yield _source(str(path.resolve()), path.name)
        return
    root = str(path.resolve())
    for folder, folders, files in os.walk(root, onerror=_refuse):
        links = (name for name in folders if Path(folder, name).is_symlink())
        for name in [*links, *(file for file in files if file.lower().endswith(SUFFIXES))]:
            file = os.path.join(folder, name)  # noqa: PTH118 - a Path for each of millions would cost seconds
            yield _source(file, os.path.relpath(file, root))


def _source(path: str, name: str) -> Source:
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            raise JobRefusedError(f"{shown(path)} is a link: give what it points to, beside the folder.")
        if not stat.S_ISREG(found.st_mode):
            raise JobRefusedError(f"{shown(path)} is no file.")
        os.close(os.open(path, os.O_RDONLY))  # better now than after hours
    except OSError as error:
        _refuse(error)
    return Source(path, name, found.st_size, found.st_mtime_ns)


def _refuse(error: OSError) -> NoReturn:
    raise JobRefusedError(f"{shown(error.filename)}: {error.strerror}.") from error


def shown(path: object) -> str:
    """A path for people: as it is, unless a character of it would play tricks on a terminal."""
    text = str(path)
    return text if text.isprintable() else ascii(text)
