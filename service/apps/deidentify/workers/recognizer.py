"""Asks a model, in a process of its own, what it sees in a note; one note at a time, for any number of threads."""

import logging
import socket
import subprocess
import threading
from time import monotonic
from typing import Any

from service.apps.deidentify.engine.models.model import Sighting
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.errors import DeadlineExceededError, EngineFailedError, EngineUnavailableError
from service.apps.deidentify.workers import messages
from service.apps.deidentify.workers.processes import end, spawn

_log = logging.getLogger("service")

RETRY = 10.0  # seconds between two attempts to load a model
_LOAD_LIMIT = 600.0  # seconds; loading takes one of processor time, and waits where the machine is busy
_LOADING = "The model of de-identification is being loaded."
_MODULE = "service.apps.deidentify.workers.model_process"


class Recognizer:
    """A model that is started at first use, and again if its process was lost.

    `model`: see `service.apps.deidentify.engine.models.model.load`. `deadline`: seconds for a note; the time to wait
    for other notes, or for the model to load, does not count. `always`: it is asked about every note.
    """

    def __init__(self, model: str, *, deadline: float, always: bool = True, retry: float = RETRY) -> None:
        self.always = always
        self._model = model
        self._deadline = deadline
        self._retry = retry
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._failed_at: float | None = None
        self._is_closed = False
        self.name: str | None = None  # once it has been loaded
        self.problem: str | None = _LOADING

    def load(self) -> str:
        """Load the model unless it is loaded, and return its name and version. Blocks.

        Raises:
            EngineUnavailableError: loading failed, or failed a moment ago; or this is closed.
        """
        with self._lock:
            self._ready()
        return self.name or self._model

    def find(self, text: str) -> list[Sighting]:
        """Return where the model sees identifiers in a note. Blocks.

        Raises:
            DeadlineExceededError: the note took too long.
            EngineFailedError: the model failed with this note.
            EngineUnavailableError: there is no model.
        """
        with self._lock:
            connection = self._ready()
            try:
                until = monotonic() + self._deadline
                messages.send(connection, {"text": text, "deadline": self._deadline}, until=until)
                reply = messages.receive(connection, until=until)
                return _sightings(reply, len(text))
            except TimeoutError:
                self._drop()
                raise DeadlineExceededError(self._deadline) from None
            except (OSError, EOFError):
                raise self._failed_with_note("its process ended") from None
            except ValueError as error:
                raise self._failed_with_note(str(error)) from None
            except BaseException:
                self._drop()
                raise

    def close(self) -> None:
        """End the process for good. A note that it is at fails. May be called from any thread."""
        self._is_closed = True
        if (process := self._process) is not None:
            process.kill()
        with self._lock:
            self._drop()

    def _ready(self) -> socket.socket:
        if self._is_closed:
            raise EngineUnavailableError
        if self._connection is not None and self._process is not None and self._process.poll() is None:
            return self._connection
        self._drop()
        if self._failed_at is not None and monotonic() < self._failed_at + self._retry:
            raise EngineUnavailableError
        try:
            self._process, self._connection = _, connection = spawn(_MODULE, self._model)
            self._end_if_closed()  # `close` may have run before there was a process
            told = messages.receive(connection, until=monotonic() + _LOAD_LIMIT)
            problem = None if "name" in told else str(told["problem"])
        except TimeoutError:
            problem = f"it was not loaded after {_LOAD_LIMIT:g} seconds"
        except OSError as error:
            problem = f"its process was not started, or is lost: {error.strerror}"
        except (EOFError, ValueError, KeyError, TypeError):
            problem = "its process ended"
        if problem:
            self._drop()
            self._failed_at = monotonic()
            self.problem = "The model of de-identification cannot be loaded; the log says why."
            if not self._is_closed:
                _log.error("De-identification has no model: %s. Trying again in %g seconds.", problem, self._retry)
            raise EngineUnavailableError
        self.name, self.problem, self._failed_at = str(told["name"]), None, None
        return connection

    def _end_if_closed(self) -> None:
        if self._is_closed and self._process is not None:
            self._process.kill()

    def _failed_with_note(self, reason: str) -> EngineFailedError:
        self._drop()
        if not self._is_closed:
            _log.error("The model of de-identification failed: %s.", reason)
        return EngineFailedError(reason=reason)

    def _drop(self) -> None:
        end(self._process, self._connection)
        self._process = self._connection = None


def _sightings(reply: Any, length: int) -> list[Sighting]:  # noqa: ANN401 - whatever JSON says
    """Read an answer about a text of this length. Raises ValueError, whose text has nothing of a note."""
    told = reply if isinstance(reply, dict) else {}
    if "failure" in told:
        raise ValueError(str(told["failure"]))
    found = told.get("sightings")
    if not isinstance(found, list) or not all(_is_sighting(each, length) for each in found):
        raise ValueError("it did not answer as it should")
    return [(start, stop, kind) for start, stop, kind in found]


def _is_sighting(each: Any, length: int) -> bool:  # noqa: ANN401 - whatever JSON says
    if not isinstance(each, list) or len(each) != 3:  # noqa: PLR2004 - start, stop, type
        return False
    start, stop, kind = each
    return type(start) is int and type(stop) is int and 0 <= start < stop <= length and kind in Kind.__members__
