"""The protocol between the service and its engines' processes: JSON messages, each preceded by its length.

Nothing from an engine's process is ever executed. A reply consists of text and numbers, or it is rejected.
"""

import json
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from service.apps.deidentify.engine.engine import About, Options, Result
from service.apps.deidentify.engine.explanation import Contents, Figures
from service.apps.deidentify.engine.finding import RuleInfo
from service.apps.deidentify.engine.models.model import Sighting
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span

_LENGTH = struct.Struct("!I")
_LIMIT = 1 << 28  # bytes of a message; we never send longer ones
_PIECE = 1 << 20  # bytes to read at once


@dataclass(frozen=True, slots=True)
class Loaded:
    """A process has loaded its engine: which one, and the contents of its rule book."""

    about: About
    contents: Contents


@dataclass(frozen=True, slots=True)
class Refusal:
    """Sent instead of a result if the engine does not support the note's language. `language`: its English name."""

    language: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Sent instead of a result if the engine failed: the type of the error, and where it was raised.

    `place`: see `service.logs.where_raised`.
    """

    kind: str
    place: str


def send(connection: socket.socket, message: Mapping[str, Any], *, until: float | None = None) -> None:
    """Send a message.

    `until`: a deadline on the monotonic clock, in seconds.

    Raises:
        OSError: the connection broke. TimeoutError: the deadline has passed.
    """
    data = json.dumps(message).encode()
    connection.settimeout(_left(until))
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive(connection: socket.socket, *, until: float | None = None) -> Any:  # noqa: ANN401 - whatever JSON says
    """Receive a message. `until`: as for `send`.

    Raises:
        EOFError: the other side has closed the connection.
        OSError: the connection broke. TimeoutError: the deadline has passed.
        ValueError: this is no message.
    """
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, until))
    if length > _LIMIT:
        raise ValueError("too long for a message")
    return json.loads(_exactly(connection, length, until))


def _exactly(connection: socket.socket, size: int, until: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        connection.settimeout(_left(until))
        piece = connection.recv(min(size - len(data), _PIECE))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def _left(until: float | None) -> float | None:
    if until is None:
        return None
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def request(
    text: str, options: Options, *, key: bytes | None, deadline: float, sightings: Sequence[Sighting] = ()
) -> dict[str, Any]:
    """Make the request to de-identify a note.

    `key`: for the digests of its names; None if these are not wanted. `deadline`: in seconds. `sightings`: a model's.
    """
    plain = {"text": text, "options": options, "deadline": deadline, "sightings": sightings}
    return plain | {"key": key.hex() if key else None}


def reply(result: Result | Refusal | Failure) -> dict[str, Any]:
    """Make the reply to a request."""
    if isinstance(result, Refusal):
        return {"refusal": asdict(result)}
    if isinstance(result, Failure):
        return {"failure": asdict(result)}
    return {
        "text": result.text,
        "spans": [(span.start, span.end, span.type, span.out_start, span.out_end, span.rule) for span in result.spans],
        "counts": result.counts,
        "length": result.length,
        "names": result.names,
    }


def result_of(message: Any, *, of: str) -> Result | Refusal | Failure:  # noqa: ANN401 - whatever JSON says
    """Read the reply about a note. `of`: the note's text.

    Raises:
        ValueError: this is no reply, or not about this note.
    """
    try:
        if "failure" in message:
            return Failure(**message["failure"])
        if "refusal" in message:
            return Refusal("" + message["refusal"]["language"])
        spans = tuple(Span(start, end, Kind(kind), *out) for start, end, kind, *out in message["spans"])
        counts = {Kind(kind): int(count) for kind, count in message["counts"].items()}
        names = {Kind(kind): list(known) for kind, known in message["names"].items()}
        result = Result("" + message["text"], spans, counts, message["length"], names)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not an answer") from error
    if result.length != len(of):
        raise ValueError("about another note")
    return result


def introduction(loaded: Loaded | str) -> dict[str, Any]:
    """Make the message that an engine has been loaded, or why it cannot be."""
    return {"problem": loaded} if isinstance(loaded, str) else asdict(loaded)


def loaded_of(message: Any) -> Loaded | str:  # noqa: ANN401 - whatever JSON says
    """Read the message that `introduction` makes.

    Raises:
        ValueError: this is no such message.
    """
    try:
        if "problem" in message:
            return str(message["problem"])
        contents = message["contents"]
        masking = {Kind(kind): Figures(**figures) for kind, figures in contents["masking"].items()}
        named = tuple(RuleInfo(**(each | {"type": Kind(each["type"])})) for each in contents["rules"])
        return Loaded(About(**message["about"]), Contents(masking, Figures(**contents["keeping"]), named))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not an introduction") from error
