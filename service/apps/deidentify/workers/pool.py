"""Gives an event loop access to engines in separate processes, so that no note can block the loop."""

import asyncio
import contextlib
import logging
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Unpack

from pydantic import SecretStr

from service.apps.deidentify.engine.engine import About, Engine, Options, Result, Setup
from service.apps.deidentify.engine.explanation import Contents
from service.apps.deidentify.engine.intake import size_of
from service.apps.deidentify.engine.numbering import BatchNumbering
from service.apps.deidentify.errors import EngineUnavailableError, NoteTooLargeError, QueueFullError
from service.apps.deidentify.workers.backlog import Backlog, Entry
from service.apps.deidentify.workers.forkserver import RETRY, Forkserver
from service.apps.deidentify.workers.preloaded import Deidentifier
from service.apps.deidentify.workers.processes import dump_no_core
from service.apps.deidentify.workers.recognizer import Recognizer
from service.apps.deidentify.workers.worker import DEADLINE, Worker
from service.errors import ServiceError
from service.logs import where_raised

_log = logging.getLogger("service")

NOTE_SIZE = 100_000  # bytes of UTF-8
NOTES = 64  # waiting or being processed
SIZE = 4_000_000  # bytes of these notes in total
BATCHES = 8  # open at once

_BATCH_RETRY = 60  # seconds; a batch may last for hours


class Pool:
    """Processes as many notes at a time as there are workers, for any number of callers. Open it with `open_pool`."""

    def __init__(  # noqa: PLR0913 - a keyword for each thing that an operator may set
        self,
        forkserver: Forkserver,
        *,
        workers: int,
        deadline: float,
        note_size: int,
        notes: int,
        size: int,
        batches: int,
        recognizer: Recognizer | None = None,
    ) -> None:
        self.workers = workers
        self.deadline = deadline
        self.note_size = note_size
        self._forkserver = forkserver
        self._recognizer = recognizer
        self._crew = [Worker(forkserver, deadline=deadline, recognizer=recognizer) for _ in range(workers)]
        self._backlog = Backlog(self._crew, notes=notes, size=size)
        self._batches = batches
        self._open_batches = Counter[str]()  # by caller
        self.secret: SecretStr | None = None  # the operator's, from which those of keys are derived
        self.results = Counter[str]()  # outcomes of notes: `done`, or the code of an error
        # One thread for each worker, and one to load the engine.
        self._threads = ThreadPoolExecutor(workers + 1, thread_name_prefix="deidentify")

    @property
    def about(self) -> About | None:
        """The engine that was loaded last; None if there was none."""
        return self._forkserver.about

    @property
    def model(self) -> str | None:
        """The model that has been loaded; None if there is none."""
        return self._recognizer.name if self._recognizer else None

    def asks_model(self, *, ner: bool, compat: bool) -> bool:
        """Whether a note with these options is shown to a model. philter-lite has none, so `compat` has none."""
        return (ner or self._always_ner) and not compat

    @property
    def _always_ner(self) -> bool:
        return self._recognizer is not None and self._recognizer.always

    @property
    def contents(self) -> Contents | None:
        """The contents of its rule book; None if no engine has been loaded."""
        return self._forkserver.contents

    @property
    def problem(self) -> str | None:
        """Why no engine is loaded, for the readiness check; None if one is."""
        theirs = self._recognizer.problem if self._recognizer and self._always_ner else None
        return self._forkserver.problem or theirs

    async def deidentify(
        self,
        text: str,
        *,
        caller: str = "",
        patient: bool = False,
        ner: bool = False,
        key: bytes | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """De-identify a note; see `Engine.deidentify`. Waits while the first engine is being loaded.

        `caller`: who sent it. Callers take turns. `patient`: wait for room, as notes of batches do. They get at most
        half of the room. `ner`: ask the model, too, which may be asked anyway. `key`: of the `BatchNumbering` that will
        renumber the result.

        Raises:
            NoteRefusedError: the text has characters that no note has.
            NoteTooLargeError: the note is larger than `note_size`.
            QueueFullError: there is no room for this caller's note, or no longer.
            ModelNotOfferedError: there is no model to ask.
            LanguageUnsupportedError: the engine does not support the note's language.
            DeadlineExceededError: the note took too long.
            EngineFailedError: the engine failed with this note.
            EngineUnavailableError: there is no engine.
        """
        try:
            entry = Entry(caller, self._size_of(text), patient)
            asks = self.asks_model(ner=ner, compat=options.get("compat", False))
            result = await self._deidentify(text, entry, ner=asks, key=key, **options)
        except ServiceError as error:
            self.results[error.code] += 1
            raise
        self.results["done"] += 1
        return result

    def _size_of(self, text: str) -> int:
        size = size_of(text)
        if size > self.note_size:
            raise NoteTooLargeError(self.note_size)
        return size

    async def _deidentify(
        self, text: str, entry: Entry, *, ner: bool, key: bytes | None, **options: Unpack[Options]
    ) -> Result:
        worker = await self._backlog.enter(entry)
        loop, began = asyncio.get_running_loop(), monotonic()

        def leave() -> None:
            self._backlog.leave(worker, entry, seconds=monotonic() - began)

        def is_through(_: Future[Result]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(leave)

        try:
            work = self._threads.submit(worker.deidentify, text, ner=ner, key=key, **options)
        except RuntimeError:  # the threads are shut down, or the interpreter is
            leave()
            raise EngineUnavailableError from None
        work.add_done_callback(is_through)
        # If the caller is cancelled, the worker still finishes the note, and its room is taken until then.
        return await asyncio.wrap_future(work)

    def load(self) -> dict[str, int]:
        """Return the numbers of notes waiting or being processed, of busy workers, and of open batches."""
        batches = self._open_batches.total()
        return {"notes": self._backlog.notes, "busy_workers": self._backlog.busy, "batches": batches}

    @contextmanager
    def batch(self, caller: str = "") -> Iterator[BatchNumbering]:
        """Count a batch as open while the block runs, and yield the numbering for it.

        A caller who has some open already gets another one only if more than these stay free for others.

        Raises:
            QueueFullError: as many batches are open as are allowed, or as this caller may have.
        """
        if self._batches - self._open_batches.total() <= self._open_batches[caller]:
            raise QueueFullError(_BATCH_RETRY)
        self._open_batches[caller] += 1
        try:
            yield BatchNumbering()
        finally:
            self._open_batches[caller] -= 1
            self._open_batches += Counter()  # drops callers who have none

    async def keep_loaded(self) -> None:
        """Load the engine, and load it again whenever its process has ended. Never returns."""
        while True:
            try:
                with contextlib.suppress(EngineUnavailableError):
                    await asyncio.get_running_loop().run_in_executor(self._threads, self._load)
            except Exception as error:  # noqa: BLE001 - whatever it was, there must be a next time
                _log.error("Loading an engine failed: %s at %s.", type(error).__name__, where_raised(error))
            await asyncio.sleep(self._forkserver.retry)

    def _load(self) -> None:
        if self._recognizer and self._always_ner:
            with contextlib.suppress(EngineUnavailableError):
                self._recognizer.load()
        self._forkserver.load()

    async def aclose(self) -> None:
        """End all processes. Notes that are waiting or being processed fail."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._forkserver.refuse()
        if self._recognizer:
            self._recognizer.close()
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
    load: Callable[..., Deidentifier] = Engine.load,
    setup: Setup | None = None,
    model: str = "",
    always_ner: bool = False,
    retry: float = RETRY,
) -> AsyncIterator[Pool]:
    """Open a pool, which loads its engine in the background.

    `deadline`: seconds that processing one note may take. `note_size`: the most bytes of UTF-8 in one note. `notes`,
    `size`: the most notes that may wait or be processed, and the most bytes of these in total. `batches`: the most
    batches that may be open. `secret`: see `Pool.secret`; it does not leave this process. `load`, `setup`, `retry`:
    see `Forkserver`. `model`: see `Recognizer`; none if empty. `always_ner`: ask it about every note, instead of those
    that want it.
    """
    dump_no_core()
    pool = Pool(
        Forkserver(load, setup=setup, retry=retry),
        workers=workers,
        deadline=deadline,
        note_size=note_size,
        notes=notes,
        size=size,
        batches=batches,
        recognizer=Recognizer(model, deadline=deadline, always=always_ner, retry=retry) if model else None,
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
