"""Any call to the Hub's REST API, in a caller's name or in the service's own. The Hub decides what they may do.

Source: https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pydantic import SecretStr
from pydantic_core import from_json

from service.errors import ServiceError
from service.hub.call import Call, HubReply, raise_unusable, refusal, segment
from service.hub.errors import (
    HubBadRequestError,
    HubConflictError,
    HubForbiddenError,
    HubNotFoundError,
    HubRefusedServiceError,
    HubUnavailableError,
)

if TYPE_CHECKING:
    from service.hub.auth import HubAuth

Params = Mapping[str, str | int]

_REFUSALS: Mapping[int, type[ServiceError]] = {
    HTTPStatus.BAD_REQUEST: HubBadRequestError,
    HTTPStatus.FORBIDDEN: HubForbiddenError,
    HTTPStatus.NOT_FOUND: HubNotFoundError,
    HTTPStatus.CONFLICT: HubConflictError,
}
_MESSAGE_LIMIT = 300  # characters
_FAILED = "The Hub could not do this. If it fails again, whoever runs the Hub finds the cause in the Hub's log."
# Seconds for a call that changes something. To start or to stop a server, the Hub takes up to ten before it answers 202
# (JupyterHub.tornado_settings, slow_spawn_timeout and slow_stop_timeout).
CHANGE_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class RestReply:
    """The Hub's reply to a call that it has accepted: its status, such as 202, and its JSON, None if that is empty."""

    status: int
    json: Any


class CallerClient:
    """Asks the Hub with the token of one caller, for the length of one request. `token` None: with the service's own.

    Give a path by its segments, which are encoded: `get("users", name)`. The result is the JSON of the reply, or None
    if that is empty. `send` returns the status with it: `POST users/alice/server` is 201 for a server that runs, and
    202 for one that is starting. A reply may take `HUB_TIMEOUT`, and 30 seconds if the call changes something. After
    that the Hub may still go on with what it was asked to do.

    Each method raises:
        HubForbiddenError, HubNotFoundError, HubBadRequestError, HubConflictError: the Hub's 403, 404, 400 and 409. They
            have the Hub's message; with the service's own token, their `__cause__` has it.
        InvalidTokenError: the token was revoked or has expired since the request began.
        HubRefusedServiceError: the Hub's 403 to the service's own token.
        HubUnavailableError: everything else.
    """

    def __init__(self, auth: "HubAuth", *, token: SecretStr | None, session_id: str = "") -> None:
        self._auth = auth
        self._token = token
        self._session_id = session_id

    async def get(self, *segments: str, params: Params | None = None) -> Any:  # noqa: ANN401 - JSON
        """Read: `get("users", "alice")`, `get("users", params={"state": "active"})`."""
        return await self._ask("GET", segments, params=params)

    async def post(self, *segments: str, json: object = None, params: Params | None = None) -> Any:  # noqa: ANN401
        """Create or start: `post("users", "alice", "server")` starts a server."""
        return await self._ask("POST", segments, params=params, json=json)

    async def put(self, *segments: str, json: object = None, params: Params | None = None) -> Any:  # noqa: ANN401
        """Replace."""
        return await self._ask("PUT", segments, params=params, json=json)

    async def patch(self, *segments: str, json: object = None, params: Params | None = None) -> Any:  # noqa: ANN401
        """Change."""
        return await self._ask("PATCH", segments, params=params, json=json)

    async def delete(self, *segments: str, json: object = None, params: Params | None = None) -> Any:  # noqa: ANN401
        """Delete or stop: `delete("users", "alice", "server")` stops a server."""
        return await self._ask("DELETE", segments, params=params, json=json)

    async def send(
        self,
        method: str,
        *segments: str,
        params: Params | None = None,
        json: object = None,
        patience: float | None = None,
    ) -> RestReply:
        """Send any call, and return its status, too. `patience`: seconds for the reply, if more than usual."""
        try:
            return await self._auth.send(
                method,
                *segments,
                params=params,
                json=json,
                token=None if self._token is None else self._token.get_secret_value(),
                session_id=self._session_id,
                patience=patience,
            )
        except (HubBadRequestError, HubNotFoundError, HubConflictError) as error:
            if self._token is not None:
                raise
            raise type(error) from error  # the Hub's message is for the service, not for whoever calls it

    async def _ask(self, method: str, segments: tuple[str, ...], *, params: Params | None, json: object = None) -> Any:  # noqa: ANN401
        return (await self.send(method, *segments, params=params, json=json)).json


def rest(
    method: str,
    *segments: str,
    params: Params | None = None,
    json: object = None,
    token: str | None = None,
    patience: float | None = None,
) -> Call[RestReply]:
    """Call the REST API in the name of who holds `token`, or in the service's own name if that is None.

    `patience`: seconds that the reply may take, if that is more than usual; None: as usual for a GET, and
    CHANGE_PATIENCE for any other method.

    Raises:
        HubNotFoundError: a segment is empty. Without this check, `delete("users", "", "server")` would go to another
            endpoint than the one meant.
    """
    if not all(segments):
        raise HubNotFoundError
    path = "/".join(segment(each) for each in segments)
    query = f"?{urlencode(params)}" if params else ""
    if patience is None:
        patience = 0 if method == "GET" else CHANGE_PATIENCE
    if token is None:
        return Call(method, f"{path}{query}", _read_as_service, json=json, as_service=True, patience=patience)
    return Call(method, f"{path}{query}", _read, json=json, token=token, patience=patience)


def _read(reply: HubReply) -> RestReply:
    """Return status and JSON of a reply. An error carries the Hub's own message, which is for who holds the token."""
    message = refusal(reply)
    if message is not None and (error := _REFUSALS.get(reply.status)):
        raise error(_one_line(message) or None)
    if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        has_failed = message is not None and reply.status == HTTPStatus.INTERNAL_SERVER_ERROR  # as to start a server
        raise_unusable(reply, detail=_FAILED if has_failed else None)
    try:
        return RestReply(reply.status, from_json(reply.body) if reply.body else None)
    except ValueError:
        raise HubUnavailableError(reason="its reply is not JSON") from None


def _read_as_service(reply: HubReply) -> RestReply:
    try:
        return _read(reply)
    except HubForbiddenError as error:
        raise HubRefusedServiceError(
            reason=f"it does not let this service do that, or does not know its token ({error.detail})"
        ) from None


def _one_line(message: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in message)
    return printable.strip()[:_MESSAGE_LIMIT]
