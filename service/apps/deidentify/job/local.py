"""De-identifies notes on this machine, in any number of processes."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Self, Unpack

from service.apps.deidentify.engine.engine import About, Engine, Options, Result, Setup
from service.apps.deidentify.errors import EngineFailedError, EngineUnavailableError
from service.apps.deidentify.job.claim import Terms
from service.apps.deidentify.job.notes import Answerer, Note, Outcome
from service.apps.deidentify.workers.forkserver import Forkserver
from service.apps.deidentify.workers.preloaded import Deidentifier
from service.apps.deidentify.workers.recognizer import Recognizer
from service.apps.deidentify.workers.worker import Worker

WINDOW = 16  # notes submitted for each worker, so that a slow note does not soon hold up the other workers


class Engines:
    """Engines in separate processes: as many as there are threads that call at once.

    `deadline`: seconds for a note. `load`, `setup`: see `service.apps.deidentify.workers.forkserver.Forkserver`.
    `model`: is asked about every note; none if empty.
    """

    def __init__(
        self,
        deadline: float,
        load: Callable[..., Deidentifier] = Engine.load,
        *,
        setup: Setup | None = None,
        model: str = "",
    ) -> None:
        self._forkserver = Forkserver(load, setup=setup)
        self._recognizer = Recognizer(model, deadline=deadline) if model else None
        self._deadline = deadline
        self._workers: list[Worker] = []
        self._idle: deque[Worker] = deque()
        self._closed = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self) -> About:
        """Load the engine unless it is loaded, and return what it is.

        Raises:
            EngineUnavailableError: the engine cannot be loaded.
        """
        about = self._forkserver.load()
        return replace(about, model=self._recognizer.load()) if self._recognizer else about

    def deidentify(self, text: str, **options: Unpack[Options]) -> Result:
        """De-identify a note; see `service.apps.deidentify.workers.worker.Worker.deidentify`.

        Tries once more if the engine failed or was unavailable, since the note need not be the reason.
        """
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = Worker(self._forkserver, deadline=self._deadline, recognizer=self._recognizer)
            self._workers.append(worker)
        ner = self._recognizer is not None
        try:
            return worker.deidentify(text, ner=ner, **options)
        except (EngineFailedError, EngineUnavailableError) as error:
            if self._closed.wait(error.retry_after):
                raise
            return worker.deidentify(text, ner=ner, **options)
        finally:
            self._idle.append(worker)

    def answerer(self, options: Options, *, with_spans: bool, encoding: str) -> Answerer:
        """Load the engine unless it is loaded, and return what answers notes with these options.

        Raises:
            EngineUnavailableError: the engine cannot be loaded.
        """
        return Answerer(
            lambda text, **own: self.deidentify(text, **{**options, **own}),
            self.load(),
            with_spans,
            encoding,
            options,
        )

    def close(self) -> None:
        """End all processes, even those that are processing a note."""
        self._closed.set()
        if self._recognizer:
            self._recognizer.close()
        self._forkserver.refuse()
        for worker in self._workers:
            worker.close()
        self._forkserver.close()  # last: without it, a worker that hangs would not be killed


class LocalExecutor:
    """Runs notes on engines, with a thread that waits for each of them."""

    batch = 1

    def __init__(self, answerer: Answerer, threads: ThreadPoolExecutor, window: int) -> None:
        self.about = answerer.about
        self.window = window
        self._answerer = answerer
        self._threads = threads

    def submit(self, given: Sequence[Note]) -> Future[list[Outcome]]:
        """See `service.apps.deidentify.job.run.Executor`."""
        return self._threads.submit(lambda: [self._answerer.answer(note) for note in given])


@contextmanager
def local_executor(
    terms: Terms, workers: int, load: Callable[..., Deidentifier] = Engine.load
) -> Iterator[LocalExecutor]:
    """Open an executor with up to `workers` engines on this machine.

    Raises:
        EngineUnavailableError: no engine can be loaded.
    """
    with Engines(terms.deadline, load, setup=terms.setup, model=terms.model) as engines:
        answerer = engines.answerer(terms.options, with_spans=terms.spans, encoding=terms.encoding)
        threads = ThreadPoolExecutor(workers, thread_name_prefix="deidentify")
        try:
            yield LocalExecutor(answerer, threads, WINDOW * workers)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
