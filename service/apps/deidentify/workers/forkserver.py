"""Starts the process that loads the engine, and makes it fork workers.

docs/decisions/0011 says why this is not `multiprocessing`'s fork server.
"""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Self

from service.apps.deidentify.engine.engine import About, Engine, Setup
from service.apps.deidentify.engine.explanation import Contents
from service.apps.deidentify.errors import EngineUnavailableError
from service.apps.deidentify.workers import messages
from service.apps.deidentify.workers.messages import Loaded
from service.apps.deidentify.workers.preloaded import ANSWER, COMMAND, UNKNOWN, Deidentifier
from service.apps.deidentify.workers.processes import end, spawn

_log = logging.getLogger("service")

RETRY = 10.0  # seconds
# Seconds. Loading takes four of processor time, but the process has the lowest priority: on a busy machine, such as a
# Dask worker's, it waits for minutes.
LOAD_LIMIT = 600.0
FORK_LIMIT = 3.0  # seconds; forking usually takes milliseconds
_LOADING = "The engine of de-identification is being loaded."
_MODULE = "service.apps.deidentify.workers.preloaded"


@dataclass(frozen=True, slots=True)
class Fork:
    """A worker's process. `parent`: the process that forked it."""

    connection: socket.socket
    pid: int
    parent: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """Kill the process, and break the connection. Not to be called once its exit code was asked for.

        Without its parent, its process id may be another process's by now. Then it ends by itself, at its deadline at
        the latest.
        """
        if self.parent.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):  # it is broken
            self.connection.shutdown(socket.SHUT_RDWR)


class Forkserver:
    """A process with an engine, for any number of workers and threads. It is started at first use.

    `load`: a top-level function of a module that returns the engine. `setup`: its keyword arguments. `retry`: seconds
    between two attempts to load it. `limit`: seconds for one. `fork_limit`: seconds for forking a worker.
    """

    def __init__(
        self,
        load: Callable[..., Deidentifier] = Engine.load,
        *,
        setup: Setup | None = None,
        retry: float = RETRY,
        limit: float = LOAD_LIMIT,
        fork_limit: float = FORK_LIMIT,
    ) -> None:
        self.retry = retry
        self._limit = limit
        self._fork_limit = fork_limit
        self._setup: Setup = setup or {}
        self._load = f"{load.__module__}:{load.__qualname__}"
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._commands: socket.socket | None = None
        self._loaded: Loaded | None = None
        self._last: Loaded | None = None
        self._failed_at: float | None = None
        self._is_closed = False
        self.problem: str | None = _LOADING

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def about(self) -> About | None:
        """The engine that was loaded last; None if there was none. Workers may outlive its process."""
        return self._last.about if self._last else None

    @property
    def contents(self) -> Contents | None:
        """The contents of its rule book; None if no engine has been loaded."""
        return self._last.contents if self._last else None

    def load(self) -> About:
        """Load the engine unless it is loaded, and return what it is. Blocks.

        Raises:
            EngineUnavailableError: loading failed, or failed less than `retry` seconds ago; or this is closed.
        """
        with self._lock:
            return self._ready()[2].about

    def fork(self) -> Fork:
        """Fork a worker's process. Blocks.

        Raises:
            EngineUnavailableError: no engine is loaded, or the system refuses another process.
        """
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise _refused(error.strerror) from None
        try:
            with self._lock, theirs:
                return Fork(ours, *self._forked(theirs))
        except BaseException:
            ours.close()
            raise

    def exit_code(self, fork: Fork) -> int | None:
        """Return the exit code of a worker's process that has ended; None if it is not known.

        The code is negative if a signal ended the process. The system does not reuse the process id before this call.
        """
        with self._lock:
            if self._commands is None or self._process is not fork.parent:
                return None
            try:
                code, _ = _command(self._commands, ended=fork.pid)
            except (OSError, EOFError):
                self._drop()  # a late answer would be read as the answer to the next command
                return None
            return None if code == UNKNOWN else code

    def refuse(self) -> None:
        """Stop forking, and stop waiting for an engine to load. May be called from any thread."""
        self._is_closed = True
        if self._loaded is None and (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """End the process. May be called from any thread."""
        self.refuse()
        with self._lock:
            self._drop()

    def _forked(self, theirs: socket.socket) -> "tuple[int, subprocess.Popen[bytes]]":
        for _ in range(2):  # the process may end between `_ready` and `_command`
            process, commands, _loaded = self._ready()
            try:
                _, pid = _command(commands, connection=theirs)
            except (OSError, EOFError):
                self._drop()
            else:
                break
        else:
            raise self._failed("its process does not answer")
        if not pid:
            raise _refused("the system refuses another process")
        return pid, process

    def _ready(self) -> "tuple[subprocess.Popen[bytes], socket.socket, Loaded]":
        if self._is_closed:
            raise EngineUnavailableError
        if self._commands and self._loaded and self._process and self._process.poll() is None:
            return self._process, self._commands, self._loaded
        self._drop()
        if self._failed_at is not None and monotonic() < self._failed_at + self.retry:
            raise EngineUnavailableError
        try:
            (process, commands), until = self._started(), monotonic() + self._limit
            messages.send(commands, self._setup, until=until)
            loaded = messages.loaded_of(messages.receive(commands, until=until))
        except TimeoutError:
            loaded = f"it was not loaded after {self._limit:g} seconds"
        except OSError as error:
            loaded = f"its process was not started, or is lost: {error.strerror}"
        except (EOFError, ValueError):
            loaded = "its process ended"
        if isinstance(loaded, str):
            raise self._failed(loaded)
        commands.settimeout(self._fork_limit)
        self._loaded = self._last = loaded
        self._failed_at = self.problem = None
        return process, commands, loaded

    def _started(self) -> "tuple[subprocess.Popen[bytes], socket.socket]":
        self._process, self._commands = process, commands = spawn(_MODULE, self._load)
        if self._is_closed:  # `refuse` may have run before there was a process
            process.kill()
        return process, commands

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
        end(self._process, self._commands)
        self._process = self._commands = None


def _refused(reason: str | None) -> EngineUnavailableError:
    _log.error("De-identification has no worker: %s.", reason)
    return EngineUnavailableError()


def _command(commands: socket.socket, *, ended: int = 0, connection: socket.socket | None = None) -> tuple[int, int]:
    socket.send_fds(commands, [COMMAND.pack(ended)], [connection.fileno()] if connection else [])
    answer = commands.recv(ANSWER.size)
    if len(answer) < ANSWER.size:
        raise EOFError
    code, pid = ANSWER.unpack(answer)
    return code, pid
