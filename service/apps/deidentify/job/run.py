"""Runs a job: sends the notes of its files to engines, a limited number at a time, and writes the outcomes in order."""

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

BATCH = 200_000  # bytes of notes in one batch, about a second of work for an engine
HELD = 64_000_000  # bytes of notes that have been submitted and are not done
_UNKNOWN = "It cannot be read or written"  # where the system gives no reason


class Pending(Protocol):
    """The future outcomes of a batch."""

    def result(self) -> Sequence[Outcome]:
        """Wait for the outcomes, and return them in the order of the notes."""


class Executor(Protocol):
    """De-identifies notes, in processes on this machine or on a cluster."""

    about: About
    window: int  # batches to submit before waiting for the first
    batch: int  # the most notes in a batch

    def submit(self, given: Sequence[Note]) -> Pending:
        """Start to process a batch of notes."""


@dataclass(slots=True)
class Progress:
    """The progress of a job.

    `total`: bytes of all files. `notes`: notes done, `failed`: how many of them failed, `size`: bytes of the files read
    for them. `found`: notes of earlier runs, `skipped`: bytes of the files that were read for these. Both are included
    in the other numbers.
    """

    total: int
    notes: int = 0
    failed: int = 0
    size: int = 0
    found: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """A note and where its outcome goes. `note`: None at the end of a file. `size`: bytes of all files up to here."""

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
    """Do what is left of a job.

    `report` is called after each note. `tell` is called with the error of a note if no output file has it.

    Raises:
        JobRefusedError: the output folder belongs to another job.
        JobStoppedError: the job cannot continue.
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
        raise JobStoppedError(f"{shown(error.filename or out)}: {error.strerror or _UNKNOWN}.") from error
    progress.size = progress.total
    return progress


def _count(progress: Progress, task: Task, outcome: Outcome, tell: Callable[[str], None]) -> None:
    progress.size = task.size
    progress.notes += 1
    progress.failed += bool(outcome.code)
    if outcome.written is None:
        tell(f"{shown(task.source.path)}: {outcome.code}: {outcome.detail}")


def _tasks(files: Iterable[File], out: Path, progress: Progress) -> Generator[Task, None, None]:
    """Yield the notes that are left in each file, then its end. Adds what is done already to `progress`."""
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
    """Yield each task with its outcome, in order. The outcome is None at the end of a file."""
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
    """Split tasks into batches of at most `most` tasks. A batch also ends when it has BATCH bytes."""
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
