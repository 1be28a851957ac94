"""Starts the process that loads the engine, and has it fork workers.

Not `multiprocessing`'s, for the reasons in docs/decisions/0011.
"""

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from time import monotonic
from typing import Self

from service.apps.deidentify.engine.engine import About, Engine
from service.apps.deidentify.engine.explanation import Contents
from service.apps.deidentify.errors import EngineUnavailableError
from service.apps.deidentify.workers import messages
from service.apps.deidentify.workers.messages import Loaded
from service.apps.deidentify.workers.preloaded import ANSWER, COMMAND, UNKNOWN, Deidentifier

_log = logging.getLogger("service")

RETRY = 10.0  # seconds
_LOAD_LIMIT = 120.0  # seconds; it takes three
_FORK_LIMIT = 3.0  # seconds; it takes milliseconds
# What an engine's process gets of our environment: where programs, libraries and data are, and the locale. It reads
# what strangers wrote, and needs neither the Hub's token nor the password of a database.
_INHERITED = frozenset(
    """
    PATH HOME TMPDIR TZ LANG LANGUAGE LD_LIBRARY_PATH LD_PRELOAD MALLOC_ARENA_MAX NLTK_DATA PYTHONHOME PYTHONUTF8
    PYTHONIOENCODING PYTHONHASHSEED PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX PYTHONNOUSERSITE
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
# For numpy, which nltk loads: a process with threads is not to fork.
_WITHOUT_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_LOADING = "The engine of de-identification is being loaded."
_PROGRAM = (
    "import sys; sys.path[:] = {path!r};"
    " from service.apps.deidentify.workers.preloaded import main; main({control}, {load!r})"
)


class Forkserver:
    """One process with an engine, for any number of workers and threads; started by whoever needs it first.

    `load`: a function at the top of a module, which returns the engine. `retry`: seconds between two attempts at it.
    """

    def __init__(self, load: Callable[[], Deidentifier] = Engine.load, *, retry: float = RETRY) -> None:
        self.retry = retry
        self._load = f"{load.__module__}:{load.__qualname__}"
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._commands: socket.socket | None = None
        self._loaded: Loaded | None = None
        self._failed_at: float | None = None
        self._is_closed = False
        self.problem: str | None = _LOADING

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def about(self) -> About | None:
        """Which engine is loaded; None while none is."""
        return self._loaded.about if self._loaded else None

    @property
    def contents(self) -> Contents | None:
        """What its rule book holds."""
        return self._loaded.contents if self._loaded else None

    def load(self) -> About:
        """Return which engine is loaded, after loading it where it is not.

        Raises:
            EngineUnavailableError: it cannot be, or could not be a moment ago.
        """
        with self._lock:
            return self._ready()[1].about

    def fork(self) -> tuple[socket.socket, int]:
        """Return the connection to a new worker's process, and its process id.

        Raises:
            EngineUnavailableError: there is none to be had.
        """
        ours, theirs = socket.socketpair()
        try:
            with self._lock, theirs:
                return ours, self._forked(theirs)
        except BaseException:
            ours.close()
            raise

    def exit_code(self, pid: int) -> int | None:
        """How the process of a worker that has ended did; negative for a signal, None where nobody knows.

        Until this is asked, the system gives the process id to no other.
        """
        with self._lock:
            if self._commands is None:
                return None
            try:
                code, _ = _command(self._commands, ended=pid)
            except (OSError, EOFError):
                return None
            return None if code == UNKNOWN else code

    def refuse(self) -> None:
        """Fork no more, from any thread. Who waits for an engine to load waits no longer."""
        self._is_closed = True
        if self._loaded is None and (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """End the process; from any thread."""
        self.refuse()
        with self._lock:
            self._drop()

    def _forked(self, theirs: socket.socket) -> int:
        for _ in range(2):  # the process may have ended just then
            commands, _loaded = self._ready()
            try:
                _, pid = _command(commands, connection=theirs)
            except (OSError, EOFError):
                self._drop()
            else:
                break
        else:
            raise self._failed("its process does not answer")
        if not pid:
            _log.error("De-identification has no worker: the system refuses another process.")
            raise EngineUnavailableError
        return pid

    def _ready(self) -> tuple[socket.socket, Loaded]:
        if self._is_closed:
            raise EngineUnavailableError
        if self._commands and self._loaded and self._process and self._process.poll() is None:
            return self._commands, self._loaded
        self._drop()
        if self._failed_at is not None and monotonic() < self._failed_at + self.retry:
            raise EngineUnavailableError
        try:
            commands = self._commands = self._started()
            loaded = messages.loaded_of(messages.receive(commands, until=monotonic() + _LOAD_LIMIT))
        except (OSError, EOFError, ValueError):
            loaded = "its process ended, or said nothing"
        if isinstance(loaded, str):
            raise self._failed(loaded)
        commands.settimeout(_FORK_LIMIT)
        self._loaded, self._failed_at, self.problem = loaded, None, None
        return commands, loaded

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            program = _PROGRAM.format(path=sys.path, control=theirs.fileno(), load=self._load)
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-c", program],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        if self._is_closed:  # `refuse` may not have seen it
            self._process.kill()
        return ours

    def _failed(self, reason: str) -> EngineUnavailableError:
        self._drop()
        self._failed_at = monotonic()
        self.problem = "The engine of de-identification cannot be loaded; the log says why."
        if not self._is_closed:
            _log.error("De-identification has no engine: %s. Trying again in %g seconds.", reason, self.retry)
        return EngineUnavailableError()

    def _drop(self) -> None:
        self._loaded = None
        if self.problem is None:
            self.problem = _LOADING
        if self._commands is not None:
            self._commands.close()
            self._commands = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith("LC_")}
    return kept | _WITHOUT_THREADS


def _command(commands: socket.socket, *, ended: int = 0, connection: socket.socket | None = None) -> tuple[int, int]:
    socket.send_fds(commands, [COMMAND.pack(ended)], [connection.fileno()] if connection else [])
    answer = commands.recv(ANSWER.size)
    if len(answer) < ANSWER.size:
        raise EOFError
    code, pid = ANSWER.unpack(answer)
    return code, pid
