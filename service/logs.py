"""Logging that cannot tell a secret: uvicorn's configuration, masked addresses, and errors without their text."""

import logging
import re
import traceback
from typing import Any
from urllib.parse import unquote_plus

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


class MaskingFormatter(logging.Formatter):
    """Masks secrets in all that a line says, arguments and traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return mask_address(super().format(record))


def place_of(error: BaseException) -> str:
    """Return where an error happened, its six innermost frames; its text may quote what a caller sent, so not that."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)


def log_config(level: str = "INFO") -> dict[str, Any]:
    """Return a `logging.config.dictConfig`: everything to stderr, one line an event, addresses masked."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": MaskingFormatter,
                "fmt": "[%(levelname).1s %(asctime)s %(name)s] %(message)s",
                "datefmt": "%Y-%m-%d %H:%M:%S",
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "uvicorn": {"level": level},
            # One line a request is enough; and these two would print the Hub's internal address.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "alembic": {"level": "WARNING"},  # of its parts; what it did is said by who asked it to
        },
    }
