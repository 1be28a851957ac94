"""Which files a job reads, and under which names it writes them."""

import gzip
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, cast

from service.apps.deidentify.errors import JobRefusedError, JobStoppedError

NOTE = ".txt"  # a file that is one note
LINES = (".ndjson", ".jsonl")  # a note in each line, or with columns a row
PARQUET = ".parquet"
TABLES = (".csv", ".tsv", PARQUET)  # read with columns only
GZIP = ".gz"  # may follow each of them, but Parquet, which is compressed already


class Reading(NamedTuple):
    """A file that is open. `stream`: its content, decompressed. `position`: bytes of the file read so far."""

    stream: BinaryIO
    position: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read. `name`: under which it is written, relative; `size` in bytes, `changed` in ns, when found."""

    path: str
    name: str
    size: int
    changed: int

    @property
    def is_note(self) -> bool:
        """Whether the file is one note."""
        return self.kind == NOTE

    @property
    def is_gzip(self) -> bool:
        """Whether the file is compressed."""
        return self.name.lower().endswith(GZIP)

    @property
    def kind(self) -> str:
        """The suffix that says what is in the file."""
        return Path(self.name.lower().removesuffix(GZIP)).suffix

    @contextmanager
    def open(self) -> Iterator[Reading]:
        """Read the file.

        Raises:
            JobStoppedError: it is damaged, or has changed since it was found: what is made of it is of no use.
        """
        with Path(self.path).open("rb") as file:
            self._check(file)
            try:
                if self.is_gzip:
                    with gzip.GzipFile(fileobj=file) as stream:
                        yield Reading(cast("BinaryIO", stream), file.tell)
                else:
                    yield Reading(file, file.tell)
            except (gzip.BadGzipFile, EOFError, zlib.error):
                raise JobStoppedError(f"{shown(self.path)} is no gzip file, or is damaged.") from None
            self._check(file)

    def _check(self, stream: BinaryIO) -> None:
        found = os.fstat(stream.fileno())
        if (found.st_size, found.st_mtime_ns) != (self.size, self.changed):
            raise JobStoppedError(f"{shown(self.path)} has changed since the job began.")


@dataclass(slots=True)
class Found:
    """Files to read, in the order of their names, and the paths in folders that are passed over."""

    sources: list[Source] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def find(given: Sequence[Path], out: Path, *, tables: bool = False) -> Found:
    """All files to read: those given, and in folders given all that have our suffixes. `tables`: also tables.

    Raises:
        JobRefusedError: one of them cannot be read, is a link, lies in `out` or around it, or would be written where
            another is.
    """
    suffixes = _suffixes(tables=tables)
    found: dict[str, Source] = {}
    others: list[str] = []
    for path in given:
        _apart(path, out)
        for source in _in(path, suffixes, others):
            other = found.setdefault(source.name, source)
            if other.path != source.path:
                both = f"{shown(other.path)} and {shown(source.path)}"
                raise JobRefusedError(f"{both} have the same name and would be written to the same file.")
    if not found:
        raise JobRefusedError(f"There is no file here with a name that ends in {', '.join(suffixes)}.")
    return Found(sorted(found.values(), key=lambda source: source.name), sorted(set(others)))


def _suffixes(*, tables: bool) -> tuple[str, ...]:
    plain = (*LINES, NOTE, *(TABLES if tables else ()))
    return (*plain, *(suffix + GZIP for suffix in plain if suffix != PARQUET))


def _apart(path: Path, out: Path) -> None:
    """Nothing is read where something is written."""
    path, out = path.resolve(), out.resolve()
    if path.is_relative_to(out) or (path.is_dir() and out.is_relative_to(path)):
        raise JobRefusedError(f"{shown(path)} and {shown(out)} lie in one another: write to a folder beside.")


def _in(path: Path, suffixes: tuple[str, ...], others: list[str]) -> Iterator[Source]:
    if not path.is_dir():
        if not path.name.lower().endswith(suffixes):
            raise JobRefusedError(f"{shown(path)}: {_why(path, suffixes)}")
        yield _source(str(path.resolve()), path.name)
        return
    root = str(path.resolve())
    for folder, folders, files in os.walk(root, onerror=_refuse):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in [*links, *files]:
            file = os.path.join(folder, name)  # noqa: PTH118 - a Path for each of millions would cost seconds
            if name in links or name.lower().endswith(suffixes):
                yield _source(file, os.path.relpath(file, root))
            else:
                others.append(file)


def _why(path: Path, suffixes: tuple[str, ...]) -> str:
    """Why a file that was given is not read."""
    if path.name.lower().removesuffix(GZIP).endswith(TABLES):
        return "say which of its columns hold notes, with --column."
    return f"the name of a file must end in {', '.join(suffixes)}."


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
