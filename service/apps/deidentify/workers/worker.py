"""A worker: a process with an engine that handles one note at a time, and is killed if that takes too long."""

import logging
import socket
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Self, Unpack

from service.apps.deidentify.engine.engine import Options, Result
from service.apps.deidentify.engine.intake import check
from service.apps.deidentify.engine.models.model import Sighting
from service.apps.deidentify.errors import (
    DeadlineExceededError,
    EngineFailedError,
    EngineUnavailableError,
    LanguageUnsupportedError,
    ModelNotOfferedError,
)
from service.apps.deidentify.workers import messages
from service.apps.deidentify.workers.forkserver import Fork, Forkserver
from service.apps.deidentify.workers.messages import Failure, Refusal
from service.apps.deidentify.workers.recognizer import Recognizer

_log = logging.getLogger("service")

DEADLINE = 5.0  # seconds


class Worker:
    """Handles one note at a time. Its process is forked when the first note comes, and again if it was lost.

    `deadline`: seconds for a note. The time to wait for a worker or to start one does not count. `recognizer`: a model
    beside the engine, which has as long.
    """

    def __init__(
        self, forkserver: Forkserver, *, deadline: float = DEADLINE, recognizer: Recognizer | None = None
    ) -> None:
        self._forkserver = forkserver
        self._recognizer = recognizer
        self._deadline = deadline
        self._fork: Fork | None = None
        self._fork_lock = threading.Lock()  # the system may reuse the id of a process once its exit code was read
        self._in_use = threading.Lock()
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def deidentify(
        self, text: str, *, ner: bool = False, key: bytes | None = None, **options: Unpack[Options]
    ) -> Result:
        """De-identify a note; see `service.apps.deidentify.engine.engine.Engine.deidentify`. Blocks.

        `ner`: ask the model first. `key`: of the `BatchNumbering` that will renumber the result.

        Raises:
            NoteRefusedError: the text has characters that no note has.
            ModelNotOfferedError: there is no model to ask.
            LanguageUnsupportedError: the engine does not support the note's language.
            DeadlineExceededError: the note took too long.
            EngineFailedError: the engine failed with this note.
            EngineUnavailableError: there is no engine.
        """
        check(text)
        if ner and self._recognizer is None:
            raise ModelNotOfferedError
        sightings = self._recognizer.find(text) if ner and self._recognizer else ()
        with self._in_use:
            return self._deidentified(text, options, key, sightings)

    def close(self) -> None:
        """End the process for good. A note that is being processed fails. May be called from any thread."""
        self._is_closed = True
        with self._fork_lock:
            if self._fork is not None:
                self._fork.kill()
        with self._in_use:
            self._end()

    def _deidentified(self, text: str, options: Options, key: bytes | None, sightings: Sequence[Sighting]) -> Result:
        request = messages.request(text, options, key=key, deadline=self._deadline, sightings=sightings)
        connection = self._ready()
        try:
            until = monotonic() + self._deadline
            messages.send(connection, request, until=until)
            result = messages.result_of(messages.receive(connection, until=until), of=text)
        except TimeoutError:
            self._end()
            raise DeadlineExceededError(self._deadline) from None
        except (OSError, EOFError):
            raise self._failed(f"its process {_said(self._end())}") from None
        except ValueError:
            self._end()
            raise self._failed("it did not answer as it should") from None
        except BaseException:
            self._end()
            raise
        if isinstance(result, Refusal):
            raise LanguageUnsupportedError(result.language)
        if isinstance(result, Failure):
            self._end()  # the failure may have left the engine in a bad state
            raise self._failed(f"{result.kind} at {result.place}")
        return result

    def _ready(self) -> socket.socket:
        """Return the connection to a process that is alive, as far as is known. Forks one if necessary."""
        if self._fork is not None and _is_quiet(self._fork.connection):
            return self._fork.connection
        self._end()
        self._fork = fork = self._forkserver.fork()
        if self._is_closed:
            self._end()
            raise EngineUnavailableError
        return fork.connection

    def _end(self) -> int | None:
        """End the process, and return its exit code; None if it is not known or there is no process."""
        with self._fork_lock:
            fork, self._fork = self._fork, None
            if fork is None:
                return None
            fork.kill()
            fork.connection.close()
        return self._forkserver.exit_code(fork)

    def _failed(self, reason: str) -> EngineFailedError:
        if not self._is_closed:
            _log.error("An engine failed: %s.", reason)
        return EngineFailedError(reason=reason)


def _is_quiet(connection: socket.socket) -> bool:
    """Whether there is nothing to read: neither the end of the connection nor an unexpected message."""
    connection.settimeout(0)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _said(code: int | None) -> str:
    if code is None:
        return "ended"
    return f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
