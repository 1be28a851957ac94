"""The dependencies that routes use: who is calling, and what they may do. `identification` finds out who it is.

A router of your own needs two names from here: `CurrentUser`, and `require("custom:scope")`.
"""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.openapi.models import OAuth2, OAuthFlows
from fastapi.security.base import SecurityBase
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from service.auth.context import context_of
from service.auth.errors import AdminRequiredError, InsufficientScopeError, NotSignedInError, OutdatedTokenError
from service.auth.identification import (
    caller_or_none,
    credential_of,
    entra_for,
    identify,
    identify_again,
    identify_since,
    page_token,
)
from service.auth.state import state_of
from service.errors import ServiceError
from service.hub.caller import CallerClient
from service.hub.errors import HubForbiddenError
from service.hub.models import Identity
from service.hub.scopes import Mode
from service.settings import Settings

SCHEME = "JupyterHub"

Veto = Callable[[Identity, HTTPConnection], Awaitable[datetime | None]]
"""Raises a NotAdmittedError to refuse an identified caller. It is called on every route, except for signing in and out
and `/me`. If it returns a moment (aware UTC), answers of the Hub from before that moment do not count: the caller is
identified again, and the new answer says what they may do."""

SignInVeto = Callable[[Identity, HTTPConnection], Awaitable[None]]
"""Raises a NotAdmittedError to refuse somebody a new session or a new token."""

Entitlement = Callable[[Identity, HTTPConnection], Collection[str]]
"""Returns the scopes that a new token of the caller would carry, because of their groups at the Hub."""


class Guard(SecurityBase):
    """A dependency that returns the caller's Identity. It requires an access scope, and `scopes`.

    One object checks everything. As separate security schemes of FastAPI, the same checks would take a quarter of the
    time of a request.
    """

    def __init__(
        self,
        *scopes: str,
        mode: Mode = "all",
        admin: bool = False,
        vetoed: bool = True,
        scheme: OAuth2 | None = None,
    ) -> None:
        if not all(isinstance(scope, str) for scope in scopes):
            raise TypeError('Name scopes one by one: require("custom:a", "custom:b").')
        self.model = scheme or OAuth2(flows=OAuthFlows())  # `service.web.routes.docs` fills in the addresses
        self.scheme_name = SCHEME
        self.scopes = scopes
        self.mode = mode
        self.admin = admin
        self.vetoed = vetoed

    async def __call__(self, conn: HTTPConnection) -> Identity:
        """Raises NotSignedInError, InvalidTokenError, XsrfError, InsufficientScopeError, HubUnavailableError, …."""
        state = state_of(conn)
        identity = state.identity or await identify(conn)
        if self.vetoed and state.policy.vetoes:
            identity = await admitted(identity, conn)
        self.check_rights(identity, conn)
        state.guards.append(self)
        return identity

    def check_rights(self, identity: Identity, conn: HTTPConnection) -> None:
        """Raises InsufficientScopeError, AdminRequiredError."""
        check_access(identity, context_of(conn).settings)
        if self.scopes or self.admin:
            self.check_scopes(identity, conn)

    def check_scopes(self, identity: Identity, conn: HTTPConnection) -> None:
        """Raises InsufficientScopeError, AdminRequiredError for somebody who may use the service, but not this."""
        if self.scopes and (missing := identity.scope_set.missing(self.scopes, mode=self.mode)):
            raise _insufficient(missing, identity, conn, mode=self.mode)
        if self.admin and not identity.admin:
            raise AdminRequiredError


def check_access(identity: Identity, settings: Settings) -> None:
    """Raises InsufficientScopeError where somebody may not use this service at all."""
    access = settings.access_scopes
    if not identity.scope_set.covers_any(access):
        raise InsufficientScopeError(access, mode="any")


async def admitted(identity: Identity, conn: HTTPConnection) -> Identity:
    """Ask the vetoes, once in a request. If they name a moment, return what the Hub says of the caller since then."""
    state = state_of(conn)
    if not state.is_admitted:
        try:
            since = await _ask_vetoes(identity, conn)
        except ServiceError:
            if state.context.auth.covers(identity):
                raise
            return identity  # they have no access anyway, and `check_access` says so
        if since is not None:
            identity = await identify_since(conn, since)
        state.identity, state.is_admitted, state.rights_changed_at = identity, True, since
    return identity


async def _ask_vetoes(identity: Identity, conn: HTTPConnection) -> datetime | None:
    moments = [await veto(identity, conn) for veto in state_of(conn).policy.vetoes]
    return max((moment for moment in moments if moment is not None), default=None)


def entitled_to(identity: Identity, conn: HTTPConnection) -> set[str]:
    """Return the scopes that a new token of the caller would carry, as the applications say."""
    return {str(scope) for entitlement in state_of(conn).policy.entitlements for scope in entitlement(identity, conn)}


def _insufficient(
    missing: tuple[str, ...], identity: Identity, conn: HTTPConnection, *, mode: Mode
) -> InsufficientScopeError:
    scopes = entitled_to(identity, conn)
    is_entitled = bool(scopes & set(missing)) if mode == "any" else scopes >= set(missing)
    if is_entitled and identity.kind == "user":
        return OutdatedTokenError(missing, mode=mode, since=state_of(conn).rights_changed_at)
    return InsufficientScopeError(missing, mode=mode)


def require(*scopes: str, mode: Mode = "all") -> Any:  # noqa: ANN401 - FastAPI's own type for it
    """Return a dependency that requires scopes of the caller's token: all of them or, with `mode="any"`, one.

    Use it in `dependencies=[require("custom:x:read")]` or, where the handler wants to know who it is, in
    `Annotated[Identity, require("custom:x:read")]`. Its scopes appear in the OpenAPI document.
    """
    return Security(Guard(*scopes, mode=mode), scopes=list(scopes))


CurrentUser = Annotated[Identity, require()]
"""The caller, a user or a service, who needs one of the access scopes."""

CurrentUserUnvetoed = Annotated[Identity, Security(Guard(vetoed=False))]
"""As CurrentUser, also for callers whom an application keeps out elsewhere."""

HubAdmin = Annotated[Identity, Security(Guard(admin=True))]
"""As CurrentUser, for administrators of the Hub only."""


async def visitor(conn: HTTPConnection) -> Identity | None:
    """A dependency for pages that are open to all. Returns the caller, if CurrentUser would let them in, or None."""
    identity = await caller_or_none(conn)
    if identity is None:
        return None
    try:
        identity = await admitted(identity, conn)
        check_access(identity, context_of(conn).settings)
    except ServiceError:
        return None
    return identity


async def hub_client_for(conn: HTTPConnection, _accepted: CurrentUser) -> CallerClient:
    """A dependency for asking the Hub with the caller's own token, once the guard has let them in."""
    credential = credential_of(conn)
    if credential is None:
        raise NotSignedInError
    context = context_of(conn)
    if entra_for(conn, credential) is not None:
        raise HubForbiddenError("This asks the Hub in your name, which takes a token of the Hub.")
    token = SecretStr(credential.token)
    return CallerClient(context.auth, token=token, session_id=credential.session_id)


HubAsCaller = Annotated[CallerClient, Depends(hub_client_for)]
"""The Hub's REST API, asked in the caller's name: what they may do there and no more."""


async def hub_client_of_service(conn: HTTPConnection, _accepted: CurrentUser) -> CallerClient:
    """A dependency for asking the Hub with the service's own token, once the guard has let the caller in."""
    return CallerClient(context_of(conn).auth, token=None)


HubAsService = Annotated[CallerClient, Depends(hub_client_of_service)]
"""The Hub's REST API, asked in the service's own name, whoever calls: what the service's role allows."""


async def _page_token(conn: HTTPConnection) -> str:
    return page_token(conn)


XsrfToken = Annotated[str, Depends(_page_token)]
"""The XSRF token for a page whose reader is signed in by cookie; empty for all other callers."""


async def judge_again(conn: HTTPConnection, *, since: datetime) -> None:
    """Ask the Hub and the guards again about the holder of an open connection. Raises as the guards did at the opening.

    An answer of the Hub asked for before `since` (aware UTC) serves only while the Hub cannot be asked.
    """
    identity = await identify_again(conn, since=since)
    guards = state_of(conn).guards
    if any(guard.vetoed for guard in guards) and (changed := await _ask_vetoes(identity, conn)):
        identity = await identify_since(conn, changed)
    for guard in guards:
        guard.check_rights(identity, conn)
