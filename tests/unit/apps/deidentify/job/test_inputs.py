"""Which files a job reads."""

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from service.apps.deidentify.errors import JobRefusedError, JobStoppedError
from service.apps.deidentify.job.inputs import Found, Source, find, shown

SUFFIXES = ".ndjson, .jsonl, .txt, .ndjson.gz, .jsonl.gz, .txt.gz"


def sources(given: list[Path], out: Path) -> list[Source]:
    """The files that are read."""
    return find(given, out).sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of ours and of others."""
    for name in ["b.ndjson", "a/x.txt", "a/Y.TXT", "a/.hidden/z.jsonl", "a/read.md", "c.json", "d.csv", "e.text"]:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "in"


def test_a_folder(folder: Path) -> None:
    """Is read with all below it that has our suffixes, in the order of the names, hidden or not."""
    found = sources([folder], folder.parent / "out")

    assert [source.name for source in found] == ["a/.hidden/z.jsonl", "a/Y.TXT", "a/x.txt", "b.ndjson"]
    assert [source.is_note for source in found] == [False, True, True, False]
    assert [source.path for source in found] == [str(folder / source.name) for source in found]


@pytest.mark.parametrize(
    ("tables", "others"),
    [(False, ["a/read.md", "c.json", "d.csv", "e.text"]), (True, ["a/read.md", "c.json", "e.text"])],
    ids=["notes", "tables"],
)
def test_what_is_passed_over(folder: Path, tables: bool, others: list[str]) -> None:  # noqa: FBT001 - a case
    """Is known by its path, so that nobody takes a folder for done of which half was not read."""
    found = find([folder], folder.parent / "out", tables=tables)

    assert found.others == [str(folder / name) for name in others]
    assert ("d.csv" in [source.name for source in found.sources]) == tables


def test_suffixes(tmp_path: Path) -> None:
    """All kinds of files may be compressed, but Parquet, which is already; letter case does not matter."""
    names = ["a.CSV", "b.csv.gz", "c.tsv.GZ", "d.parquet", "e.parquet.gz", "f.ndjson.gz", "g.txt.gz"]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).touch()
    found = find([tmp_path / "in"], tmp_path / "out", tables=True)

    assert [(source.name, source.kind, source.is_gzip) for source in found.sources] == [
        ("a.CSV", ".csv", False),
        ("b.csv.gz", ".csv", True),
        ("c.tsv.GZ", ".tsv", True),
        ("d.parquet", ".parquet", False),
        ("f.ndjson.gz", ".ndjson", True),
        ("g.txt.gz", ".txt", True),
    ]
    assert found == Found(found.sources, [str(tmp_path / "in" / "e.parquet.gz")])


def test_a_compressed_file(tmp_path: Path) -> None:
    """Is read as what it holds; how far it is, is told by its own bytes."""
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"Dr. Smith" * 1000))
    (source,) = sources([path], tmp_path / "out")

    with source.open() as reading:
        assert reading.stream.read() == b"Dr. Smith" * 1000
        assert reading.position() == source.size == path.stat().st_size


@pytest.mark.parametrize("content", [b"Dr. Smith", gzip.compress(b"Dr. Smith" * 10_000)[:60]], ids=["none", "torn"])
def test_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    """Stops the job with a sentence."""
    path = tmp_path / "a.txt.gz"
    path.write_bytes(content)
    (source,) = sources([path], tmp_path / "out")

    with pytest.raises(JobStoppedError) as stopped, source.open() as reading:
        reading.stream.read()

    assert stopped.value.detail == f"{path} is no gzip file, or is damaged."


def test_files(folder: Path) -> None:
    """Are written under their own name, those of a folder with the folders between."""
    found = sources([folder / "b.ndjson", folder / "a"], folder.parent / "out")

    assert [source.name for source in found] == [".hidden/z.jsonl", "Y.TXT", "b.ndjson", "x.txt"]


def test_a_file_given_twice(folder: Path) -> None:
    """Is read once."""
    found = sources([folder / "a" / "x.txt", folder / "a" / "x.txt"], folder.parent / "out")

    assert [source.name for source in found] == ["x.txt"]


def test_a_link_that_is_given(folder: Path) -> None:
    """Is read: it was meant."""
    link = folder.parent / "link.txt"
    link.symlink_to(folder / "a" / "x.txt")

    (found,) = sources([link], folder.parent / "out")

    assert (found.name, found.path) == ("link.txt", str(folder / "a" / "x.txt"))


def _link_to_file(folder: Path) -> None:
    (folder / "l.txt").symlink_to(folder / "a" / "x.txt")


def _link_to_folder(folder: Path) -> None:
    (folder / "l").symlink_to(folder / "a")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "p.txt")


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (_link_to_file, "l.txt", "is a link: give what it points to, beside the folder."),
        (_link_to_folder, "l", "is a link: give what it points to, beside the folder."),
        (_pipe, "p.txt", "is no file."),
    ],
    ids=["link to a file", "link to a folder", "pipe"],
)
def test_what_cannot_be_read(folder: Path, make: Callable[[Path], None], name: str, said: str) -> None:
    """Is said before anything is done; a note passed over in silence would be lost."""
    make(folder)

    with pytest.raises(JobRefusedError) as refused:
        sources([folder], folder.parent / "out")

    assert refused.value.detail == f"{folder / name} {said}"


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that all may read; meanwhile we are nobody, if we were root, to whom nothing is closed."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        us = os.geteuid()
        (Path(name) / "in" / "a").mkdir(parents=True)
        (Path(name) / "in" / "a" / "x.txt").touch(0o600)
        yield Path(name)
        os.seteuid(us)


@pytest.mark.parametrize("path", ["a/x.txt", "a"], ids=["file", "folder"])
def test_what_may_not_be_read(as_nobody: Path, path: str) -> None:
    """Is said, too."""
    closed = as_nobody / "in" / path
    closed.chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65534)

    with pytest.raises(JobRefusedError) as refused:
        sources([as_nobody / "in"], as_nobody / "out")

    assert refused.value.detail == f"{closed}: Permission denied."


@pytest.mark.parametrize(
    ("given", "out", "shown_in", "shown_out"),
    [
        pytest.param("in", "in", "in", "in", id="the same"),
        pytest.param("in", "in/out", "in", "in/out", id="out in in"),
        pytest.param("in/a", "in", "in/a", "in", id="in in out"),
        pytest.param("in/b.ndjson", "in", "in/b.ndjson", "in", id="a file in out"),
        pytest.param("link", "in/out", "in", "in/out", id="by a link"),
    ],
)
def test_in_and_out(folder: Path, given: str, out: str, shown_in: str, shown_out: str) -> None:
    """Are apart: a job reads nothing that it writes, and writes over nothing that it reads."""
    root = folder.parent
    (root / "link").symlink_to(folder)

    with pytest.raises(JobRefusedError) as refused:
        sources([root / given], root / out)

    said = f"{root / shown_in} and {root / shown_out} lie in one another: write to a folder beside."
    assert refused.value.detail == said


def test_a_file_beside_out(folder: Path) -> None:
    """May be read, though out is in its folder."""
    assert [source.name for source in sources([folder / "b.ndjson"], folder / "out")] == ["b.ndjson"]


def test_names_that_collide(folder: Path) -> None:
    """Are told before one writes over the other."""
    other = folder.parent / "x.txt"
    other.write_text("x")

    with pytest.raises(JobRefusedError) as refused:
        sources([folder / "a", other], folder.parent / "out")

    both = f"{folder / 'a' / 'x.txt'} and {other}"
    assert refused.value.detail == f"{both} have the same name and would be written to the same file."


@pytest.mark.parametrize("below", ["n.txt", "deep/n.txt"])
def test_a_file_named_like_a_folder(folder: Path, below: str) -> None:
    """Is told, too: the job would stop there."""
    other = folder.parent / "other" / "x.txt" / below
    other.parent.mkdir(parents=True)
    other.write_text("n")

    with pytest.raises(JobRefusedError) as refused:
        sources([folder / "a", folder.parent / "other"], folder.parent / "out")

    both = f"{folder / 'a' / 'x.txt'} and {other}"
    said = f"{both}: the first would be written where the second needs a folder. Rename it."
    assert refused.value.detail == said


@pytest.mark.parametrize("table", ["v.csv", "v.csv.gz", "v.parquet", "v.ndjson"])
def test_a_file_named_like_the_errors_of_a_table(tmp_path: Path, table: str) -> None:
    """Is told, too. Beside a file that is no table, no errors are written."""
    paths = [tmp_path / table, tmp_path / f"{table}.errors.ndjson"]
    for path in paths:
        path.touch()

    with pytest.raises(JobRefusedError) as refused:
        find(paths, tmp_path / "out", tables=True)
    said = f"{paths[1]} would be written where the errors of {paths[0]} are: rename it."
    assert refused.value.detail == said
    (tmp_path / "v.ndjson").touch()
    assert len(sources([tmp_path / "v.ndjson", paths[1]], tmp_path / "out")) == 2


@pytest.mark.parametrize(
    ("suffix", "tables", "most"),
    [
        (".csv", True, 236),
        (".ndjson", True, 236),
        (".ndjson", False, 246),
        (".txt", True, 246),
        (".txt.gz", False, 246),
    ],
)
def test_a_long_name(tmp_path: Path, suffix: str, tables: bool, most: int) -> None:  # noqa: FBT001 - a case
    """Is read as long as there is room for what the job adds to it; it counts in bytes."""
    name = "é" * ((most - len(suffix)) // 2) + "x" * ((most - len(suffix)) % 2) + suffix
    fits, longer = tmp_path / name, tmp_path / f"x{name}"
    fits.touch()
    longer.touch()

    assert len(find([fits], tmp_path / "out", tables=tables).sources) == 1
    with pytest.raises(JobRefusedError) as refused:
        find([longer], tmp_path / "out", tables=tables)
    said = f"its name is too long: the job adds to it, so it may have {most} bytes."
    assert refused.value.detail == f"{longer}: {said}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("in/c.json", "{}: the name of a file must end in {suffixes}."),
        ("empty", "There is no file here with a name that ends in {suffixes}."),
        ("in/d.csv", "{}: say which of its columns hold notes, with --column."),
        ("gone.txt", "{}: No such file or directory."),
    ],
    ids=["suffix", "nothing", "table", "gone"],
)
def test_nothing_to_read(folder: Path, given: str, said: str) -> None:
    """Is an error."""
    path = folder.parent / given
    (folder.parent / "empty").mkdir()

    with pytest.raises(JobRefusedError) as refused:
        sources([path], folder.parent / "out")

    assert refused.value.detail == said.format(path, suffixes=SUFFIXES)


@pytest.mark.parametrize("during", [False, True], ids=["before", "meanwhile"])
def test_a_file_that_changes(folder: Path, during: bool) -> None:  # noqa: FBT001 - a case
    """Is noticed when it is opened, and when it has been read."""
    path = folder / "b.ndjson"
    (source,) = sources([path], folder.parent / "out")
    if not during:
        path.write_text("other and longer")

    with pytest.raises(JobStoppedError) as stopped, source.open():
        path.write_text("other and longer")

    assert stopped.value.detail == f"{path} has changed since the job began."


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a/Zoë.txt", "a/Zoë.txt"), ("a/\x1b[2J.txt", r"'a/\x1b[2J.txt'"), ("a/\udce9.txt", r"'a/\udce9.txt'")],
    ids=["plain", "terminal", "not UTF-8"],
)
def test_a_name_in_a_message(path: str, expected: str) -> None:
    """Plays no tricks on a terminal."""
    assert shown(path) == expected
