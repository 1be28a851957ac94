"""Logging that cannot tell a secret: one line an event, addresses masked, errors without their text.

All lines are made alike, whoever logs: our own parts, uvicorn, libraries. The access log writes one for
each request.
"""

import json
import logging
import re
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from time import time
from typing import Any, Literal
from urllib.parse import unquote_plus

from pydantic_core import to_json

LogForm = Literal["json", "text"]

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""Which request the running code serves; it stands in every line that it logs."""

# Query parameters that carry a credential or could complete a sign-in; what is searched for, and a cursor, which holds
# the name that a page of a list ended with; and a note's words, where somebody puts them there by mistake.
SECRET_PARAMETERS = (
    *("token", "access_token", "code", "state", "_xsrf", "code_verifier", "client_secret", "password"),
    *("text", "allow", "deny", "cursor"),
)

# A parameter's name with what stands around it, as it is or percent-encoded, once or more often: an address within an
# address (`next=%2Fme%3Ftoken%3D…`).
_PARAMETER = re.compile(r"(?:[?&;#]|%(?:25)*(?:3F|26|3B|23))([^?&;#=\s]{1,100}?)(?:=|%(?:25)*3D)", re.IGNORECASE)
# Up to where the address surely ends, but for a closing quote.
_VALUE = re.compile(r"[^&#\s]*?(?=[\"']?(?:[&#\s]|$))")
_SEPARATOR = re.compile(r"[?&;#]")

# A line of text ends where we end it, and moves no terminal's cursor.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MOST = 8_000  # characters of one value

# What uvicorn and `websockets` say of each WebSocket, which `service.web.middleware.access_log` says too.
_DOUBLED = ('%s - "WebSocket %s"', "connection open", "connection rejected", "connection closed")


def mask_address(text: str) -> str:
    """Return `text` with the value of every secret query parameter in it replaced by `[secret]`."""
    shown = []
    position = 0
    while parameter := _PARAMETER.search(text, position):
        shown.append(text[position : parameter.end()])
        position = parameter.end()
        # The value is looked for behind a secret name alone: behind every name it would take the square of the length.
        if _is_secret(parameter[1]) and (value := _VALUE.match(text, position)):
            shown.append("[secret]")
            position = value.end()
    return "".join(shown) + text[position:]


def _is_secret(name: str) -> bool:
    """Whether a name is secret once it is decoded, which servers do before they read it (`%74oken`)."""
    while (decoded := unquote_plus(name)) != name:
        name = decoded
    return _SEPARATOR.split(name)[-1].strip().lower() in SECRET_PARAMETERS


def place_of(error: BaseException) -> str:
    """Return where an error happened, its six innermost frames; its text may quote what a caller sent, so not that."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)


class RequestRecord(logging.LogRecord):
    """The line for a request. Made without what logging finds out for others: who calls it, in which process, …."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.__dict__.update(_REQUEST, fields=fields, created=time())


_REQUEST = vars(logging.LogRecord("service.request", logging.INFO, __file__, 0, "request", None, None))


class LineFormatter(logging.Formatter):
    """Makes a line of a record; what stands in its attribute `fields` becomes fields of the line."""

    def __init__(self, form: LogForm) -> None:
        super().__init__()
        self._render = _as_json if form == "json" else _as_text
        self._second = (0, "")  # and how it is written: the next line is mostly of the same

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": self._time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if request_id := REQUEST_ID.get():
            line["request_id"] = request_id
        line |= getattr(record, "fields", {})
        if record.exc_info and (error := record.exc_info[1]) is not None:
            line["exception"] = f"{type(error).__name__} at {place_of(error)}"
        for name, value in line.items():
            # Without one of these it has no parameter.
            if isinstance(value, str) and ("=" in value or "%" in value or len(value) > _MOST):
                line[name] = mask_address(value[:_MOST])
        return self._render(line)

    def _time(self, moment: float) -> str:
        """RFC 3339, in UTC."""
        second = int(moment)
        if second != self._second[0]:
            self._second = (second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        return f"{self._second[1]}.{int(moment % 1 * 1000):03d}Z"


def _as_json(line: dict[str, object]) -> str:
    """In ASCII: no character of a value moves a terminal's cursor, or ends the line for some reader of it."""
    quick = to_json(line, fallback=repr)
    return quick.decode() if quick.isascii() else json.dumps(line, default=repr)


def _as_text(line: dict[str, object]) -> str:
    """As the Hub's own lines look, with the fields behind."""
    said = f"[{str(line.pop('level'))[0].upper()} {line.pop('time')} {line.pop('logger')}] {line.pop('event')}"
    whole = " ".join([said, *(f"{name}={value}" for name, value in line.items())])
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], whole)


def once(record: logging.LogRecord) -> bool:
    """Say whether a record of uvicorn's is to be kept: not where it repeats the line for a WebSocket."""
    return not (isinstance(record.msg, str) and record.msg.startswith(_DOUBLED))


def log_config(level: str = "INFO", *, form: LogForm = "json", stream: str = "stdout") -> dict[str, Any]:
    """Return a `logging.config.dictConfig`: everything to one stream, one line an event."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": LineFormatter, "form": form}},
        "filters": {"once": {"()": _filter}},
        "handlers": {
            "output": {"class": "logging.StreamHandler", "stream": f"ext://sys.{stream}", "formatter": "line"}
        },
        "root": {"handlers": ["output"], "level": level},
        "loggers": {
            "uvicorn": {"level": level},
            # One line a request is enough, and that is ours.
            "uvicorn.error": {"level": level, "filters": ["once"]},
            "uvicorn.access": {"level": "WARNING"},
            # These two would print the Hub's internal address.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "alembic": {"level": "WARNING"},  # of its parts; what it did is said by who asked it to
        },
    }


def _filter() -> Any:  # noqa: ANN401 - what logging takes for a filter, which its types do not say
    return once
