"""De-identifies on this machine, in as many processes as are wanted."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Self, Unpack

from service.apps.deidentify.engine.engine import About, Engine, Options, Result
from service.apps.deidentify.errors import EngineFailedError, EngineUnavailableError
from service.apps.deidentify.job.claim import Terms
from service.apps.deidentify.job.notes import Answerer, Note, Outcome
from service.apps.deidentify.workers.forkserver import Forkserver
from service.apps.deidentify.workers.preloaded import Deidentifier
from service.apps.deidentify.workers.worker import Worker

WINDOW = 16  # notes on their way for each worker: one that takes its time holds up the others' only after so many


class Engines:
    """As many engines as threads ask at once, each in a process of its own. `deadline`: seconds for a note."""

    def __init__(self, deadline: float, load: Callable[[], Deidentifier] = Engine.load) -> None:
        self._forkserver = Forkserver(load)
        self._deadline = deadline
        self._workers: list[Worker] = []
        self._idle: deque[Worker] = deque()
        self._closed = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self) -> About:
        """Load the engine where it is not, and say which it is.

        Raises:
            EngineUnavailableError: it cannot be loaded.
        """
        return self._forkserver.load()

    def deidentify(self, text: str, **options: Unpack[Options]) -> Result:
        """See `service.apps.deidentify.workers.worker.Worker`.

        An engine that is lost is asked for once more: that need not be the note's doing.
        """
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = Worker(self._forkserver, deadline=self._deadline)
            self._workers.append(worker)
        try:
            return worker.deidentify(text, **options)
        except (EngineFailedError, EngineUnavailableError) as error:
            if self._closed.wait(error.retry_after):
                raise
            return worker.deidentify(text, **options)
        finally:
            self._idle.append(worker)

    def close(self) -> None:
        """End all processes, whatever they are at."""
        self._closed.set()
        self._forkserver.close()
        for worker in self._workers:
            worker.close()


class LocalExecutor:
    """Threads that wait for engines."""

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
    terms: Terms, workers: int, load: Callable[[], Deidentifier] = Engine.load
) -> Iterator[LocalExecutor]:
    """So many engines of this machine.

    Raises:
        EngineUnavailableError: none can be loaded.
    """
    with Engines(terms.deadline, load) as engines:
        about = engines.load()
        answerer = Answerer(
            lambda text, **options: engines.deidentify(text, **{**terms.options, **options}),
            about,
            terms.spans,
            terms.encoding,
        )
        threads = ThreadPoolExecutor(workers, thread_name_prefix="deidentify")
        try:
            yield LocalExecutor(answerer, threads, WINDOW * workers)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
