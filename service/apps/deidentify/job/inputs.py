"""Finds the files that a job reads, and the names under which it writes them."""

import gzip
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, cast

from service.apps.deidentify.errors import JobRefusedError, JobStoppedError

NOTE = ".txt"  # a file with a single note
LINES = (".ndjson", ".jsonl")  # a note in each line; if columns are given, a row of a table
PARQUET = ".parquet"
TABLES = (".csv", ".tsv", PARQUET)  # read only if columns are given
# Behind the name of a file that is written: while it is not complete, while it is made of lines, and behind the name of
# a table, for what could not be done of it.
PART, MADE, ERRORS = ".part", ".new.part", ".errors.ndjson"
_LONGEST_NAME = 255  # bytes of a file's name, on the usual file systems
GZIP = ".gz"  # may follow any suffix but that of Parquet, which has its own compression


class Reading(NamedTuple):
    """An open file. `stream`: its content, decompressed. `position`: returns how many bytes of the file were read."""

    stream: BinaryIO
    position: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read.

    `name`: the relative path under which it is written. `size`: in bytes. `changed`: time of the last change, in
    nanoseconds. Both are those of when the file was found.
    """

    path: str
    name: str
    size: int
    changed: int

    @property
    def is_note(self) -> bool:
        """Whether the file is a single note."""
        return self.kind == NOTE

    @property
    def is_gzip(self) -> bool:
        """Whether the file is compressed with gzip."""
        return self.name.lower().endswith(GZIP)

    @property
    def kind(self) -> str:
        """The suffix of the file's name in lower case, without that of gzip."""
        return Path(self.name.lower().removesuffix(GZIP)).suffix

    @contextmanager
    def open(self) -> Iterator[Reading]:
        """Open the file for reading while the block runs.

        Raises:
            JobStoppedError: the file is damaged, or has changed since it was found. The output is then of no use.
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
    """The files to read (`sources`), in the order of their names, and the paths of skipped files (`others`)."""

    sources: list[Source] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def find(given: Sequence[Path], out: Path, *, tables: bool = False) -> Found:
    """Find all files to read: the given files, and all files in the given folders that have a known suffix.

    `out`: the output folder. `tables`: whether to read tables.

    Raises:
        JobRefusedError: there are no files. Or one of them cannot be read, is a symbolic link, is in `out` or contains
            it, would be written to the same path as another or as a folder for others, or has a name to which nothing
            can be added.
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
    _check_names(found, tables=tables)
    _check_folders(found)
    if not found:
        raise JobRefusedError(f"There is no file here with a name that ends in {', '.join(suffixes)}.")
    return Found(sorted(found.values(), key=lambda source: source.name), sorted(set(others)))


def _check_names(found: Mapping[str, Source], *, tables: bool) -> None:
    """Check the names of all that is written beside a file, so that the job does not stop there."""
    for name, source in found.items():
        is_table = source.kind in TABLES or (tables and source.kind in LINES)
        if is_table and (other := found.get(name + ERRORS)):
            said = f"{shown(other.path)} would be written where the errors of {shown(source.path)} are: rename it."
            raise JobRefusedError(said)
        most = _LONGEST_NAME - len(ERRORS + PART if is_table else MADE)
        if len(os.fsencode(Path(name).name)) > most:
            said = f"its name is too long: the job adds to it, so it may have {most} bytes."
            raise JobRefusedError(f"{shown(source.path)}: {said}")


def _check_folders(found: Mapping[str, Source]) -> None:
    """Check that no file is written where a folder for others must be."""
    folders: dict[str, Source] = {}
    for name, source in found.items():
        folder = os.path.dirname(name)  # noqa: PTH120 - a Path for each of millions would cost seconds
        while folder and folder not in folders:
            folders[folder] = source
            folder = os.path.dirname(folder)  # noqa: PTH120 - likewise
    for name in found.keys() & folders.keys():
        both = f"{shown(found[name].path)} and {shown(folders[name].path)}"
        raise JobRefusedError(f"{both}: the first would be written where the second needs a folder. Rename it.")


def _suffixes(*, tables: bool) -> tuple[str, ...]:
    plain = (*LINES, NOTE, *(TABLES if tables else ()))
    return (*plain, *(suffix + GZIP for suffix in plain if suffix != PARQUET))


def _apart(path: Path, out: Path) -> None:
    """Check that an input is not in the output folder and does not contain it."""
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
    """Explain why a given file is not read."""
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
        os.close(os.open(path, os.O_RDONLY))  # fail now, not after hours
    except OSError as error:
        _refuse(error)
    return Source(path, name, found.st_size, found.st_mtime_ns)


def _refuse(error: OSError) -> NoReturn:
    raise JobRefusedError(f"{shown(error.filename)}: {error.strerror}.") from error


def shown(path: object) -> str:
    """Return a path as text for people. It is escaped if it has characters that are not printable."""
    text = str(path)
    return text if text.isprintable() else ascii(text)
