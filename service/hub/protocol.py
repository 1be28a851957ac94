"""What to send to the Hub, and what its replies mean: functions on plain values, no I/O.

Sources: the Hub's REST API (https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html),
`jupyterhub/apihandlers/users.py`, `jupyterhub/oauth/provider.py`. Holds for JupyterHub 5.5 and 6.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from service.errors import ThrottledError
from service.hub.errors import (
    HubRefusedServiceError,
    HubUnavailableError,
    InvalidTokenError,
    RevokeRefusedError,
    TokenRequestError,
)
from service.hub.models import Identity, IssuedToken, TokenReply

Model = TypeVar("Model", bound=BaseModel)

_SECONDS = re.compile(r"[0-9]{1,9}")  # Retry-After, where it is not a date


@dataclass(frozen=True, slots=True)
class HubRequest:
    """One request to the Hub; `path` is relative to its API URL. At most one of `form` and `json` is given."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class HubReply:
    """What came back, whole."""

    status: int
    body: bytes = field(default=b"", repr=False)
    retry_after: str = ""
    date: str = ""


def authorized(token: str) -> dict[str, str]:
    """The header that signs a request with a Hub token."""
    return {"Authorization": f"token {token}"}


# Who holds this token?


def identify(token: str) -> HubRequest:
    """Ask who holds `token`, signed with that very token, so that ours need no rights."""
    return HubRequest("GET", "user", headers=authorized(token))


def read_identity(reply: HubReply) -> Identity:
    """Raises InvalidTokenError when the Hub says no, HubUnavailableError when it says nothing of use."""
    if reply.status == HTTPStatus.FORBIDDEN and _is_from_hub(reply):
        raise InvalidTokenError
    return read(reply, Identity, HTTPStatus.OK)


def read_own_identity(reply: HubReply) -> Identity:
    """As `read_identity`, for our own token: a no means that the Hub refuses us."""
    try:
        return read_identity(reply)
    except InvalidTokenError:
        raise HubRefusedServiceError(reason="the Hub does not know JUPYTERHUB_API_TOKEN") from None


# Code for token (RFC 6749 section 4.1.3, RFC 7636 section 4.5)


def exchange(*, code: str, verifier: str, client_id: str, client_secret: str, redirect_uri: str) -> HubRequest:
    """Exchange an authorization code, with its PKCE verifier or, where that is empty, without one.

    The Hub takes the client's credentials in the body only.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    return HubRequest("POST", "oauth2/token", form=form | ({"code_verifier": verifier} if verifier else {}))


def read_exchange(reply: HubReply) -> TokenReply:
    """Raises TokenRequestError for a bad code or verifier, HubRefusedServiceError where our registration is wrong."""
    error = _json_object(reply).get("error")
    has_name = isinstance(error, str)
    if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and (has_name or _is_from_hub(reply)):
        raise HubRefusedServiceError(reason="the Hub does not accept our client id and API token")
    if reply.status == HTTPStatus.BAD_REQUEST and has_name and error in {"invalid_grant", "invalid_request"}:
        raise TokenRequestError("invalid_grant", "The code is wrong, was used before, or is too old. Sign in again.")
    if reply.status == HTTPStatus.BAD_REQUEST and has_name:
        raise HubRefusedServiceError(reason="the Hub refuses our token request; compare oauth_redirect_uri")
    return read(reply, TokenReply, HTTPStatus.OK)


def read_demands_verifier(reply: HubReply) -> bool:
    """Say whether a code, sent without its verifier, is exchanged with that alone. Raises as `read_exchange`.

    JupyterHub 5 exchanges every code without one, later versions those that were asked for without a challenge.
    """
    if reply.status == HTTPStatus.BAD_REQUEST and _json_object(reply).get("error") == "invalid_request":
        return True  # oauthlib, validate_token_request: the code is known and stays good
    read_exchange(reply)
    return False


# Password for token


def issue(
    *, username: str, password: str, scopes: Sequence[str], expires_in: int, note: str, address: str
) -> HubRequest:
    """Ask for a token of a user who gives their password. `expires_in` in seconds.

    Carries no Authorization header: with one that may make tokens for others the Hub would not look at the password.
    `address` is the user's, if it is one, so that a Hub that counts passwords by address does not count all as ours.
    """
    body = {
        "auth": {"username": username, "password": password},
        "scopes": list(scopes),
        "expires_in": expires_in,
        "note": note,
    }
    headers = {"X-Forwarded-For": address} if _is_address(address) else {}
    return HubRequest("POST", f"users/{segment(username)}/tokens", headers=headers, json=body)


def read_issued(reply: HubReply) -> IssuedToken:
    """Return the token.

    Raises:
        TokenRequestError: a wrong password, a scope the user has not, or a lifetime the Hub does not allow.
        ThrottledError: the Hub's authenticator has looked at too many passwords.

    """
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS and _is_from_hub(reply):
        raise ThrottledError(_retry_after(reply))
    if reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} and _is_from_hub(reply):
        raise TokenRequestError("invalid_grant", "The user name or the password is wrong.")
    if reply.status == HTTPStatus.BAD_REQUEST and _is_from_hub(reply):
        message = str(_json_object(reply).get("message", ""))
        if "expires_in" in message:
            raise TokenRequestError("invalid_request", "The Hub does not allow a token to live that long.")
        raise TokenRequestError("invalid_scope", "A requested scope does not exist, or this user does not have it.")
    return read(reply, IssuedToken, HTTPStatus.CREATED)


# Away with it


def revoke(token: str, *, name: str, token_id: str) -> HubRequest:
    """Delete a user's token, signed with itself."""
    return HubRequest("DELETE", f"users/{segment(name)}/tokens/{segment(token_id)}", headers=authorized(token))


def read_revoked(reply: HubReply) -> None:
    """Raises RevokeRefusedError if the token may not delete itself. One that is gone already is gone."""
    if reply.status == HTTPStatus.NO_CONTENT:
        return
    if reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} and _is_from_hub(reply):
        raise RevokeRefusedError
    raise_unusable(reply)


def version() -> HubRequest:
    """Ask for the Hub's version, which anybody may."""
    return HubRequest("GET", "")


def read_version(reply: HubReply) -> str:
    """Return the version, such as `6.1.1`."""
    found = _json_object(reply).get("version")
    if reply.status != HTTPStatus.OK or not isinstance(found, str):
        raise_unusable(reply)
    return found


def segment(text: str) -> str:
    """Encode one segment of a path; `.` and `..` too, or a password would go to another endpoint than the one meant."""
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")


def read(reply: HubReply, model: type[Model], status: HTTPStatus) -> Model:
    """Return what a reply of that status says; raises HubUnavailableError for any other."""
    if reply.status != status:
        raise_unusable(reply)
    try:
        return model.model_validate_json(reply.body)
    except ValidationError:
        raise HubUnavailableError(reason="its reply does not have the expected form") from None


def raise_unusable(reply: HubReply) -> NoReturn:
    """Raises HubUnavailableError, which says nothing but the status."""
    raise HubUnavailableError(reason=f"it answered with status {reply.status}", retry_after=_retry_after(reply))


def _retry_after(reply: HubReply) -> int:
    """In how many seconds to come back, as the Hub says it."""
    return min(int(reply.retry_after), 300) if _SECONDS.fullmatch(reply.retry_after) else 5


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _json_object(reply: HubReply) -> dict[str, Any]:
    try:
        found = from_json(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_from_hub(reply: HubReply) -> bool:
    """Whether a refusal is the Hub's own; a proxy's or firewall's 403 says nothing of a token.

    The Hub repeats the status in the body: jupyterhub/apihandlers/base.py, write_error.
    """
    return _json_object(reply).get("status") == reply.status


def hub_message(reply: HubReply) -> str | None:
    """Return the words of a refusal that is the Hub's own, "" where there are none; None if it is somebody else's."""
    return str(_json_object(reply).get("message") or "") if _is_from_hub(reply) else None
