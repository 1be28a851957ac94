"""From a request to the Identity behind it, and what routes ask of it.

A router of your own needs two names from here: `CurrentUser`, and `require("custom:scope")`.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, cast

from fastapi import Security
from fastapi.openapi.models import OAuth2, OAuthFlows
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from service.context import Context
from service.errors import (
    AdminRequiredError,
    InsufficientScopeError,
    InvalidTokenError,
    NotSignedInError,
    OriginError,
    ServiceError,
)
from service.hub.models import Identity
from service.hub.scopes import Mode
from service.web.cookies import auth_cookie_name, cleared, is_secure, xsrf_cookie
from service.web.credentials import Credential, Source, cookie_pairs, find_credential
from service.web.xsrf import check_origin, check_xsrf, is_page_load, xsrf_token

SCHEME = "JupyterHub"

# Raises a NotAdmittedError to keep an identified caller out; asked on every route but signing in, out and seeing
# oneself.
Veto = Callable[[Identity, HTTPConnection], Awaitable[None]]


class SignedInByUrl(Exception):  # noqa: N818 - a way of answering, not an error
    """A page was opened with a good token in its address: the answer is the same page without it."""

    def __init__(self, credential: Credential, identity: Identity) -> None:
        self.credential = credential
        self.identity = identity
        super().__init__("signed in by URL")


class Guard(SecurityBase):
    """A dependency that lets in who holds an access scope and `scopes`; the Identity is its value.

    One object judges all: as separate FastAPI security schemes the same costs a quarter of a warm request.
    """

    def __init__(self, *scopes: str, mode: Mode = "all", admin: bool = False, vetoed: bool = True) -> None:
        self.model = OAuth2(flows=OAuthFlows())  # `service.web.docs` fills in the addresses
        self.scheme_name = SCHEME
        self.scopes = scopes
        self.mode = mode
        self.admin = admin
        self.vetoed = vetoed

    async def __call__(self, conn: HTTPConnection) -> Identity:
        """Raises NotSignedInError, InvalidTokenError, XsrfError, InsufficientScopeError, HubUnavailableError, …."""
        identity = await identify(conn)
        access = context_of(conn).settings.access_scopes
        if not identity.held.covers_any(access):
            raise InsufficientScopeError(access, mode="any")
        if self.scopes and (missing := identity.held.missing(self.scopes, mode=self.mode)):
            raise InsufficientScopeError(missing, mode=self.mode)
        if self.admin and not identity.admin:
            raise AdminRequiredError
        if self.vetoed:
            for veto in conn.scope["state"]["admit"]:
                await veto(identity, conn)
        return identity


def require(*scopes: str, mode: Mode = "all") -> Any:  # noqa: ANN401 - FastAPI's own type for it
    """Return a dependency that demands scopes of the caller's token, all of them or, with `mode="any"`, one.

    Use it in `dependencies=[require("custom:x:read")]` or, where the handler wants to know who it is, in
    `Annotated[Identity, require("custom:x:read")]`. Its scopes appear in the OpenAPI document.
    """
    return Security(Guard(*scopes, mode=mode), scopes=list(scopes))


CurrentUser = Annotated[Identity, require()]
"""Whoever the Hub says is calling, user or service, if they hold an access scope."""

Oneself = Annotated[Identity, Security(Guard(vetoed=False))]
"""As CurrentUser, also for those whom an application keeps out elsewhere."""

HubAdmin = Annotated[Identity, Security(Guard(admin=True))]
"""As CurrentUser, Hub administrators only."""


async def visitor(conn: HTTPConnection) -> Identity | None:
    """A dependency for pages open to all: who calls if that can be told, None otherwise; never refuses."""
    try:
        return await identify(conn)
    except ServiceError:
        return None


def context_of(conn: HTTPConnection) -> Context:
    """The process's Context."""
    return cast("Context", conn.scope["state"]["context"])


def credential_of(conn: HTTPConnection) -> Credential | None:
    """The request's credential, unjudged. Raises InvalidTokenError for an Authorization header that is not one."""
    context = context_of(conn)
    return find_credential(conn.scope, settings=context.settings, session_sealer=context.session_sealer)


async def identify(conn: HTTPConnection) -> Identity:
    """Return who the Hub says is calling, whatever they may do. Asked once a request."""
    state = conn.scope["state"]
    if "identity" not in state:
        credential = credential_of(conn)
        if credential is None:
            raise NotSignedInError
        identity = await _judge(conn, credential)
        if credential.source is Source.URL and is_browser(conn) and conn.scope.get("method") in {"GET", "HEAD"}:
            raise SignedInByUrl(credential, identity)
        state["identity"] = identity
    return cast("Identity", state["identity"])


def is_browser(conn: HTTPConnection) -> bool:
    """Whether a page is wanted: a navigation, or from clients that do not say so, text/html."""
    mode = conn.headers.get("sec-fetch-mode")
    return mode == "navigate" if mode else "text/html" in conn.headers.get("accept", "")


def here(conn: HTTPConnection) -> str:
    """The address of this very request, encoded as it was sent; `oauth.safe_next` takes the token out of it."""
    path = conn.scope.get("raw_path", b"").decode("latin-1")
    query = conn.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def queue_cookies(conn: HTTPConnection, values: list[str]) -> None:
    """Have Set-Cookie values added to the response, whatever that will be."""
    conn.scope["state"].setdefault("set_cookies", []).extend(values)


async def _judge(conn: HTTPConnection, credential: Credential) -> Identity:
    context = context_of(conn)
    if credential.source is not Source.COOKIE:
        return await context.auth.identify(credential.token)
    expected = xsrf_token(context.xsrf_key, token=credential.token, session_id=credential.session_id)
    if conn.scope["type"] == "websocket":
        if not context.settings.allow_websocket_cookie:
            raise OriginError("This service takes no cookies on WebSockets; send a token.")
        check_origin(conn, context.settings)
    else:
        await check_xsrf(conn, expected)
    try:
        identity = await context.auth.identify(credential.token, session_id=credential.session_id)
        _check_session(identity, credential)
    except InvalidTokenError:
        queue_cookies(conn, cleared(context.settings, [auth_cookie_name(context.settings)]))
        raise
    if is_page_load(conn) and ("_xsrf", expected) not in cookie_pairs(conn.scope):
        secure = is_secure(conn.scope, context.settings)
        queue_cookies(conn, [xsrf_cookie(context.settings, expected, secure=secure)])
    return identity


def _check_session(identity: Identity, credential: Credential) -> None:
    """A cookie belongs to the Hub's session that it was made in, also where somebody carried it to another."""
    if identity.session_id and credential.session_id and identity.session_id != credential.session_id:
        raise InvalidTokenError("The Hub's session has changed since this sign-in. Sign in again.")
