"""De-identifies notes on a running Dask cluster.

Notes are sent inside of tasks, through the scheduler. They are not sent as data, which a worker may write to its disk.
If a worker dies, another does its task. The cluster's logs contain neither the content of a task nor its result.
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

ANSWER = 10.0  # seconds for the scheduler to answer
LEAST = 64  # batches to submit even if there are few workers, because adaptive clusters grow with the waiting tasks


class DaskExecutor:
    """Sends batches to a cluster. `about`: the engine on this machine. The cluster's workers must have the same."""

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
            setup=terms.setup,
            model=terms.model,
            notes=[],
        )

    def submit(self, given: Sequence[Note]) -> "DaskPending":
        """See `service.apps.deidentify.job.run.Executor`."""
        task = _task(packed({**self._batch, "notes": [astuple(note) for note in given]}))
        with _in_words():
            return DaskPending(self._client.submit(task, key=f"deidentify-{uuid4()}"))


class DaskPending:
    """The future outcomes of a batch on a cluster."""

    def __init__(self, future: Future[Reply]) -> None:
        self._future = future

    def result(self) -> list[Outcome]:
        """Wait for the outcomes.

        Raises:
            JobStoppedError: the batch failed, or the worker has another engine than this machine.
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
    """Open an executor on the cluster whose scheduler is at `address`. `tell`: called with messages for people.

    Raises:
        EngineUnavailableError: no engine can be loaded on this machine to compare those of the cluster with.
        JobRefusedError: the scheduler does not answer, or the cluster has another version of Python.
    """
    with Engines(terms.deadline, setup=terms.setup, model=terms.model) as engines:
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
        # Tasks are sent as code, which another version of Python cannot read.
        if other := sorted(pythons - {executor.engine["python"]}):
            raise JobRefusedError(f"The cluster has Python {other[0]}, and here is {executor.engine['python']}.")
        if not pythons:
            tell("The cluster has no workers yet. Waiting for them.")
        yield executor


async def _ask(address: str) -> None:
    """Return when a scheduler answers. `Client` would wait forever if one accepts the connection and says nothing."""
    arguments = Security().get_connection_args("client")  # type: ignore[no-untyped-call] # of Dask
    async with rpc(address, connection_args=arguments) as scheduler:  # type: ignore[no-untyped-call] # of Dask
        await scheduler.identity()


def _pythons(client: Client) -> set[str]:
    """Return the versions of Python on the workers, such as `3.11`."""
    workers = cast("dict[str, Any]", client.get_versions())["workers"]
    return {".".join(worker["host"]["python"].split(".")[:2]) for worker in workers.values()}


def _task(given: bytes) -> Callable[[], Reply]:
    """Return the function that a worker runs.

    It is a nested function, so it is sent as code. The scheduler then does not need our package, and a worker without
    it can say so. The notes are not arguments of the function, because Dask would show those.
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
    """Convert errors of the cluster to JobStoppedError."""
    try:
        yield
    except KilledWorker:
        raise JobStoppedError("Workers of the cluster died, one after the other, with the same notes.") from None
    except (OSError, ClosedClientError, FutureCancelledError):
        raise JobStoppedError("The cluster's scheduler is gone.") from None
