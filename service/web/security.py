"""From a request to the Identity behind it, and what routes ask of it.

A router of your own needs two names from here: `CurrentUser`, and `require("custom:scope")`.
"""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Security
from fastapi.openapi.models import OAuth2, OAuthFlows
from fastapi.security.base import SecurityBase
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from service.context import Context
from service.errors import (
    AdminRequiredError,
    HubForbiddenError,
    HubUnavailableError,
    InsufficientScopeError,
    InvalidTokenError,
    NotSignedInError,
    OriginError,
    OutdatedTokenError,
    ServiceError,
)
from service.hub.caller import CallerClient
from service.hub.models import Identity
from service.hub.scopes import Mode
from service.web.cookies import auth_cookie_name, cleared, is_secure, xsrf_cookie
from service.web.credentials import Credential, Source, cookie_pairs, find_credential
from service.web.entra_claims import header_of
from service.web.xsrf import check_origin, check_xsrf, is_page_load, xsrf_token

if TYPE_CHECKING:
    from service.web.entra import Entra

SCHEME = "JupyterHub"

Veto = Callable[[Identity, HTTPConnection], Awaitable[datetime | None]]
"""Raises a NotAdmittedError to keep an identified caller out; asked on every route but signing in, out and seeing
oneself. A moment (aware UTC) that it returns passes over what the Hub said of the caller before: they are identified
anew, and their rights are judged by that."""

SignInVeto = Callable[[Identity, HTTPConnection], Awaitable[None]]
"""Raises a NotAdmittedError to let somebody begin no new session, and get no new token."""

Entitlement = Callable[[Identity], Collection[str]]
"""Says which scopes a caller could have by the Hub's groups they are in, whatever their token carries."""


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
        if self.vetoed and conn.scope["state"]["admit"]:
            identity = await _admitted(identity, conn)
        self.check_rights(identity, conn)
        conn.scope["state"].setdefault("guards", []).append(self)
        return identity

    def check_rights(self, identity: Identity, conn: HTTPConnection) -> None:
        """Raises InsufficientScopeError, AdminRequiredError."""
        access = context_of(conn).settings.access_scopes
        if not identity.held.covers_any(access):
            raise InsufficientScopeError(access, mode="any")
        if self.scopes and (missing := identity.held.missing(self.scopes, mode=self.mode)):
            raise _insufficient(missing, identity, conn, mode=self.mode)
        if self.admin and not identity.admin:
            raise AdminRequiredError


async def _admitted(identity: Identity, conn: HTTPConnection) -> Identity:
    """Ask the vetoes, once a request; return what the Hub says of the caller since the moment that they name."""
    state = conn.scope["state"]
    if "admitted" not in state:
        try:
            since = await _ask_vetoes(identity, conn)
        except ServiceError:
            if identity.held.covers_any(context_of(conn).settings.access_scopes):
                raise
            return identity  # has no access anyway, and is told that
        if since is not None:
            identity = await identify_since(conn, since)
        state.update(identity=identity, admitted=True, rights_changed_at=since)
    return identity


async def _ask_vetoes(identity: Identity, conn: HTTPConnection) -> datetime | None:
    moments = [await veto(identity, conn) for veto in conn.scope["state"]["admit"]]
    return max((moment for moment in moments if moment is not None), default=None)


async def identify_since(conn: HTTPConnection, since: datetime) -> Identity:
    """Return who the Hub, asked at `since` (aware UTC) or later, says is calling. Raises as `identify`."""
    credential = credential_of(conn)
    if credential is None:
        raise NotSignedInError
    return await _ask(conn, credential, not_before=since)


def _insufficient(
    missing: tuple[str, ...], identity: Identity, conn: HTTPConnection, *, mode: Mode
) -> InsufficientScopeError:
    state = conn.scope["state"]
    entitled = {str(scope) for entitlement in state.get("entitled", ()) for scope in entitlement(identity)}
    is_entitled = bool(entitled & set(missing)) if mode == "any" else entitled >= set(missing)
    if is_entitled and identity.kind == "user":
        return OutdatedTokenError(missing, mode=mode, since=state.get("rights_changed_at"))
    return InsufficientScopeError(missing, mode=mode)


async def check_sign_in(identity: Identity, conn: HTTPConnection) -> None:
    """Raises the NotAdmittedError of an application that lets this caller begin no new session or token."""
    for veto in conn.scope["state"].get("admit_sign_in", ()):
        await veto(identity, conn)


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
    context: Context = conn.scope["state"]["context"]
    return context


def address_of(conn: HTTPConnection) -> str:
    """Whence the request comes, as the server tells: behind a proxy that it trusts, as that one tells."""
    client = conn.scope.get("client")
    return str(client[0]) if client else ""


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
        # The way of nearly all requests from scripts and notebooks: nothing to wait for, nothing more to judge.
        known = context_of(conn).auth.known(credential.token) if credential.source is Source.HEADER else None
        identity = await _judge(conn, credential) if known is None else known
        if credential.source is Source.URL and is_browser(conn) and conn.scope.get("method") in {"GET", "HEAD"}:
            await check_sign_in(identity, conn)
            raise SignedInByUrl(credential, identity)
        state["identity"] = identity
    found: Identity = state["identity"]
    return found


async def hub_client_for(conn: HTTPConnection, _accepted: CurrentUser) -> CallerClient:
    """A dependency for asking the Hub with the caller's own token, once the guard has let them in."""
    credential = credential_of(conn)
    if credential is None:
        raise NotSignedInError
    context = context_of(conn)
    if _entra_for(conn, credential) is not None:
        raise HubForbiddenError("This asks the Hub in your name, which takes a token of the Hub.")
    token = SecretStr(credential.token)
    return CallerClient(context.hub, context.auth, token=token, session_id=credential.session_id)


HubAsCaller = Annotated[CallerClient, Depends(hub_client_for)]
"""The Hub's REST API, asked in the caller's name: what they may do there and no more."""


async def judge_again(conn: HTTPConnection, *, since: datetime) -> None:
    """Ask the Hub and the guards anew about who holds a connection open; raises what kept them out at its opening.

    An answer of the Hub asked for before `since` (aware UTC) serves only while the Hub cannot be asked.
    """
    credential = credential_of(conn)
    if credential is None:
        raise NotSignedInError
    identity = await _judge_token_again(conn, credential, since=since)
    guards = conn.scope["state"]["guards"]
    if any(guard.vetoed for guard in guards) and (changed := await _ask_vetoes(identity, conn)):
        identity = await identify_since(conn, changed)
    for guard in guards:
        guard.check_rights(identity, conn)


async def _judge_token_again(conn: HTTPConnection, credential: Credential, *, since: datetime) -> Identity:
    if (entra := _entra_for(conn, credential)) is not None:
        return await entra.identify(credential.token)
    auth = context_of(conn).auth
    try:
        identity = await auth.identify(credential.token, session_id=credential.session_id, not_before=since)
    except HubUnavailableError:
        identity = await auth.identify(credential.token, session_id=credential.session_id)
    _check_session(identity, credential)
    return identity


def is_browser(conn: HTTPConnection) -> bool:
    """Whether a page is wanted: a navigation, or from clients that do not say so, text/html."""
    accepted = b""
    for name, value in conn.scope["headers"]:  # in one pass: this runs on every request
        if name == b"sec-fetch-mode" and value:
            return bool(value == b"navigate")
        if name == b"accept":
            accepted += value
    return b"text/html" in accepted


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
        return await _ask(conn, credential)
    expected = xsrf_token(context.xsrf_key, token=credential.token, session_id=credential.session_id)
    if conn.scope["type"] == "websocket":
        if not context.settings.allow_websocket_cookie:
            raise OriginError("This service takes no cookies on WebSockets; send a token.")
        check_origin(conn, context.settings)
    else:
        await check_xsrf(conn, expected, context.settings)
    identity = await _ask(conn, credential)
    if is_page_load(conn) and ("_xsrf", expected) not in cookie_pairs(conn.scope):
        secure = is_secure(conn.scope, context.settings)
        queue_cookies(conn, [xsrf_cookie(context.settings, expected, secure=secure)])
    return identity


async def _ask(conn: HTTPConnection, credential: Credential, *, not_before: datetime | None = None) -> Identity:
    """Ask the cache and the Hub who holds the credential; a cookie whose token is void is cleared."""
    context = context_of(conn)
    if (entra := _entra_for(conn, credential)) is not None:
        return await entra.identify(credential.token, address=address_of(conn))
    if credential.source is not Source.COOKIE:
        return await context.auth.identify(credential.token, not_before=not_before, address=address_of(conn))
    try:
        identity = await context.auth.identify(
            credential.token, session_id=credential.session_id, not_before=not_before
        )
        _check_session(identity, credential)
    except InvalidTokenError:
        queue_cookies(conn, cleared(context.settings, [auth_cookie_name(context.settings)]))
        raise
    return identity


def _entra_for(conn: HTTPConnection, credential: Credential) -> "Entra | None":
    """Return what judges a token of Entra ID's shape, and where there is no Hub any token; None where the Hub does.

    One or the other, whatever comes of it: a token is not tried at the second after the first.
    """
    entra: Entra | None = conn.scope["state"].get("entra")
    if entra is None or (context_of(conn).settings.has_hub and header_of(credential.token) is None):
        return None
    if credential.source is not Source.HEADER:
        raise InvalidTokenError("A token of Entra ID is good in the Authorization header alone.")
    return entra


def _check_session(identity: Identity, credential: Credential) -> None:
    """A cookie belongs to the Hub's session that it was made in, also where somebody carried it to another."""
    if identity.session_id and credential.session_id and identity.session_id != credential.session_id:
        raise InvalidTokenError("The Hub's session has changed since this sign-in. Sign in again.")
