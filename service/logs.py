"""Logging without secrets: one line for each event, with masked URLs, and with errors by type and place only.

All log records get the same format: our own, uvicorn's and those of libraries.
"""

import json
import logging
import re
import traceback
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from time import time
from typing import Any, Literal
from urllib.parse import unquote_plus

from pydantic_core import PydanticSerializationError, to_json

LogForm = Literal["json", "text"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that the running code handles. Every line that it logs has this id."""

# Query parameters with a credential, or with what could complete a sign-in; search texts; cursors, which contain the
# last name of a page; and the text of a note, in case somebody puts it into the URL by mistake.
SECRET_PARAMETERS = (
    *("token", "access_token", "code", "state", "_xsrf", "code_verifier", "client_secret", "password"),
    *("text", "allow", "deny", "cursor"),
)

# The name of a parameter with the characters around it. These may be percent-encoded, several times over, as in a URL
# within a URL (`next=%2Fme%3Ftoken%3D…`).
_PARAMETER = re.compile(r"(?:[?&;#]|%(?:25)*(?:3F|26|3B|23))([^?&;#=\s]{1,100}?)(?:=|%(?:25)*3D)", re.IGNORECASE)
# Everything up to the certain end of the URL, except for a closing quote.
_VALUE = re.compile(r"[^&#\s]*?(?=[\"']?(?:[&#\s]|$))")
_SEPARATOR = re.compile(r"[?&;#]")

# Control characters could end a line early, or move the cursor of a terminal.
# Lone surrogates, as in names of files that are not UTF-8, cannot be written at all.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MAX_VALUE = 8_000  # characters of one value

# Messages of uvicorn and `websockets` for each WebSocket. `service.web.middleware.access_log` logs these already.
# The last one is wrong: it comes after each answer to a handshake that gives a reason.
_DUPLICATES = (
    '%s - "WebSocket %s"',
    "connection open",
    "connection rejected",
    "connection closed",
    "ASGI callable returned without completing handshake.",
)


def mask_address(text: str) -> str:
    """Return `text` with the value of every secret query parameter in it replaced by `[secret]`."""
    shown = []
    position = 0
    while parameter := _PARAMETER.search(text, position):
        shown.append(text[position : parameter.end()])
        position = parameter.end()
        # Only the values of secret names are searched for: for all names it would take quadratic time.
        if _is_secret(parameter[1]) and (value := _VALUE.match(text, position)):
            shown.append("[secret]")
            position = value.end()
    return "".join(shown) + text[position:]


def _is_secret(name: str) -> bool:
    """Whether a name is secret after decoding: servers decode a name such as `%74oken` before they use it."""
    while (decoded := unquote_plus(name)) != name:
        name = decoded
    return _SEPARATOR.split(name)[-1].strip().lower() in SECRET_PARAMETERS


def where_raised(error: BaseException) -> str:
    """Return the six innermost frames of an error. Its text is left out, as it may quote what a caller sent."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)


_TRACEBACK = "Traceback (most recent call last)"
_MARGIN = re.compile(r"^ *\| ", re.MULTILINE)  # of what is in an exception group
_FRAME = re.compile(r'^ +File "(.+)", line ([0-9]+), in (.+)$', re.MULTILINE)
_RAISED = re.compile(r"^([A-Za-z_][\w.]*)", re.MULTILINE)


class RequestRecord(logging.LogRecord):
    """The record for a request. It is made without looking up the calling function, process and thread."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.__dict__.update(_REQUEST, fields=fields, created=time())


_REQUEST = vars(logging.LogRecord("service.request", logging.INFO, __file__, 0, "request", None, None))


class LineFormatter(logging.Formatter):
    """Turns a record into a line. The mapping in its attribute `fields` is added to the fields of the line."""

    def __init__(self, form: LogForm, *, tracebacks: bool = False) -> None:
        super().__init__()
        self._tracebacks = tracebacks
        self._render = _as_json if form == "json" else _as_text
        self._second = (0, "")  # the last second and its text: the next line is often of the same second

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": self._time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage() if self._tracebacks else _without_exceptions(record),
        }
        if request_id := REQUEST_ID.get():
            line["request_id"] = request_id
        line |= getattr(record, "fields", {})
        if record.exc_info and (error := record.exc_info[1]) is not None:
            line["exception"] = f"{type(error).__name__} at {where_raised(error)}"
        for name, value in line.items():
            # A value without `=` and `%` contains no query parameter.
            if isinstance(value, str) and ("=" in value or "%" in value or len(value) > _MAX_VALUE):
                line[name] = mask_address(value[:_MAX_VALUE])
        if self._tracebacks and record.exc_info and (error := record.exc_info[1]) is not None:
            line["traceback"] = mask_address("".join(traceback.format_exception(error)).rstrip())
        return self._render(line)

    def _time(self, moment: float) -> str:
        """Format a time as in RFC 3339, in UTC."""
        second = int(moment)
        if second != self._second[0]:
            self._second = (second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        return f"{self._second[1]}.{int(moment % 1 * 1000):03d}Z"


def _without_exceptions(record: logging.LogRecord) -> str:
    """Return a message without what quotes an exception: uvicorn's whole traceback, and asyncio's lines of context.

    What an exception says may be what a caller sent, or the address of a database.
    """
    message = record.getMessage()
    if record.name == "asyncio":
        return message.partition("\n")[0]
    if _TRACEBACK not in message:
        return message
    # A group, or a cause that was never raised, is shown before the first of these words.
    message = _MARGIN.sub("", message)
    said, where = "Exception", ""
    for frame in _FRAME.finditer(message):
        where = f" at {frame[1].rpartition('/')[2]}:{frame[2]} {frame[3]}"
        raised = _RAISED.search(message, frame.end())
        said = raised[1] if raised else said
    return f"{said}{where} (SERVICE_TRACEBACKS=1 shows it whole)"


def _as_json(line: dict[str, object]) -> str:
    """Format as JSON in ASCII. No character can move the cursor of a terminal, or end the line for some program."""
    try:
        quick = to_json(line, fallback=repr)
    except PydanticSerializationError:  # a lone surrogate, as in the name of a file that is not UTF-8
        return json.dumps(line, default=repr)
    return quick.decode() if quick.isascii() else json.dumps(line, default=repr)


def _as_text(line: dict[str, object]) -> str:
    """Format like the Hub's own log, with the fields at the end, and a traceback below."""
    below = str(line.pop("traceback", "")).splitlines()
    event = f"[{str(line.pop('level'))[0].upper()} {line.pop('time')} {line.pop('logger')}] {line.pop('event')}"
    text = " ".join([event, *(f"{name}={value}" for name, value in line.items())])
    return "\n".join(_CONTROL.sub(lambda match: ascii(match[0])[1:-1], each) for each in (text, *below))


def is_no_duplicate(record: logging.LogRecord) -> bool:
    """Whether to keep a record of uvicorn. It is dropped if it repeats the access log for a WebSocket."""
    return not (isinstance(record.msg, str) and record.msg.startswith(_DUPLICATES))


def log_config(
    level: LogLevel = "INFO",
    *,
    form: LogForm = "json",
    stream: str = "stdout",
    own: Collection[str] = (),
    tracebacks: bool = False,
) -> dict[str, Any]:
    """Return a configuration for `logging.config.dictConfig`: one stream, with one line for each event.

    Args:
        level: of the service and of `own`. Libraries log nothing below INFO: some would log headers or statements.
        form: of a line.
        stream: `stdout` or `stderr`.
        own: names of the operator's own packages.
        tracebacks: show exceptions whole, with texts that may quote what a caller sent.

    """
    others = "INFO" if level == "DEBUG" else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": LineFormatter, "form": form, "tracebacks": tracebacks}},
        "filters": {"no duplicates": {"()": _filter}},
        "handlers": {
            "output": {"class": "logging.StreamHandler", "stream": f"ext://sys.{stream}", "formatter": "line"}
        },
        "root": {"handlers": ["output"], "level": others},
        "loggers": {
            **{name: {"level": level} for name in ("service", *own)},
            "uvicorn": {"level": others},
            # The access log is ours.
            "uvicorn.error": {"level": others, "filters": ["no duplicates"]},
            "uvicorn.access": {"level": "WARNING"},
            # These two would log the internal address of the Hub.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "alembic": {"level": "WARNING"},  # our own code logs migrations
        },
    }


def _filter() -> Any:  # noqa: ANN401 - logging takes a function for a filter, but its types do not say so
    return is_no_duplicate
