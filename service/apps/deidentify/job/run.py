"""Runs a job: files in their order through an engine or many, a bounded number of notes on their way at once."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Protocol

from service.apps.deidentify.engine.engine import About
from service.apps.deidentify.errors import JobStoppedError
from service.apps.deidentify.job.claim import Claim
from service.apps.deidentify.job.files import File
from service.apps.deidentify.job.inputs import Source, shown
from service.apps.deidentify.job.notes import Note, Outcome
from service.apps.deidentify.job.outputs import Target, claimed

BATCH = 200_000  # bytes of notes that go to an engine at once, where many do: about a second of its time
HELD = 64_000_000  # bytes of notes on their way at once


class Pending(Protocol):
    """Outcomes on their way."""

    def result(self) -> Sequence[Outcome]:
        """Wait for them, in the order of their notes."""


class Executor(Protocol):
    """What de-identifies notes: processes here, or a cluster."""

    about: About
    window: int  # batches on their way at once
    batch: int  # notes in one at most

    def submit(self, given: Sequence[Note]) -> Pending:
        """Begin with some notes."""


@dataclass(slots=True)
class Progress:
    """How far a job is: notes, how many in vain, bytes of the files read.

    `found` of these were there from an earlier run, `skipped` of the bytes.
    """

    total: int
    notes: int = 0
    failed: int = 0
    size: int = 0
    found: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """A note and where its outcome goes, or with no note the end of a file. `size`: bytes read up to here, in all."""

    source: Source
    target: Target
    note: Note | None
    size: int


Result = tuple[Task, Outcome | None]


def run(
    files: Sequence[File],
    out: Path,
    executor: Executor,
    *,
    claim: Claim,
    report: Callable[[Progress], None],
    tell: Callable[[str], None],
) -> Progress:
    """Do what is left of a job. `report` is called after each note, `tell` with what no file will say of a failure.

    Raises:
        JobRefusedError: the folder is not for this job.
        JobStoppedError: it cannot go on.
        EngineUnavailableError: no engine can be loaded.
    """
    progress = Progress(sum(file.source.size for file in files))
    try:
        with (
            claimed(out, claim),
            closing(_tasks(files, out, progress)) as tasks,
            closing(in_order(tasks, executor)) as done,
        ):
            for target, results in groupby(done, key=lambda result: result[0].target):
                with target.open() as write:
                    for task, outcome in results:
                        if outcome:
                            write(outcome)
                            _count(progress, task, outcome, tell)
                        report(progress)
    except OSError as error:
        raise JobStoppedError(f"{shown(error.filename or out)}: {error.strerror}.") from error
    progress.size = progress.total
    return progress


def _count(progress: Progress, task: Task, outcome: Outcome, tell: Callable[[str], None]) -> None:
    progress.size = task.size
    progress.notes += 1
    progress.failed += bool(outcome.code)
    if outcome.written is None:
        tell(f"{shown(task.source.path)}: {outcome.code}: {outcome.detail}")


def _tasks(files: Iterable[File], out: Path, progress: Progress) -> Generator[Task, None, None]:
    """What is left to do of each file, and its end; what is done is counted."""
    before = 0
    for file in files:
        source, target = file.source, file.target(out)
        progress.notes += target.done
        progress.found += target.done
        progress.failed += target.errors
        if target.is_whole:
            target.tidy()
            progress.skipped += source.size
        else:
            skipped = 0
            with source.open() as reading:
                given = file.notes(reading)
                for _, position in islice(given, target.done):
                    skipped = position
                progress.skipped += skipped
                for note, position in given:
                    yield Task(source, target, note, before + position)
            yield Task(source, target, None, before + source.size)
        before += source.size


def in_order(tasks: Iterable[Task], executor: Executor) -> Generator[Result, None, None]:
    """Each task with its outcome, in their order; the end of a file has none."""
    waiting: deque[tuple[list[Task], Pending]] = deque()
    held = 0
    for batch in _batches(tasks, executor.batch):
        given = [task.note for task in batch if task.note]
        waiting.append((batch, executor.submit(given)))
        held += _size(batch)
        while len(waiting) >= executor.window or held > HELD:
            held -= _size(waiting[0][0])
            yield from _with_outcomes(*waiting.popleft())
    while waiting:
        yield from _with_outcomes(*waiting.popleft())


def _with_outcomes(batch: Sequence[Task], pending: Pending) -> Iterator[Result]:
    outcomes = iter(pending.result())
    for task in batch:
        yield task, (next(outcomes) if task.note else None)


def _batches(tasks: Iterable[Task], most: int) -> Iterator[list[Task]]:
    """So many at most, and not many more bytes than a batch is worth sending for."""
    batch: list[Task] = []
    for task in tasks:
        batch.append(task)
        if len(batch) >= most or _size(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _size(batch: Iterable[Task]) -> int:
    return sum(len(task.note.raw or b"") for task in batch if task.note)
