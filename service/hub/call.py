"""A call to the Hub as plain values: the request, and how to read the reply. Nothing here does I/O.

`client` sends a call. `protocol`, `administration` and `caller` make them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from service.hub.errors import HubUnavailableError

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)

_SECONDS = re.compile(r"[0-9]{1,9}")  # Retry-After, where it is not a date
_RETRY_AFTER = 5  # seconds, where the Hub names none
_RETRY_AFTER_MAX = 300  # seconds


@dataclass(frozen=True, slots=True)
class HubReply:
    """The Hub's reply, whole."""

    status: int
    body: bytes = field(default=b"", repr=False)
    retry_after: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request to the Hub, and `read`, which returns what the reply says or raises a ServiceError.

    `path` is relative to the Hub's API URL. The request is signed with `token`, with the service's own token where
    `as_service` is set, and otherwise not at all. At most one of `form` and `json` is given. `patience`: seconds that
    the reply may take, if that is more than usual.
    """

    method: str
    path: str
    read: Callable[[HubReply], T] = field(repr=False)
    token: str = field(default="", repr=False)
    as_service: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    patience: float = 0


def segment(text: str) -> str:
    """Encode one segment of a path. `.` and `..` are encoded too, or the path would lead to another endpoint."""
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")


def read_model(reply: HubReply, model: type[Model], status: int) -> Model:
    """Return the body of a reply with this status. Raises HubUnavailableError for any other reply."""
    if reply.status != status:
        raise_unusable(reply)
    try:
        return model.model_validate_json(reply.body)
    except ValidationError:
        raise HubUnavailableError(reason="its reply does not have the expected form") from None


def json_object(reply: HubReply) -> dict[str, Any]:
    """Return the JSON object in the body; empty where there is none."""
    try:
        found = from_json(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def refusal(reply: HubReply) -> str | None:
    """Return the message of an error that the Hub itself sent, "" where it has none; None for any other reply.

    A proxy's or a firewall's 403 says nothing about a token. The Hub repeats the status in the body:
    jupyterhub/apihandlers/base.py, write_error.
    """
    body = json_object(reply)
    return str(body.get("message") or "") if body.get("status") == reply.status else None


def retry_after(reply: HubReply) -> int:
    """Return the seconds after which the Hub wants to be asked again."""
    return min(int(reply.retry_after), _RETRY_AFTER_MAX) if _SECONDS.fullmatch(reply.retry_after) else _RETRY_AFTER


def raise_unusable(reply: HubReply, *, detail: str | None = None) -> NoReturn:
    """Raise HubUnavailableError, which repeats nothing of the reply but its status. `detail`: what clients may see."""
    raise HubUnavailableError(detail, reason=f"it answered with status {reply.status}", retry_after=retry_after(reply))
