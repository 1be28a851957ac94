"""A job: in order, bounded, and the same however often it was stopped."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from service.apps.deidentify.engine.engine import About
from service.apps.deidentify.errors import JobStoppedError
from service.apps.deidentify.job.files import File
from service.apps.deidentify.job.inputs import Source, find
from service.apps.deidentify.job.notes import LARGEST, Note, Outcome
from service.apps.deidentify.job.outputs import NoteTarget
from service.apps.deidentify.job.run import HELD, Progress, Task, in_order, run

CLAIM = {"inputs": "1"}


class Executor:
    """Does notes when their outcomes are wanted. Stops the job after so many; notes with an x fail."""

    about = About("engine", "1", "rules", "tagger")
    window, batch = 3, 2

    def __init__(self, after: int | None = None) -> None:
        self.after = after
        self.done: list[Note] = []
        self.most = self.under_way = 0

    def submit(self, given: Sequence[Note]) -> "Batch":
        """Take some notes."""
        assert len(given) <= self.batch
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        return Batch(self, given)


class Batch:
    """Notes that are under way."""

    def __init__(self, executor: Executor, given: Sequence[Note]) -> None:
        self._executor = executor
        self._given = given

    def result(self) -> list[Outcome]:
        """Do them."""
        self._executor.under_way -= 1
        return [self._outcome(note) for note in self._given]

    def _outcome(self, note: Note) -> Outcome:
        if len(self._executor.done) == self._executor.after:
            raise JobStoppedError("Enough.")
        self._executor.done.append(note)
        text = (note.raw or b"").strip()
        if b"x" in text:
            return Outcome(b'{"line":%d,"error":{}}\n' % note.line if note.line else None, "bad", "It has an x.")
        return Outcome(b'{"line":%d,"text":"%s"}\n' % (note.line, text.upper()) if note.line else text.upper())


def sources(given: list[Path], out: Path) -> list[File]:
    """The files of a job."""
    return [File(source) for source in find(given, out).sources]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some files of each kind."""
    files = {
        "a/1.txt": b"one",
        "a/2.txt": b"x",
        "b.ndjson": b"a\n\nb\nx\nc\nd\n",
        "c.jsonl": b"",
        "d.ndjson": b"\n\n",
        "e/f.jsonl": b"e",
    }
    for name, content in files.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "in"


WRITTEN = {
    "a/1.txt": b"ONE",
    "b.ndjson": b'{"line":1,"text":"A"}\n{"line":3,"text":"B"}\n{"line":4,"error":{}}\n'
    b'{"line":5,"text":"C"}\n{"line":6,"text":"D"}\n',
    "c.jsonl": b"",
    "d.ndjson": b"",
    "e/f.jsonl": b'{"line":1,"text":"E"}\n',
}


def do(folder: Path, executor: Executor, said: list[str] | None = None) -> Progress:
    """Run the job."""
    out = folder.parent / "out"
    told = said if said is not None else []
    return run(sources([folder], out), out, executor, claim=CLAIM, report=lambda _: None, tell=told.append)


def files(out: Path) -> dict[str, bytes]:
    """What is in a folder, by relative name."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("[!.]*")) if path.is_file()}


def test_a_job(folder: Path) -> None:
    """Writes every note to where it belongs, in order; what failed is told, where no file will say it."""
    said: list[str] = []
    progress = do(folder, Executor(), said)

    assert files(folder.parent / "out") == WRITTEN
    assert said == [f"{folder / 'a' / '2.txt'}: bad: It has an x."]
    assert progress == Progress(total=18, notes=8, failed=2, size=18)


@pytest.mark.parametrize("after", range(9))
def test_a_job_that_was_stopped(folder: Path, after: int) -> None:
    """Goes on where it was: no note twice, none lost, and no other result than without the stop."""
    first, second = Executor(after), Executor()
    if after < 8:
        with pytest.raises(JobStoppedError):
            do(folder, first)
    else:
        do(folder, first)
    progress = do(folder, second)

    assert files(folder.parent / "out") == WRITTEN
    assert (progress.notes, progress.failed) == (8, 2)
    # A batch is written as a whole; what failed as a file is tried again.
    again = [note for note in second.done if note in first.done and b"x" not in (note.raw or b"")]
    assert len(again) < Executor.batch


def test_a_job_that_is_done(folder: Path) -> None:
    """Does nothing but what left no file, and still says what failed."""
    do(folder, Executor())
    again = Executor()
    progress = do(folder, again)

    assert [note.raw for note in again.done] == [b"x"]
    assert progress == Progress(total=18, notes=8, failed=2, size=18, found=7, skipped=17)


def test_progress(folder: Path) -> None:
    """Grows with every note, to all bytes there are."""
    seen: list[tuple[int, int]] = []
    out = folder.parent / "out"

    def report(progress: Progress) -> None:
        seen.append((progress.notes, progress.size))

    run(sources([folder], out), out, Executor(), claim=CLAIM, report=report, tell=print)

    assert seen == sorted(seen)
    assert seen[-1] == (8, 18)


def tasks(count: int, raw: bytes) -> Iterator[Task]:
    """So many notes."""
    source, target = Source("", "", 0, 0), NoteTarget(Path("gone"))
    return (Task(source, target, Note(number, raw), 0) for number in range(count))


def test_no_more_than_a_window_is_under_way() -> None:
    """However many notes there are."""
    executor = Executor()
    results = list(in_order(tasks(100, b"a"), executor))

    assert [task.note.line for task, _ in results if task.note] == list(range(100))
    assert (executor.most, executor.under_way) == (Executor.window, 0)


def test_no_more_bytes_than_can_be_held_are_under_way() -> None:
    """However many notes a window has."""
    executor = Executor()
    executor.window = 1000
    done = in_order(tasks(100, b"a" * LARGEST), executor)
    next(done)

    assert executor.most <= HELD // LARGEST + 1
    done.close()


def test_a_file_that_changes_meanwhile(folder: Path) -> None:
    """Stops the job, and its result never gets its name."""
    out = folder.parent / "out"
    found = sources([folder], out)
    (folder / "b.ndjson").write_bytes(b"other")

    with pytest.raises(JobStoppedError) as stopped:
        run(found, out, Executor(), claim=CLAIM, report=lambda _: None, tell=print)

    assert stopped.value.detail == f"{folder / 'b.ndjson'} has changed since the job began."
    assert "b.ndjson" not in files(out)


class Failing(Executor):
    """Fails with an error that is not the system's."""

    def submit(self, _given: Sequence[Note]) -> "Batch":
        """Fail."""
        raise OSError("Unexpected end of stream")


def test_an_error_without_a_reason(folder: Path) -> None:
    """Stops the job, too, with a sentence."""
    with pytest.raises(JobStoppedError) as stopped:
        do(folder, Failing())

    assert stopped.value.detail == f"{folder.parent / 'out'}: It cannot be read or written."


def test_what_cannot_be_written(folder: Path) -> None:
    """Stops the job with where and why."""
    other = folder.parent / "other" / "b.ndjson"
    other.mkdir(parents=True)
    (other / "1.txt").write_bytes(b"one")
    out = folder.parent / "out"
    found = [*sources([folder], out), *sources([other.parent], out)]  # together they would be refused

    with pytest.raises(JobStoppedError) as stopped:
        run(found, out, Executor(), claim=CLAIM, report=lambda _: None, tell=print)

    assert stopped.value.detail == f"{out / 'b.ndjson'}: File exists."
