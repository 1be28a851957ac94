"""Gives an event loop access to engines in separate processes, so that no note can block the loop."""

import asyncio
import contextlib
import os
import resource
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Unpack

from pydantic import SecretStr

from service.apps.deidentify.engine.engine import About, Engine, Options, Result
from service.apps.deidentify.engine.explanation import Contents
from service.apps.deidentify.engine.intake import size_of
from service.apps.deidentify.engine.numbering import BatchNumbering
from service.apps.deidentify.errors import EngineUnavailableError, NoteTooLargeError, QueueFullError
from service.apps.deidentify.workers.backlog import Backlog
from service.apps.deidentify.workers.forkserver import RETRY, Forkserver
from service.apps.deidentify.workers.preloaded import Deidentifier
from service.apps.deidentify.workers.worker import DEADLINE, Worker
from service.errors import ServiceError

NOTE_SIZE = 100_000  # bytes of UTF-8
NOTES = 64  # waiting or being processed
SIZE = 4_000_000  # bytes of these notes in total
BATCHES = 8  # open at once

_BATCH_RETRY = 60  # seconds; a batch may last for hours


class Pool:
    """Processes as many notes at a time as there are workers, for any number of callers. Open it with `open_pool`."""

    def __init__(
        self,
        forkserver: Forkserver,
        *,
        workers: int,
        deadline: float,
        note_size: int,
        notes: int,
        size: int,
        batches: int,
    ) -> None:
        self.workers = workers
        self.deadline = deadline
        self.note_size = note_size
        self._forkserver = forkserver
        self._crew = [Worker(forkserver, deadline=deadline) for _ in range(workers)]
        self._backlog = Backlog(self._crew, notes=notes, size=size)
        self._batches = self._free_batches = batches
        self.secret: SecretStr | None = None  # the operator's, from which those of keys are derived
        self.results = Counter[str]()  # outcomes of notes: `done`, or the code of an error
        # One thread for each worker, and one to load the engine.
        self._threads = ThreadPoolExecutor(workers + 1, thread_name_prefix="deidentify")

    @property
    def about(self) -> About | None:
        """The engine that is loaded; None if there is none."""
        return self._forkserver.about

    @property
    def contents(self) -> Contents | None:
        """The contents of its rule book; None if no engine is loaded."""
        return self._forkserver.contents

    @property
    def problem(self) -> str | None:
        """Why no engine is loaded, for the readiness check; None if one is."""
        return self._forkserver.problem

    async def deidentify(
        self, text: str, *, patient: bool = False, key: bytes | None = None, **options: Unpack[Options]
    ) -> Result:
        """De-identify a note; see `Engine.deidentify`. Waits while the first engine is being loaded.

        `patient`: wait for room, as notes of batches do. They get at most half of the room. `key`: of the
        `BatchNumbering` that will renumber the result.

        Raises:
            NoteRefusedError: the text has characters that no note has.
            NoteTooLargeError: the note is larger than `note_size`.
            QueueFullError: there is no room.
            LanguageUnsupportedError: the engine does not support the note's language.
            DeadlineExceededError: the note took too long.
            EngineFailedError: the engine failed with this note.
            EngineUnavailableError: there is no engine.
        """
        try:
            result = await self._deidentify(text, patient=patient, key=key, **options)
        except ServiceError as error:
            self.results[error.code] += 1
            raise
        self.results["done"] += 1
        return result

    async def _deidentify(self, text: str, *, patient: bool, key: bytes | None, **options: Unpack[Options]) -> Result:
        size = size_of(text)
        if size > self.note_size:
            raise NoteTooLargeError(self.note_size)
        worker = await self._backlog.enter(size, patient=patient)
        loop, began = asyncio.get_running_loop(), monotonic()

        def leave() -> None:
            self._backlog.leave(worker, size, patient=patient, seconds=monotonic() - began)

        def is_through(_: Future[Result]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(leave)

        try:
            work = self._threads.submit(worker.deidentify, text, key=key, **options)
        except RuntimeError:  # the threads are shut down, or the interpreter is
            leave()
            raise EngineUnavailableError from None
        work.add_done_callback(is_through)
        # If the caller is cancelled, the worker still finishes the note, and its room is taken until then.
        return await asyncio.wrap_future(work)

    def load(self) -> dict[str, int]:
        """Return the numbers of notes waiting or being processed, of busy workers, and of open batches."""
        batches = self._batches - self._free_batches
        return {"notes": self._backlog.notes, "busy_workers": self._backlog.busy, "batches": batches}

    @contextmanager
    def batch(self) -> Iterator[BatchNumbering]:
        """Count a batch as open while the block runs, and yield the numbering for it.

        Raises:
            QueueFullError: as many batches are open as are allowed.
        """
        if not self._free_batches:
            raise QueueFullError(_BATCH_RETRY)
        self._free_batches -= 1
        try:
            yield BatchNumbering()
        finally:
            self._free_batches += 1

    async def keep_loaded(self) -> None:
        """Load the engine, and load it again whenever its process has ended. Never returns."""
        while True:
            with contextlib.suppress(EngineUnavailableError):
                await asyncio.get_running_loop().run_in_executor(self._threads, self._forkserver.load)
            await asyncio.sleep(self._forkserver.retry)

    async def aclose(self) -> None:
        """End all processes. Notes that are waiting or being processed fail."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._forkserver.refuse()
        for worker in self._crew:
            worker.close()
        self._forkserver.close()
        self._threads.shutdown()


@asynccontextmanager
async def open_pool(  # noqa: PLR0913 - a keyword for each thing that an operator may set
    *,
    workers: int,
    deadline: float = DEADLINE,
    note_size: int = NOTE_SIZE,
    notes: int = NOTES,
    size: int = SIZE,
    batches: int = BATCHES,
    secret: SecretStr | None = None,
    load: Callable[[], Deidentifier] = Engine.load,
    retry: float = RETRY,
) -> AsyncIterator[Pool]:
    """Open a pool, which loads its engine in the background.

    `deadline`: seconds that processing one note may take. `note_size`: the most bytes of UTF-8 in one note. `notes`,
    `size`: the most notes that may wait or be processed, and the most bytes of these in total. `batches`: the most
    batches that may be open. `secret`: see `Pool.secret`; it does not leave this process. `load`, `retry`: see
    `Forkserver`.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))  # a core dump would contain notes
    pool = Pool(
        Forkserver(load, retry=retry),
        workers=workers,
        deadline=deadline,
        note_size=note_size,
        notes=notes,
        size=size,
        batches=batches,
    )
    pool.secret = secret
    keeper = asyncio.create_task(pool.keep_loaded())
    try:
        yield pool
    finally:
        keeper.cancel()
        await pool.aclose()
        await asyncio.gather(keeper, return_exceptions=True)


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
