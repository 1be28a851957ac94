"""The Hub's REST API in a caller's own name: what they may do there, and no more, is for the Hub to say.

Source: https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr
from pydantic_core import from_json

from service.errors import ServiceError
from service.hub.auth import HubAuth
from service.hub.client import HubClient
from service.hub.errors import (
    HubBadRequestError,
    HubConflictError,
    HubForbiddenError,
    HubNotFoundError,
    HubUnavailableError,
)
from service.hub.protocol import HubReply, HubRequest, authorized, hub_message, raise_unusable, segment

Params = Mapping[str, str | int]

_REFUSALS: Mapping[int, type[ServiceError]] = {
    HTTPStatus.BAD_REQUEST: HubBadRequestError,
    HTTPStatus.FORBIDDEN: HubForbiddenError,
    HTTPStatus.NOT_FOUND: HubNotFoundError,
    HTTPStatus.CONFLICT: HubConflictError,
}
_MESSAGE_LIMIT = 300  # characters


class CallerClient:
    """Asks the Hub with the token of one caller, for the length of one request.

    A path is given by its segments, each of which is encoded: `get("users", name)`. An answer is what its JSON says, or
    None where it is empty. It waits `HUB_TIMEOUT` for one; what the Hub does meanwhile, it may go on to do.

    Each method raises:
        HubForbiddenError, HubNotFoundError, HubBadRequestError, HubConflictError: the Hub's 403, 404, 400 and 409.
        InvalidTokenError: the token was revoked or has expired since the request began.
        HubUnavailableError: everything else.
    """

    def __init__(self, hub: HubClient, auth: HubAuth, *, token: SecretStr, session_id: str = "") -> None:
        self._hub = hub
        self._auth = auth
        self._token = token
        self._session_id = session_id

    async def get(self, *segments: str, params: Params | None = None) -> Any:  # noqa: ANN401 - JSON
        """Read: `get("users", "alice")`, `get("users", params={"state": "active"})`."""
        return await self._ask("GET", segments, params=params)

    async def post(self, *segments: str, json: object = None, params: Params | None = None) -> Any:  # noqa: ANN401
        """Make: `post("users", "alice", "server")` starts a server."""
        return await self._ask("POST", segments, params=params, json=json)

    async def put(self, *segments: str, json: object = None, params: Params | None = None) -> Any:  # noqa: ANN401
        """Replace."""
        return await self._ask("PUT", segments, params=params, json=json)

    async def patch(self, *segments: str, json: object = None, params: Params | None = None) -> Any:  # noqa: ANN401
        """Change."""
        return await self._ask("PATCH", segments, params=params, json=json)

    async def delete(self, *segments: str, json: object = None, params: Params | None = None) -> Any:  # noqa: ANN401
        """Delete: `delete("users", "alice", "server")` stops a server."""
        return await self._ask("DELETE", segments, params=params, json=json)

    async def _ask(self, method: str, segments: tuple[str, ...], *, params: Params | None, json: object = None) -> Any:  # noqa: ANN401
        request = as_caller(self._token, method, *segments, params=params, json=json)
        try:
            return read_as_caller(await self._hub.send(request))
        except HubForbiddenError:
            # The Hub answers a token that it does not know any more in the same way: ask which of the two it was.
            now = datetime.now(UTC)
            await self._auth.identify(self._token.get_secret_value(), session_id=self._session_id, not_before=now)
            raise


def as_caller(
    token: SecretStr, method: str, *segments: str, params: Params | None = None, json: object = None
) -> HubRequest:
    """Ask for a path in the name of who holds `token`. Raises HubNotFoundError for an empty segment.

    Without it, `delete("users", "", "server")` would go to another endpoint than the one meant.
    """
    if not all(segments):
        raise HubNotFoundError
    path = "/".join(segment(each) for each in segments)
    query = f"?{urlencode(params)}" if params else ""
    return HubRequest(method, f"{path}{query}", headers=authorized(token.get_secret_value()), json=json)


def read_as_caller(reply: HubReply) -> Any:  # noqa: ANN401 - JSON
    """Return what the answer's JSON says; for what it raises see `CallerClient`.

    The Hub's own words are passed on: it says them to whoever holds this token.
    """
    message = hub_message(reply)
    if message is not None and (refusal := _REFUSALS.get(reply.status)):
        raise refusal(_one_line(message) or None)
    if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        raise_unusable(reply)
    try:
        return from_json(reply.body) if reply.body else None
    except ValueError:
        raise HubUnavailableError(reason="its reply is not JSON") from None


def _one_line(message: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in message)
    return printable.strip()[:_MESSAGE_LIMIT]
