"""The code of the process that loads an engine, and of the processes forked from it, one for each worker.

`forkserver` starts the first process. A fork has the engine at once and shares its memory. Nothing of a note leaves
these processes except in a reply: their output is discarded, and they dump no core.
"""

import contextlib
import gc
import os
import signal
import socket
import struct
from collections.abc import Sequence
from dataclasses import replace
from pkgutil import resolve_name
from typing import NoReturn, Protocol, Unpack

from service.apps.deidentify.engine.engine import About, Options, Result
from service.apps.deidentify.engine.explanation import Contents
from service.apps.deidentify.engine.models.model import Sighting
from service.apps.deidentify.engine.replacement import Numbering
from service.apps.deidentify.errors import LanguageUnsupportedError
from service.apps.deidentify.workers import messages
from service.apps.deidentify.workers.messages import Failure, Loaded, Refusal
from service.apps.deidentify.workers.processes import withdraw
from service.logs import where_raised

COMMAND = struct.Struct("!i")  # a process to wait for, or 0; a connection sent with it asks for a new worker on it
ANSWER = struct.Struct("!ii")  # the exit code of that process, or `UNKNOWN`; the new worker's process id, or 0
UNKNOWN = 256  # no process has this exit code
GRACE = 1  # seconds after the deadline


class Deidentifier(Protocol):
    """The interface of what is loaded: an engine, or a substitute in tests."""

    @property
    def about(self) -> About:
        """Name, version and rules of the engine."""

    @property
    def contents(self) -> Contents:
        """The contents of its rule book."""

    def deidentify(
        self,
        text: str,
        *,
        numbering: Numbering | None = None,
        sightings: Sequence[Sighting] = (),
        **options: Unpack[Options],
    ) -> Result:
        """See `service.apps.deidentify.engine.engine.Engine`."""


def main(control: int, load: str) -> None:
    """Load the engine, report that, and fork workers on command until the other end of `control` is closed.

    `control`: the file descriptor of a socket, where the engine's `Setup` comes first. `load`: the function that
    returns the engine, as `package.module:name`.
    """
    withdraw()
    with socket.socket(fileno=control) as commands:
        gc.disable()  # it would write to memory pages that forks are to share
        try:
            engine: Deidentifier = resolve_name(load)(**messages.receive(commands))
        except Exception as error:  # noqa: BLE001 - whatever it is, the service must know
            # With the text of the error: it cannot quote a note, as there has been none yet.
            messages.send(commands, messages.introduction(f"{type(error).__name__}: {error}"))
            return
        gc.collect()
        gc.freeze()
        messages.send(commands, messages.introduction(Loaded(engine.about, engine.contents)))
        while _obeyed(commands, engine):
            pass


def _obeyed(commands: socket.socket, engine: Deidentifier) -> bool:
    command, connections, _, _ = socket.recv_fds(commands, COMMAND.size, 1)
    if command:
        (ended,) = COMMAND.unpack(command)
        code = _exit_code(ended) if ended else UNKNOWN
        pid = _forked(commands, connections[0], engine) if connections else 0
        commands.sendall(ANSWER.pack(code, pid))
    return bool(command)


def _exit_code(pid: int) -> int:
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:  # the service was started where SIGCHLD is ignored
        return UNKNOWN


def _forked(commands: socket.socket, connection: int, engine: Deidentifier) -> int:
    """Fork a worker, and return its process id, or 0 if the system refuses. Never returns in the worker."""
    try:
        pid = os.fork()
    except OSError:
        pid = 0
    else:
        if not pid:
            _live(commands, connection, engine)
    os.close(connection)
    return pid


def _live(commands: socket.socket, connection: int, engine: Deidentifier) -> NoReturn:
    """Answer requests on `connection` until its other end is closed, then exit."""
    code = 1
    try:
        commands.close()
        gc.enable()
        with socket.socket(fileno=connection) as requests, contextlib.suppress(EOFError, OSError):
            while True:
                _answer(requests, engine)
        code = 0
    finally:
        os._exit(code)


def _answer(requests: socket.socket, engine: Deidentifier) -> None:
    request = messages.receive(requests)
    # The sender kills this process at the deadline. If the sender is gone, this timer does.
    signal.setitimer(signal.ITIMER_REAL, request["deadline"] + GRACE)
    result = _result(engine, request["text"], request["options"], request["key"], request["sightings"])
    messages.send(requests, messages.reply(result))
    signal.setitimer(signal.ITIMER_REAL, 0)


def _result(
    engine: Deidentifier, text: str, options: Options, key: str | None, sightings: Sequence[Sighting]
) -> Result | Refusal | Failure:
    numbering = Numbering()
    try:
        result = engine.deidentify(text, numbering=numbering, sightings=sightings, **options)
    except LanguageUnsupportedError as error:
        return Refusal(error.language)
    except Exception as error:  # noqa: BLE001 - its text may quote the note, so it goes no further
        return Failure(type(error).__name__, where_raised(error))
    return replace(result, names=numbering.names(bytes.fromhex(key))) if key else result
