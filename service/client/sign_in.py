"""Signing in at a shell: the link for the browser, the exchange of the code that it shows, and signing out.

The service's side is `service.auth.shell`. The command keeps a verifier to itself; the link has its challenge (RFC
7636), so a code is of use to this command alone.
"""

import getpass
import re
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from service.addresses import is_loopback
from service.client import address
from service.client.address import AddressUnknownError
from service.client.errors import ClientError, UnreachableError, problem_of
from service.client.kept import Kept
from service.pkce import pkce_challenge

_NOT_OF_A_MACHINE = re.compile(r"[^A-Za-z0-9._@-]")  # the service shows no others
_CODE_BEGINS = "shell."  # with this the service's codes begin (service.hub.shell_codes)
_TIMEOUT = 30.0  # seconds
_WAS_DELETED = 204
_IS_UNKNOWN = "invalid_token"  # what the service answers; a 401 alone may be a proxy's
_LONGEST = 36_525 * 24 * 3600  # seconds; more than any command asks for


class CodeError(ClientError):
    """The service does not accept the code. Another one may do."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that has begun: the link to open, and the secret of this command."""

    url: str
    link: str
    verifier: str = field(repr=False)


def checked(url: str) -> str:
    """Return the address of a service with a slash at its end.

    Raises:
        AddressUnknownError: it is none, or everybody on the way could read what is sent there.
    """
    found = address.with_slash(url)
    here = httpx.URL(found)
    if here.scheme != "https" and not is_loopback(here.host):
        raise AddressUnknownError(f"{found}: a token must go by https, or stay on this machine.")
    return found


def begin(url: str, *, lifetime: int, scopes: Sequence[str] = ()) -> Attempt:
    """Begin a sign-in at the service at `url`. Nothing is sent yet.

    Args:
        url: the address of the service, as `checked` returns it.
        lifetime: seconds that the token is to live. The operator may allow less.
        scopes: those that the token is to have; by default those of a browser's sign-in.
    """
    verifier = secrets.token_urlsafe(32)
    query = {"challenge": pkce_challenge(verifier), "machine": _machine(), "lifetime": str(lifetime)}
    if scopes:
        query["scope"] = " ".join(scopes)
    return Attempt(url, f"{url}login/shell?{urlencode(query)}", verifier)


def finish(attempt: Attempt, code: str, *, transport: httpx.BaseTransport | None = None) -> tuple[Kept, str]:
    """Exchange the code that the browser has shown for a token. Return it with the name of its owner.

    Raises:
        CodeError: the code is wrong, of another command, was used before, or is too old; or it is none of the
            service's, and was not sent: it may be a password that was pasted here by mistake.
        ProblemError: the service answered with another error.
        UnreachableError: no answer came. The code may have been used up.
    """
    if not code.startswith(_CODE_BEGINS):
        raise CodeError(f'This is no code, or not all of one. It begins with "{_CODE_BEGINS}": copy the whole code.')
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": attempt.verifier}
    answer = _sent(attempt.url, "token", transport, form=form)
    found = _json(answer)
    token, lifetime = found.get("access_token"), found.get("expires_in")
    is_time = lifetime is None or (type(lifetime) is int and 0 < lifetime <= _LONGEST)
    if answer.is_success and isinstance(token, str) and address.is_token(token) and is_time:
        expires_at = time.time() + lifetime if lifetime else None
        return Kept(attempt.url, token, expires_at), str(found.get("user") or "")
    if found.get("error") in {"invalid_grant", "unsupported_grant_type"}:
        raise CodeError(str(found.get("error_description") or "The service does not accept this code."))
    raise problem_of(answer)


def end(kept: Kept, *, transport: httpx.BaseTransport | None = None) -> None:
    """Delete the token of a sign-in at the Hub. One that is unknown there is gone already.

    Raises:
        ProblemError: the service does not delete it.
        UnreachableError: no answer came.
    """
    answer = _sent(kept.url, "logout", transport, token=kept.token)
    if answer.status_code != _WAS_DELETED and (problem := problem_of(answer)).code != _IS_UNKNOWN:
        raise problem


def _sent(
    url: str,
    path: str,
    transport: httpx.BaseTransport | None,
    *,
    form: Mapping[str, str] | None = None,
    token: str = "",
) -> httpx.Response:
    """POST to a route of the service. No redirect is followed: what is sent is meant for this address alone."""
    here = httpx.URL(url)
    headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    mounts = {f"all://{here.netloc.decode()}": None} if is_loopback(here.host) else None  # no proxy is on the way
    try:
        with httpx.Client(timeout=_TIMEOUT, transport=transport, mounts=mounts) as http:
            return http.post(f"{url}{path}", headers=headers, data=form)
    except httpx.TransportError as error:
        raise UnreachableError(f"{url} does not answer: {str(error) or type(error).__name__}.") from error


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _machine() -> str:
    """Return what this machine calls itself and its user, for the page and for the Hub's list of tokens."""
    name = socket.gethostname()
    with suppress(OSError, KeyError, ImportError):  # nobody knows this user's name
        name = f"{getpass.getuser()}@{name}"
    return _NOT_OF_A_MACHINE.sub("-", name)[:64]
