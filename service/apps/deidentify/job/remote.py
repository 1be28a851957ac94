"""What runs on a Dask worker: a batch of notes in, its outcomes out, as plain data.

Nothing is raised here, since Dask logs what fails, arguments and all. Deadlines hold as everywhere: the engines are in
processes of their own, so that a note may end them and not the Dask worker. They go when nothing was to do for a while.
"""

import pickle
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from importlib.util import find_spec
from threading import Lock, Timer
from typing import TypedDict

from service.apps.deidentify.engine.engine import Options
from service.apps.deidentify.errors import EngineUnavailableError
from service.apps.deidentify.job.claim import engine_of
from service.apps.deidentify.job.local import Engines
from service.apps.deidentify.job.notes import Answerer, Note
from service.apps.deidentify.manifest import NEEDS
from service.logs import where_raised

IDLE = 30.0  # seconds without a note, after which the engines go


class Reply(TypedDict, total=False):
    """One of these. `outcomes`: see `notes.Outcome`; `engine`: of this worker, where another is wanted."""

    outcomes: list[tuple[bytes | None, str, str]]
    engine: Mapping[str, str]
    problem: str


class Batch(TypedDict):
    """Notes (see `notes.Note`), and how they are to be done. `engine`: the one that the job has.

    Of plain data, so that another version can say that it is another.
    """

    engine: Mapping[str, str]
    options: Options
    spans: bool
    encoding: str
    deadline: float
    notes: list[tuple[int, bytes | None, bool]]


def packed(batch: Batch) -> bytes:
    """For the way: small, and nothing that could be read in a log."""
    return zlib.compress(pickle.dumps(batch), level=1)


class _Lending:
    """The engines of this process, by deadline, for as long as somebody uses them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._engines: dict[float, Engines] = {}
        self._users = 0
        self._timer: Timer | None = None

    @contextmanager
    def lent(self, deadline: float) -> Iterator[Engines]:
        with self._lock:
            self._users += 1
            if self._timer:
                self._timer.cancel()
            engines = self._engines.get(deadline) or self._engines.setdefault(deadline, Engines(deadline))
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
close = _lending.close  # ends engines that nobody uses


def treat(given: bytes) -> Reply:
    """Do a packed batch, if our engine is the one that it asks for."""
    try:
        if missing := [name for name in NEEDS if find_spec(name) is None]:
            return {"problem": f"it lacks {', '.join(missing)} (the service with its extra [deidentify])"}
        batch: Batch = pickle.loads(zlib.decompress(given))  # noqa: S301 - from a client whose code we run anyway
        with _lending.lent(batch["deadline"]) as engines:
            about = engines.load()
            if (engine := engine_of(about)) != batch["engine"]:
                return {"engine": engine}
            answerer = Answerer(
                lambda text, **options: engines.deidentify(text, **{**batch["options"], **options}),
                about,
                batch["spans"],
                batch["encoding"],
            )
            return {"outcomes": [astuple(answerer.answer(Note(*note))) for note in batch["notes"]]}
    except EngineUnavailableError:
        return {"problem": "it cannot load the engine; its log says why"}
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may quote a note
        return {"problem": f"{type(error).__name__} at {where_raised(error)}"}
