"""The code that runs on a Dask worker. It takes a batch of notes and returns the outcomes, as plain data.

Nothing is raised here, because Dask logs failed tasks with their arguments. Engines run in separate processes. So
deadlines apply as everywhere else, and a note that ends an engine does not end the Dask worker. The engines are closed
when they have been idle for a while.
"""

import json
import pickle
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from importlib.util import find_spec
from threading import Lock, Timer
from typing import TypedDict

from service.apps.deidentify.engine.engine import Options, Setup
from service.apps.deidentify.errors import EngineUnavailableError
from service.apps.deidentify.job.claim import engine_of
from service.apps.deidentify.job.local import Engines
from service.apps.deidentify.job.notes import Note
from service.apps.deidentify.manifest import NEEDS, missing_for
from service.logs import where_raised

IDLE = 30.0  # seconds without a batch after which the engines are closed


class Reply(TypedDict, total=False):
    """The reply to a batch. It has exactly one of the fields.

    `outcomes`: the fields of each `notes.Outcome`. `engine`: this worker's engine, if it is not the one of the job.
    `problem`: why the batch could not be processed.
    """

    outcomes: list[tuple[bytes | None, str, str]]
    engine: Mapping[str, str]
    problem: str


class Batch(TypedDict):
    """Notes and how to process them. `notes`: the fields of each `notes.Note`. `engine`: the engine of the job.

    `options` have the secret of the key that is used, if there is one, and never the operator's.

    It is plain data, so that another version of the service can read it and reply that it is another version.
    """

    engine: Mapping[str, str]
    options: Options
    spans: bool
    encoding: str
    deadline: float
    setup: Setup
    model: str
    notes: list[tuple[int, bytes | None, bool, str | None, bool]]


def packed(batch: Batch) -> bytes:
    """Serialize and compress a batch, so that it is small and its notes would not be readable in a log."""
    return zlib.compress(pickle.dumps(batch), level=1)


class _Lending:
    """Lends the engines of this process, by deadline, setup and model.

    Closes them when nobody has used any for IDLE seconds.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._engines: dict[str, Engines] = {}
        self._users = 0
        self._timer: Timer | None = None

    @contextmanager
    def lent(self, deadline: float, setup: Setup, model: str) -> Iterator[Engines]:
        key = json.dumps([deadline, setup, model], sort_keys=True)
        with self._lock:
            self._users += 1
            if self._timer:
                self._timer.cancel()
            engines = self._engines.get(key) or self._engines.setdefault(
                key, Engines(deadline, setup=setup, model=model)
            )
        try:
            yield engines
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._timer = Timer(IDLE, self.close)
                    self._timer.daemon = True
                    self._timer.start()

    def close(self) -> None:
        with self._lock:
            while self._engines and not self._users:
                self._engines.popitem()[1].close()


_lending = _Lending()
close = _lending.close  # closes the engines unless they are in use


def treat(given: bytes) -> Reply:
    """Process a packed batch, if this worker's engine is the one of the job. Raises nothing; see `Reply`."""
    try:
        if missing := [name for name in NEEDS if find_spec(name) is None]:
            return {"problem": f"it lacks {', '.join(missing)} (the service with its extra [deidentify])"}
        batch: Batch = pickle.loads(zlib.decompress(given))  # noqa: S301 - from a client whose code we run anyway
        if missing := missing_for(batch.get("model", "")):
            return {"problem": f"it lacks {', '.join(missing)} (the service with its extra [ner])"}
        with _lending.lent(batch["deadline"], batch.get("setup", {}), batch.get("model", "")) as engines:
            if (engine := engine_of(engines.load())) != batch["engine"]:
                return {"engine": engine}
            answerer = engines.answerer(batch["options"], with_spans=batch["spans"], encoding=batch["encoding"])
            return {"outcomes": [astuple(answerer.answer(Note(*note))) for note in batch["notes"]]}
    except EngineUnavailableError:
        return {"problem": "it cannot load the engine; its log says why"}
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may quote a note
        return {"problem": f"{type(error).__name__} at {where_raised(error)}"}
