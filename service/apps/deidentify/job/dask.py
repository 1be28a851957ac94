"""De-identifies on a Dask cluster that runs already.

Notes go to its workers through its scheduler, in tasks: not as data, which a worker may write to its disk. A task whose
worker dies is done by another. What a task holds and says stands in no log of the cluster.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from typing import Any, cast
from uuid import uuid4

from distributed import Client, Future, rpc
from distributed.client import ClosedClientError, FutureCancelledError
from distributed.scheduler import KilledWorker
from distributed.security import Security

from service.apps.deidentify.engine.engine import About
from service.apps.deidentify.errors import JobRefusedError, JobStoppedError
from service.apps.deidentify.job.claim import Terms, engine_of
from service.apps.deidentify.job.local import Engines
from service.apps.deidentify.job.notes import Note, Outcome
from service.apps.deidentify.job.remote import Batch, Reply, packed

ANSWER = 10.0  # seconds that the scheduler has
LEAST = 64  # batches on their way, however few workers there are just now: clusters grow by what waits


class DaskExecutor:
    """Sends batches to a cluster. `about`: the engine here, which has to be the one there."""

    batch = 50

    def __init__(self, client: Client, about: About, terms: Terms) -> None:
        self.about = about
        self.window = max(LEAST, 2 * sum(client.nthreads().values()))  # type: ignore[no-untyped-call] # of Dask
        self.engine = engine_of(about)
        self._client = client
        self._batch = Batch(
            engine=self.engine,
            options=terms.options,
            spans=terms.spans,
            encoding=terms.encoding,
            deadline=terms.deadline,
            notes=[],
        )

    def submit(self, given: Sequence[Note]) -> "DaskPending":
        """See `service.apps.deidentify.job.run.Executor`."""
        task = _task(packed({**self._batch, "notes": [astuple(note) for note in given]}))
        with _in_words():
            return DaskPending(self._client.submit(task, key=f"deidentify-{uuid4()}"))


class DaskPending:
    """Outcomes that a cluster works on."""

    def __init__(self, future: Future[Reply]) -> None:
        self._future = future

    def result(self) -> list[Outcome]:
        """Wait for them.

        Raises:
            JobStoppedError: they will not come, or would not be what other engines say.
        """
        with _in_words():
            reply = self._future.result()
        if "outcomes" in reply:
            return [Outcome(*outcome) for outcome in reply["outcomes"]]
        if "engine" in reply:
            theirs = ", ".join(f"{name} {value}" for name, value in reply["engine"].items())
            raise JobStoppedError(f"A worker of the cluster has another engine or version than this one: {theirs}.")
        raise JobStoppedError(f"A worker of the cluster is of no use: {reply['problem']}.")


@contextmanager
def dask_executor(terms: Terms, address: str, *, tell: Callable[[str], None]) -> Iterator[DaskExecutor]:
    """Send to the cluster whose scheduler is at `address`. `tell` is called with what people should know meanwhile.

    Raises:
        EngineUnavailableError: there is no engine here to compare theirs with.
        JobRefusedError: the cluster does not answer, or cannot do it.
    """
    with Engines(terms.deadline) as engines:
        about = engines.load()
    try:
        asyncio.run(asyncio.wait_for(_ask(address), ANSWER))
        client = Client(address, timeout=ANSWER, set_as_default=False)  # type: ignore[no-untyped-call] # of Dask
    except (OSError, ValueError):
        raise JobRefusedError(f"The scheduler at {address} does not answer.") from None
    with client:
        with _in_words():
            pythons = _pythons(client)
            executor = DaskExecutor(client, about, terms)
        # Tasks are sent as code, which another Python cannot read.
        if other := sorted(pythons - {executor.engine["python"]}):
            raise JobRefusedError(f"The cluster has Python {other[0]}, and here is {executor.engine['python']}.")
        if not pythons:
            tell("The cluster has no workers yet. Waiting for them.")
        yield executor


async def _ask(address: str) -> None:
    """Return when a scheduler answers: `Client` waits without end for one that takes the connection and is silent."""
    arguments = Security().get_connection_args("client")  # type: ignore[no-untyped-call] # of Dask
    async with rpc(address, connection_args=arguments) as scheduler:  # type: ignore[no-untyped-call] # of Dask
        await scheduler.identity()


def _pythons(client: Client) -> set[str]:
    """The versions of Python that the workers have, as `3.11`."""
    workers = cast("dict[str, Any]", client.get_versions())["workers"]
    return {".".join(worker["host"]["python"].split(".")[:2]) for worker in workers.values()}


def _task(given: bytes) -> Callable[[], Reply]:
    """What a worker runs.

    Defined within, it is sent as code: the scheduler need not have our package, and a worker can say that it lacks it.
    The notes are no arguments of it, which Dask would show.
    """

    def deidentify() -> Any:  # noqa: ANN401 - a type of ours would have to be known to the scheduler
        try:
            from service.apps.deidentify.job.remote import treat  # noqa: PLC0415 - there, not here
        except ImportError as error:
            return {"problem": f"it lacks {error.name} (the service with its extra [deidentify])"}
        return treat(given)

    return deidentify


@contextmanager
def _in_words() -> Iterator[None]:
    """Say what can happen to a cluster."""
    try:
        yield
    except KilledWorker:
        raise JobStoppedError("Workers of the cluster died, one after the other, with the same notes.") from None
    except (OSError, ClosedClientError, FutureCancelledError):
        raise JobStoppedError("The cluster's scheduler is gone.") from None
