"""Finds the credential of a request. Whether it is valid is not decided here."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from urllib.parse import parse_qsl

from starlette.types import Scope

from service.auth.cookies import SESSION_ID_COOKIE, auth_cookie_name, come_without_the_hubs
from service.auth.errors import CookieConflictError, HeadersTooLargeError
from service.hub.errors import InvalidTokenError
from service.hub.sealing import Sealer
from service.settings import Settings

# The Hub's own pattern (jupyterhub/handlers/base.py, auth_header_pat), so that a header means the same to both.
_AUTHORIZATION = re.compile(r"(?:token|bearer)\s+(\S+)", re.IGNORECASE)
# A header of any other scheme is meant for somebody else, such as a web server in front that asks for a password.
_OUR_SCHEME = re.compile(r"\s*(?:token|bearer)(?:\s|$)", re.IGNORECASE)
# https://github.com/jupyter/enhancement-proposals/pull/121: browsers cannot set headers on a WebSocket.
_SUBPROTOCOL = "v1.token.websocket.jupyter.org."
_MAX_SESSION = 512  # characters of the Hub's session ids; one for each Hub at a path above ours, 32 characters each
_MAX_HEADER = 8192  # bytes of an Authorization header or of subprotocols that we are willing to look at
_MAX_COOKIES_SIZE = 16 * 1024  # bytes; Node, and so the Hub's proxy, accepts no more for all headers together
# A cookie younger than this is from a sign-in that has just ended. If its session does not fit, the user is told:
# another redirect to the Hub would end in the same way, again and again.
_JUST_NOW = 60.0  # seconds


class Source(Enum):
    """Where the credential was found."""

    HEADER = auto()
    URL = auto()
    SUBPROTOCOL = auto()
    COOKIE = auto()


@dataclass(slots=True)  # not frozen: one is made for every request, and that takes three times as long
class Credential:
    """A token as it was sent.

    `session_id`: for a token from our cookie, the session ids of the Hub that were sent with it (`session_of`).
    `begun`: when that cookie was made, in seconds since the epoch; 0 if it does not say, and for other sources.
    """

    token: str = field(repr=False)
    source: Source
    session_id: str = field(default="", repr=False)
    begun: float = field(default=0.0, repr=False, compare=False)


def find_credential(scope: Scope, *, settings: Settings, session_sealer: Sealer) -> Credential | None:
    """Return the credential of an ASGI request, in this order: header, URL, WebSocket subprotocol, cookie.

    An Authorization header of a scheme that is not ours, such as `Basic`, is ignored.

    Raises:
        InvalidTokenError: the Authorization header has our scheme, and is malformed.
        HeadersTooLargeError: cookies or subprotocols are longer than any that could be meant for us.
        CookieConflictError: there are several cookies of our name, or one that does not fit the Hub's session cookies.
    """
    authorization, cookies, subprotocols = _headers(scope)
    if authorization and (token := _from_authorization(authorization)):
        return Credential(token, Source.HEADER)
    if settings.allow_token_in_url and (token := token_in_url(scope["query_string"])):
        return Credential(token, Source.URL)
    if scope["type"] == "websocket" and (token := _from_subprotocols(subprotocols)):
        return Credential(token, Source.SUBPROTOCOL)
    return _from_cookies(cookies, settings=settings, sealer=session_sealer)


def find_cookie_credential(scope: Scope, *, settings: Settings, session_sealer: Sealer) -> Credential | None:
    """Return the credential in our cookie, whatever else the request carries."""
    return _from_cookies(_headers(scope)[1], settings=settings, sealer=session_sealer)


def seal_session(sealer: Sealer, token: str, *, session_id: str, lifetime: timedelta) -> str:
    """Return the value of our cookie: the token, the session in which it was given (`session_of`), and the time."""
    return sealer.seal(f"{token} {session_id} {datetime.now(UTC).timestamp():.6f}", lifetime=lifetime)


def hub_session_id(scope: Scope) -> str:
    """Return the session id that the Hub would use, which is the last one sent; an empty string if there is none."""
    return dict(cookie_pairs(scope)).get(SESSION_ID_COOKIE, "")


def session_of(scope: Scope) -> str:
    """Return all session ids that the browser sends, sorted and joined by `;`: Hubs at `/` and at `/dev/` both set one.

    Raises:
        CookieConflictError: they do not look like those that Hubs set.
    """
    return _session_among(cookie_pairs(scope))


def token_in_url(query_string: bytes) -> str:
    """Return the `token` parameter of a query, or an empty string."""
    if b"token" not in query_string and b"%" not in query_string:
        return ""
    return next((value for name, value in parse_qsl(query_string.decode("latin-1")) if name == "token"), "")


def cookie_pairs(scope: Scope) -> Iterator[tuple[str, str]]:
    """Yield name and value of every cookie sent, in order; one name may come more than once."""
    return _pairs(_headers(scope)[1])


def _headers(scope: Scope) -> tuple[list[str], list[str], list[str]]:
    """Pick the three headers in one pass: this runs on every request. Raises HeadersTooLargeError."""
    authorization: list[str] = []
    cookies: list[str] = []
    subprotocols: list[str] = []
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization.append(value.decode("latin-1"))
        elif name == b"cookie":
            cookies.append(value.decode("latin-1"))
        elif name == b"sec-websocket-protocol":
            subprotocols.append(value.decode("latin-1"))
    if (cookies and sum(map(len, cookies)) > _MAX_COOKIES_SIZE) or (
        subprotocols and sum(map(len, subprotocols)) > _MAX_HEADER
    ):
        raise HeadersTooLargeError
    return authorization, cookies, subprotocols


def _from_authorization(values: list[str]) -> str:
    """Return the token; an empty string if no header has our scheme.

    Two headers are refused if one of them has it: a proxy could read one of them, and we the other.
    """
    if len(values) == 1 and len(values[0]) <= _MAX_HEADER and (match := _AUTHORIZATION.fullmatch(values[0].strip())):
        return match[1]
    if any(map(_OUR_SCHEME.match, values)):
        raise InvalidTokenError("The Authorization header must be: Bearer <token>.")
    return ""


def _from_subprotocols(values: list[str]) -> str:
    offered = (part.strip() for value in values for part in value.split(","))
    return next((part.removeprefix(_SUBPROTOCOL) for part in offered if part.startswith(_SUBPROTOCOL)), "")


def _from_cookies(values: list[str], *, settings: Settings, sealer: Sealer) -> Credential | None:
    """Read our cookie. Any page of our origin may have set it, to a value that we sealed for another session.

    It needs the Hub's session cookie: the Hub's is gone when the browser closes, and signing out there then deletes the
    tokens of a later session alone. Where the Hub's cookie does not reach us, ours was sealed without a session.
    """
    pairs = list(_pairs(values))
    name = auth_cookie_name(settings)
    ours = {value for key, value in pairs if key == name}
    if not ours:
        return None
    if len(ours) > 1:
        raise CookieConflictError
    token, sealed_session, time = [*(sealer.open(ours.pop()) or "").split(" "), "", ""][:3]
    session, begun = _session_among(pairs), float(time or 0)
    if token and (session == sealed_session or (not session and come_without_the_hubs(settings))):
        return Credential(token, Source.COOKIE, session, begun)
    if datetime.now(UTC).timestamp() - begun < _JUST_NOW and not _ids(session).isdisjoint(_ids(sealed_session)):
        raise CookieConflictError  # the session is still the same, but a part of its ids is sent at some paths only
    return None


def _session_among(pairs: Iterable[tuple[str, str]]) -> str:
    session = ";".join(sorted({value for name, value in pairs if name == SESSION_ID_COOKIE and value}))
    if len(session) > _MAX_SESSION or " " in session:
        raise CookieConflictError
    return session


def _ids(session: str) -> set[str]:
    return set(session.split(";")) - {""}


def _pairs(values: list[str]) -> Iterator[tuple[str, str]]:
    for value in values:
        for pair in value.split(";"):
            name, equals, text = pair.strip().partition("=")
            if equals:
                yield name, text.strip('"')
