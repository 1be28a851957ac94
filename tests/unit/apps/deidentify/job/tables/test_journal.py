"""Tables in a job: the same bytes however often it was stopped, and what failed stands beside them."""

import gzip
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Unpack

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.apps.deidentify.engine.engine import About, Options, Result
from service.apps.deidentify.errors import DeadlineExceededError, JobStoppedError
from service.apps.deidentify.job.claim import Terms
from service.apps.deidentify.job.files import File, checked
from service.apps.deidentify.job.inputs import find
from service.apps.deidentify.job.notes import Answerer, Note, Outcome
from service.apps.deidentify.job.run import Progress, run

NOTES = ["Dr. Roe", "slow", "", "a\nb", None, "c"]
TERMS = Terms({}, spans=False, deadline=1, columns=("note", "more"))
SLOW = {"code": "deadline_exceeded", "detail": DeadlineExceededError(1).detail}


def masked(text: str, **_: Unpack[Options]) -> Result:
    """An engine that masks all but one."""
    if text == "slow":
        raise DeadlineExceededError(1)
    return Result("*" * len(text), [], {}, len(text))


class Executor:
    """Stops the job after so many rows."""

    about = About("engine", "1", "rules", "tagger")
    window, batch = 2, 1

    def __init__(self, after: int = 1_000_000) -> None:
        self.after = after
        self.done: list[Note] = []

    def submit(self, given: Sequence[Note]) -> "Pending":
        """Take some."""
        return Pending(self, given)


class Pending:
    """Rows under way."""

    def __init__(self, executor: Executor, given: Sequence[Note]) -> None:
        self._executor = executor
        self._given = given

    def result(self) -> list[Outcome]:
        """Do them."""
        if len(self._executor.done) == self._executor.after:
            raise JobStoppedError("Enough.")
        self._executor.done += self._given
        answerer = Answerer(masked, Executor.about, with_spans=False)
        return [answerer.answer(note) for note in self._given]


def csv() -> bytes:
    """A table with a row for each note, and one that is none."""
    rows = "".join(f'{number},"{note}",x\n' if note else f"{number},,x\n" for number, note in enumerate(NOTES))
    return f"id,note,more\n{rows}torn\n".encode()


def parquet() -> bytes:
    """The same as Parquet."""
    out = BytesIO()
    table = {"id": list(range(len(NOTES))), "note": pa.array(NOTES), "more": ["x"] * len(NOTES)}
    pq.write_table(pa.table(table), out)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table of each kind."""
    files = {
        "a.csv": csv(),
        "a.csv.gz": gzip.compress(csv()),
        "b.parquet": parquet(),
        "c.ndjson": b'{"note":"Dr. Roe","more":1}\n\n{"x":"kept"}\n{"note":"c","more":"x"}\ntorn\n',
        "d.tsv": b"note\tmore\nc\tx\n",
        "e.txt": b"a note",
    }
    for name, content in files.items():
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    return tmp_path / "in"


def do(folder: Path, executor: Executor) -> Progress:
    """Run the job."""
    files = checked(find([folder], folder.parent / "out", tables=True).sources, TERMS)
    return run(files, folder.parent / "out", executor, claim={"inputs": "1"}, report=lambda _: None, tell=print)


def written(folder: Path) -> dict[str, bytes]:
    """What is in the folder that it writes to."""
    return {path.name: path.read_bytes() for path in sorted((folder.parent / "out").glob("[!.]*"))}


CSV = b'id,note,more\n0,"*******",*\n1,,*\n2,,*\n3,"***",*\n4,,*\n5,"*",*\n,,\n'
CSV_ERRORS = [
    {"line": 3, "columns": ["note"], "error": SLOW},
    {
        "line": 9,
        "columns": ["note", "more"],
        "error": {
            "code": "invalid_request",
            "detail": "The row has 1 cells, and the header 3. Nothing of the row is written.",
        },
    },
]


def test_a_job(folder: Path) -> None:
    """Writes each table, and beside it what failed; where nothing did, nothing."""
    progress = do(folder, Executor())
    found = written(folder)

    assert list(found) == [
        "a.csv",
        "a.csv.errors.ndjson",
        "a.csv.gz",
        "a.csv.gz.errors.ndjson",
        "b.parquet",
        "b.parquet.errors.ndjson",
        "c.ndjson",
        "c.ndjson.errors.ndjson",
        "d.tsv",
        "e.txt",
    ]
    assert found["a.csv"] == gzip.decompress(found["a.csv.gz"]) == CSV
    assert [json.loads(line) for line in found["a.csv.errors.ndjson"].splitlines()] == CSV_ERRORS
    assert pq.read_table(BytesIO(found["b.parquet"])).to_pydict() == {
        "id": [0, 1, 2, 3, 4, 5],
        "note": ["*******", None, "", "***", None, "*"],
        "more": ["*"] * 6,
    }
    assert json.loads(found["b.parquet.errors.ndjson"]) == {"line": 2, "columns": ["note"], "error": SLOW}
    first, blank, second, third, fourth = found["c.ndjson"].split(b"\n")[:5]
    assert (first, blank) == (b'{"note":"*******","more":null}', b"")
    assert (second, third) == (b'{"x":"kept"}', b'{"note":"*","more":"*"}')
    assert json.loads(fourth)["error"]["code"] == "invalid_request"
    assert found["d.tsv"] == b"note\tmore\n*\t*\n"
    assert (progress.notes, progress.failed) == (7 + 7 + 6 + 3 + 1 + 1, 2 + 2 + 1 + 2)


@pytest.mark.parametrize("after", [0, 5, 12, 18, 24])
def test_a_job_that_was_stopped(folder: Path, after: int) -> None:
    """Does no row twice, and leaves no other byte than without the stop."""
    first, second = Executor(after), Executor()
    if after < 25:
        with pytest.raises(JobStoppedError):
            do(folder, first)
    do(folder, second)
    found = written(folder)
    do(folder, third := Executor())

    assert len(first.done) + len(second.done) == 25
    assert third.done == []
    for path in (folder.parent / "out").iterdir():
        path.unlink()
    do(folder, Executor())
    assert written(folder) == found


def test_a_stop_behind_the_last_row(folder: Path) -> None:
    """Leaves lines of which the table is made; where it is made already, they go."""
    do(folder, Executor())
    expected = written(folder)
    out = folder.parent / "out"
    lines = b"".join(b'{"line":%d,"texts":["*******","*"]}\n' % line for line in range(2, 4))
    (out / "a.csv.part").write_bytes(lines)
    (out / "d.tsv").unlink()
    (out / "d.tsv.part").write_bytes(b'{"line":2,"texts":["*","*"]}\n')
    (out / "d.tsv.new.part").write_bytes(b"torn")
    do(folder, again := Executor())

    assert written(folder) == expected
    assert again.done == []


def test_how_far_it_is(folder: Path) -> None:
    """Is told by rows and bytes; what was there from before is not counted as done now."""
    with pytest.raises(JobStoppedError):
        do(folder, Executor(9))
    progress = do(folder, Executor())

    assert (progress.notes, progress.failed, progress.found) == (25, 7, 9)
    assert 0 < progress.skipped < progress.size == progress.total


def test_what_is_kept_meanwhile(folder: Path) -> None:
    """Is masked already, and nobody else's to read."""
    with pytest.raises(JobStoppedError):
        do(folder, Executor(5))
    part = folder.parent / "out" / "a.csv.part"

    assert part.stat().st_mode & 0o777 == 0o600
    assert b"Roe" not in part.read_bytes()


def test_a_file_of_notes_that_is_compressed(tmp_path: Path) -> None:
    """Is written compressed, the same however often it was stopped."""
    (tmp_path / "in").mkdir()
    content = b"".join(b'{"text": "note %d"}\n' % number for number in range(9))
    (tmp_path / "in" / "a.ndjson.gz").write_bytes(gzip.compress(content))
    (tmp_path / "in" / "b.txt.gz").write_bytes(gzip.compress(b"Dr. Roe"))

    def notes(executor: Executor) -> Progress:
        files = [File(source) for source in find([tmp_path / "in"], tmp_path / "out").sources]
        return run(files, tmp_path / "out", executor, claim={"inputs": "1"}, report=lambda _: None, tell=print)

    with pytest.raises(JobStoppedError):
        notes(Executor(4))
    progress = notes(Executor())
    found = written(tmp_path / "in")

    assert (progress.notes, progress.found, progress.failed) == (10, 4, 0)
    assert len(gzip.decompress(found["a.ndjson.gz"]).splitlines()) == 9
    assert gzip.decompress(found["b.txt.gz"]) == b"*******"
    assert list(found) == ["a.ndjson.gz", "b.txt.gz"]
    again = notes(third := Executor())
    assert (again.found, third.done) == (10, [])
    (tmp_path / "out" / "a.ndjson.gz").unlink()
    notes(Executor())
    assert written(tmp_path / "in") == found


def test_a_table_that_is_done_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Because it was deleted. What failed the first time, and not now, is told no more."""
    do(folder, Executor())
    (folder.parent / "out" / "b.parquet").unlink()
    monkeypatch.setattr(
        "tests.unit.apps.deidentify.job.tables.test_journal.masked", lambda _, **__: Result("*", [], {}, 1)
    )

    again = do(folder, Executor())
    later = do(folder, Executor())

    assert "b.parquet.errors.ndjson" not in written(folder)
    assert "a.csv.errors.ndjson" in written(folder)
    assert later.failed == again.failed
