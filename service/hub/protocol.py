"""Calls about tokens: who holds one, how to get one, how to delete one. Also the Hub's version.

Sources: the Hub's REST API (https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html),
`jupyterhub/apihandlers/users.py`, `jupyterhub/oauth/provider.py`. Holds for JupyterHub 5.5 and 6.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from pydantic import SecretStr

from service.addresses import parsed_address
from service.errors import ThrottledError
from service.hub.call import Call, HubReply, json_object, raise_unusable, read_model, refusal, retry_after, segment
from service.hub.errors import (
    HubRefusedServiceError,
    InvalidTokenError,
    NameRefusedError,
    RevokeRefusedError,
    TokenRequestError,
)
from service.hub.models import Identity, IssuedToken, TokenReply
from service.hub.oauth import Client

# What the Hub says where the password is right and the token is asked for under another name (apihandlers/users.py).
_NAME_REFUSED = "not found or no permissions to generate tokens"
_WRONG_PASSWORD = (
    "The user name or the password is wrong, or the Hub has no such user yet: then sign in in a browser once."  # noqa: S105
)


def identify(token: str) -> Call[Identity]:
    """Ask who holds `token`. It signs the request itself, so the service needs no rights for this.

    Raises:
        InvalidTokenError: the Hub does not know the token.
    """
    return Call("GET", "user", _read_identity, token=token)


def identify_self() -> Call[Identity]:
    """Ask who the service is to the Hub. Raises HubRefusedServiceError if the Hub does not know its token."""
    return Call("GET", "user", _read_own_identity, as_service=True)


def _read_identity(reply: HubReply) -> Identity:
    if reply.status == HTTPStatus.FORBIDDEN and refusal(reply) is not None:
        raise InvalidTokenError
    return read_model(reply, Identity, HTTPStatus.OK)


def _read_own_identity(reply: HubReply) -> Identity:
    try:
        return _read_identity(reply)
    except InvalidTokenError:
        raise HubRefusedServiceError(reason="the Hub does not know JUPYTERHUB_API_TOKEN") from None


def version() -> Call[str]:
    """Ask for the Hub's version, such as `6.1.1`. Needs no token."""
    return Call("GET", "", _read_version)


def _read_version(reply: HubReply) -> str:
    found = json_object(reply).get("version")
    if reply.status != HTTPStatus.OK or not isinstance(found, str):
        raise_unusable(reply)
    return found


def exchange(client: Client, code: str, *, verifier: str) -> Call[TokenReply]:
    """Exchange an authorization code for a token (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

    Raises:
        TokenRequestError: the code or its PKCE verifier is wrong.
        HubRefusedServiceError: the service is registered wrongly.
    """
    return Call("POST", "oauth2/token", _read_exchange, form=_code(client, code) | {"code_verifier": verifier})


def demands_verifier(client: Client, code: str) -> Call[bool]:
    """Ask whether an authorization code can only be exchanged with its PKCE verifier. Raises as `exchange`.

    The code is sent without a verifier, which uses it up if the answer is no: JupyterHub 5 takes every code like that,
    later versions those that were requested without a challenge.
    """
    return Call("POST", "oauth2/token", _read_demands_verifier, form=_code(client, code))


def _code(client: Client, code: str) -> dict[str, str]:
    """Return the form for a code. The Hub takes the client's credentials in the body only."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "client_id": client.client_id,
        "client_secret": client.client_secret.get_secret_value(),
    }


def _read_exchange(reply: HubReply) -> TokenReply:
    error = json_object(reply).get("error")
    has_name = isinstance(error, str)
    if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and (has_name or refusal(reply) is not None):
        raise HubRefusedServiceError(reason="the Hub does not accept our client id and API token")
    if reply.status == HTTPStatus.BAD_REQUEST and has_name and error in {"invalid_grant", "invalid_request"}:
        raise TokenRequestError("invalid_grant", "The code is wrong, was used before, or is too old. Sign in again.")
    if reply.status == HTTPStatus.BAD_REQUEST and has_name:
        raise HubRefusedServiceError(reason="the Hub refuses our token request; compare oauth_redirect_uri")
    return read_model(reply, TokenReply, HTTPStatus.OK)


def _read_demands_verifier(reply: HubReply) -> bool:
    if reply.status == HTTPStatus.BAD_REQUEST and json_object(reply).get("error") == "invalid_request":
        return True  # oauthlib, validate_token_request: the code is known, and can still be used
    _read_exchange(reply)
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A name and a password. `address` is the IP address they came from; the Hub may count passwords by it."""

    username: str
    password: SecretStr = field(repr=False)
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The token that is wanted; `expires_in` in seconds."""

    scopes: Sequence[str]
    expires_in: int
    note: str


def issue(wish: Wish, credentials: Credentials, *, name: str) -> Call[IssuedToken]:
    """Ask for a token of the user `name`, who gives a password.

    The call is not signed: with a token that may make tokens for others, the Hub would not look at the password.

    Raises:
        NameRefusedError: the password is right, and the Hub knows this user by another name than `name`.
        TokenRequestError: the password is wrong, the user does not have a scope, or the Hub allows no such lifetime.
        ThrottledError: the Hub's authenticator has checked too many passwords.
    """
    auth = {"username": credentials.username, "password": credentials.password.get_secret_value()}
    headers = {"X-Forwarded-For": credentials.address} if parsed_address(credentials.address) is not None else {}
    return Call("POST", _tokens_of(name), _read_issued, headers=headers, json={"auth": auth, **_body(wish)})


def issue_more(wish: Wish, *, name: str, token: str) -> Call[IssuedToken]:
    """Ask for another token of the user `name`, signed with one that they have. Raises TokenRequestError."""
    return Call("POST", _tokens_of(name), _read_issued_more, token=token, json=_body(wish))


def _tokens_of(name: str) -> str:
    return f"users/{segment(name)}/tokens"


def _body(wish: Wish) -> dict[str, object]:
    return {"scopes": list(wish.scopes), "expires_in": wish.expires_in, "note": wish.note}


def _read_issued(reply: HubReply) -> IssuedToken:
    message = refusal(reply)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS and message is not None:
        raise ThrottledError(retry_after(reply))
    if reply.status == HTTPStatus.FORBIDDEN and _NAME_REFUSED in (message or ""):
        raise NameRefusedError
    if reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} and message is not None:
        raise TokenRequestError("invalid_grant", _WRONG_PASSWORD)
    return _read_issued_more(reply)


def _read_issued_more(reply: HubReply) -> IssuedToken:
    message = refusal(reply)
    if reply.status == HTTPStatus.BAD_REQUEST and message is not None:
        if "expires_in" in message:
            raise TokenRequestError("invalid_request", "The Hub does not allow a token to live that long.")
        raise TokenRequestError("invalid_scope", "A requested scope does not exist, or this user does not have it.")
    return read_model(reply, IssuedToken, HTTPStatus.CREATED)


def issue_for_code(service: str, *, code: str, user: str, expires_in: int, machine: str) -> Call[IssuedToken]:
    """Exchange an authorization code of our client for a token that outlives the browser's session.

    The Hub answers this where `register(shell_sign_in=True)` has added `service.registration.shell_tokens`. It uses the
    code up, and the token has its scopes.

    Raises:
        TokenRequestError: the code is wrong, too old, used already, or another user's than `user`.
        HubRefusedServiceError: the Hub has no such handler.
    """
    wanted = {"code": code, "user": user, "expires_in": expires_in, "machine": machine}
    return Call("POST", _shell_tokens_of(service), _read_issued_for_code, as_service=True, json=wanted)


def _shell_tokens_of(service: str) -> str:
    return f"services/{segment(service)}/shell-tokens"


def _read_issued_for_code(reply: HubReply) -> IssuedToken:
    if reply.status == HTTPStatus.BAD_REQUEST and refusal(reply) is not None:
        raise TokenRequestError("invalid_grant", "The code is wrong, was used before, or is too old. Begin again.")
    if reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} and refusal(reply) is not None:
        raise HubRefusedServiceError(reason="it makes no tokens for shells: set register(shell_sign_in=True)")
    return read_model(reply, IssuedToken, HTTPStatus.CREATED)


def revoke_shell_token(service: str, token: str) -> Call[None]:
    """Delete a token that `issue_for_code` has made, signed with itself.

    Raises:
        RevokeRefusedError: the token is another one, or the Hub has no such handler.
    """
    return Call("DELETE", _shell_tokens_of(service), _read_revoked, token=token)


def revoke(token: str, *, name: str, token_id: str) -> Call[None]:
    """Delete a user's token, signed with itself.

    Raises:
        RevokeRefusedError: the token may not delete itself.
    """
    return Call("DELETE", f"{_tokens_of(name)}/{segment(token_id)}", _read_revoked, token=token)


def _read_revoked(reply: HubReply) -> None:
    if reply.status == HTTPStatus.NO_CONTENT:
        return
    if reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} and refusal(reply) is not None:
        raise RevokeRefusedError
    raise_unusable(reply)
