"""Forward-auth: before each request to an application of any kind, a proxy asks whether its sender may come in.

nginx asks by `auth_request`, Traefik by `ForwardAuth`, Caddy by `forward_auth`. The proxy sends a GET of its own, with
the headers of the original request. `original_scope` puts the original request together again, which is then judged
like a request to `Hub.protect`. See docs/operate/forward-auth.md.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.requests import HTTPConnection
from starlette.types import Scope

from service.auth import login
from service.auth.cookies import (
    SESSION_ID_COOKIE,
    auth_cookie_name,
    link_cookie_name,
    shell_cookie_name,
    state_cookies_among,
)
from service.auth.errors import ForwardedRequestError, NotSignedInError
from service.auth.fetch_metadata import is_browser
from service.auth.guard import Guard
from service.auth.hosts import has_own_host
from service.auth.identification import SignedInByUrl, path_and_query
from service.auth.pages import problem_page
from service.auth.policy import Paths
from service.auth.problems import count_and_log, problem_of, problem_response
from service.auth.protection import judge
from service.auth.refusals import clear_conflict
from service.auth.state import state_of
from service.errors import ServiceError
from service.hub.models import Identity
from service.hub.scopes import Mode
from service.settings import Settings

Header = tuple[bytes, bytes]

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")  # RFC 9110 section 5.6.2
_ADDRESS = re.compile(r"/[^\x00-\x20\x7f]*")
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}  # Traefik says wss for a WebSocket
# Not copied: the host is set anew, and a token in a subprotocol would be shown to the application.
_NOT_THEIRS = {b"host", b"sec-websocket-protocol"}
# Not encoded in names: these characters separate no names, and mean nothing in a header.
_PLAIN = "@+/"
_RETRY_AFTER = "5"  # seconds, where an error does not say it


class Demand(BaseModel):
    """What the proxy requires besides access to the service: all `scope`s, or one of them with `satisfy=any`.

    `redirect`: whether somebody who opens a page is sent to sign in by a 302, for proxies that pass the answer on as it
    is. Other parameters are refused: with a misspelled `scope` nothing would be required.
    """

    model_config = ConfigDict(extra="forbid")

    scope: list[Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+$")]] = []
    satisfy: Mode = "all"
    redirect: bool = False


def problem_with(settings: Settings) -> str:
    """Say what keeps forward-auth from being sound with these settings; an empty string if nothing does."""
    lacks = []
    if not has_own_host(settings):
        lacks.append(
            "a host of its own: PUBLIC_HOST is the application's origin, and JUPYTERHUB_HOST the Hub's, on another host"
        )
    elif not settings.public_origin.startswith("https:"):
        lacks.append("https: over plain http browsers do not say who asks, and keep no __Host- cookies")
    if not settings.cookie_host_prefix:
        lacks.append("cookies that no other host can set: JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED=1")
    return f"Forward-auth needs {'; and '.join(lacks)}." if lacks else ""


def problem_with_service(settings: Settings) -> str:
    """As `problem_with`, for our own service where SERVICE_FORWARD_AUTH is on."""
    if settings.apps or settings.routers:
        return (
            "SERVICE_FORWARD_AUTH: the pages of the application behind the proxy have this service's origin, and could"
            " do there whatever their reader may: run SERVICE_APPS and SERVICE_ROUTERS in another service."
        )
    problem = problem_with(settings)
    return f"SERVICE_FORWARD_AUTH: {problem}" if problem else ""


def original_scope(scope: Scope, settings: Settings) -> Scope:
    """Return the ASGI scope of the request that a proxy asks about, as far as it has to be known to judge it.

    nginx names it in `X-Original-Method` and `X-Original-URI`, and leaves `Host` as it was; Traefik and Caddy in
    `X-Forwarded-Method`, `-Uri`, `-Host` and `-Proto`. Without a method it counts as a POST, the strictest case.

    Raises:
        ForwardedRequestError: two headers contradict each other, one is malformed, or another origin is meant.
    """
    headers: list[Header] = list(scope["headers"])
    method = _said(headers, b"x-original-method", b"x-forwarded-method") or "POST"
    address = _said(headers, b"x-original-uri", b"x-forwarded-uri") or "/"
    host = (_said(headers, b"x-forwarded-host") or _said(headers, b"host")).lower()
    own = urlsplit(settings.public_origin)
    scheme = _SCHEMES.get(_said(headers, b"x-forwarded-proto") or own.scheme)
    if not _METHOD.fullmatch(method) or not _ADDRESS.fullmatch(address) or (scheme, host) != (own.scheme, own.netloc):
        raise ForwardedRequestError
    path, _, query = address.partition("?")
    original = {
        **scope,
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(b"host", host.encode("latin-1")), *(each for each in headers if each[0] not in _NOT_THEIRS)],
    }
    if _is_handshake(headers):
        del original["method"]
        original["type"] = "websocket"
    return original


def _said(headers: Iterable[Header], *names: bytes) -> str:
    """Return the value of the headers by these names; an empty string where there are none.

    Raises:
        ForwardedRequestError: they have several values.
    """
    values = {value for name, value in headers if name in names}
    if len(values) > 1:
        raise ForwardedRequestError
    return values.pop().decode("latin-1") if values else ""


def _is_handshake(headers: Iterable[Header]) -> bool:
    """Whether a WebSocket is to be opened. Some proxies drop `Upgrade`; every handshake has the key."""
    return any(
        name == b"sec-websocket-key" or (name == b"upgrade" and b"websocket" in value.lower())
        for name, value in headers
    )


def identity_headers(identity: Identity) -> dict[str, str]:
    """Return who is calling, by oauth2-proxy's names and by Authelia's.

    Names are percent-encoded as UTF-8, but for letters, digits and ``-._~@+/``. So none holds a comma, which separates
    groups, or ends a header. A service of the Hub is `service:` and its name, which is no user's name.
    """
    name = _encoded(identity.name)
    user = name if identity.kind == "user" else f"{_encoded(identity.kind)}:{name}"
    groups = ",".join(map(_encoded, identity.groups))
    return {"X-Auth-Request-User": user, "X-Auth-Request-Groups": groups, "Remote-User": user, "Remote-Groups": groups}


def _encoded(name: str) -> str:
    return quote(name, safe=_PLAIN)


def cookies_of_others(headers: Iterable[Header], settings: Settings) -> str:
    """Return the Cookie header for the application: without our cookies, and without the Hub's session."""
    sent = (value.decode("latin-1").split(";") for name, value in headers if name == b"cookie")
    cookies = [cookie.strip() for part in sent for cookie in part]
    names = [cookie.partition("=")[0].strip() for cookie in cookies]
    ours = {
        auth_cookie_name(settings),
        link_cookie_name(settings),
        shell_cookie_name(settings),
        SESSION_ID_COOKIE,
        *state_cookies_among(settings, names),
    }
    return "; ".join(cookie for cookie, name in zip(cookies, names, strict=True) if cookie and name not in ours)


def add_routes(router: APIRouter, paths: Paths) -> None:
    """Add the route at which proxies ask."""
    router.add_api_route(paths.auth, answer, methods=["GET"], name="hub_auth", include_in_schema=False)


async def answer(request: Request, demand: Annotated[Demand, Query()]) -> Response:
    """Answer a proxy: 200 and who is calling, or 401, 403 or 503; with `redirect` a 302 for somebody who opens a page.

    The headers `Cookie` and `Authorization` of a 200 are those for the application. It gets no Authorization: one that
    was let in holds a token of the Hub.
    """
    settings = state_of(request).context.settings
    try:
        original = HTTPConnection(original_scope(request.scope, settings))
    except ForwardedRequestError as error:
        return _refusal(request, error, redirect=False)
    try:
        identity = await judge(original, _guard(tuple(demand.scope), demand.satisfy))
    except SignedInByUrl:  # its token must not stay in the address; they sign in as everybody does
        return _refusal(original, NotSignedInError(), redirect=demand.redirect)
    except ServiceError as error:
        return _refusal(original, error, redirect=demand.redirect)
    cookies = cookies_of_others(request.scope["headers"], settings)  # said also if empty: see the Caddyfile
    return Response(headers={"Cache-Control": "no-store", "Cookie": cookies, **identity_headers(identity)})


@lru_cache(maxsize=128)  # a proxy asks for the same few
def _guard(scopes: tuple[str, ...], mode: Mode) -> Guard:
    return Guard(*scopes, mode=mode)


def _refusal(conn: HTTPConnection, error: ServiceError, *, redirect: bool) -> Response:
    """Answer with one of the statuses that proxies know: to nginx any other is a failure of ours."""
    count_and_log(conn, error)
    clear_conflict(conn, error)
    status = _status(error.status)
    headers = {"Cache-Control": "no-store", **error.headers()}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", _RETRY_AFTER)
    if status == HTTPStatus.UNAUTHORIZED and login.offers_sign_in(conn, state_of(conn).policy.sign_in):
        headers["Location"] = _sign_in_address(conn)
        if redirect:
            return Response(status_code=HTTPStatus.FOUND, headers=headers)
    problem = problem_of(error).model_copy(update={"status": status, "title": status.phrase})
    if is_browser(conn):
        return problem_page(conn, problem, sign_in=status == HTTPStatus.UNAUTHORIZED, headers=headers)
    return problem_response(problem, headers)


def _status(status: int) -> HTTPStatus:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.UNAUTHORIZED if status == HTTPStatus.UNAUTHORIZED else HTTPStatus.FORBIDDEN


def _sign_in_address(conn: HTTPConnection) -> str:
    """Return where to sign in, to come back to the address that was asked for."""
    state = state_of(conn)
    settings, path = state.context.settings, state.policy.paths.login.removeprefix("/")
    next_url = quote(login.safe_next(conn, path_and_query(conn)), safe="")
    return f"{settings.public_origin}{settings.prefix}{path}?next={next_url}"
