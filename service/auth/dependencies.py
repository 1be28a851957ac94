"""The dependencies of a `Hub`. They do the same as those of `service.auth.guard`, but each belongs to one Hub.

They refuse callers with FastAPI's own exceptions (`service.auth.refusals`).
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, HTTPException, Security
from fastapi.openapi.models import OAuth2
from starlette.requests import HTTPConnection

from service.auth import guard, identification
from service.auth.errors import AdminRequiredError, InsufficientScopeError
from service.auth.guard import Guard, admitted, check_access, hub_client_for
from service.auth.identification import SignedInByUrl, page_token
from service.auth.refusals import refused
from service.errors import ServiceError
from service.hub.caller import CallerClient
from service.hub.models import Identity

if TYPE_CHECKING:
    from service.auth.hub import Hub

_Found = TypeVar("_Found")


class UserGuard(Guard):
    """The caller, who needs one of the access scopes."""

    def __init__(self, hub: "Hub", scheme: OAuth2) -> None:
        super().__init__(scheme=scheme)
        self._hub = hub

    async def __call__(self, conn: HTTPConnection) -> Identity:
        """Raises Refused, or WebSocketException on a WebSocket."""
        state = self._hub.bind(conn.scope)
        try:
            # The same as in Guard. It is written out, because another coroutine would slow down every request.
            identity = state.identity or await identification.identify(conn)
            if state.policy.vetoes:
                identity = await admitted(identity, conn)
            check_access(identity, state.context.settings)
        except (ServiceError, SignedInByUrl) as error:
            raise await refused(conn, error) from None
        state.guards.append(self)
        return identity


def visitor_of(hub: "Hub") -> Callable[[HTTPConnection], Awaitable[Identity | None]]:
    """Return the dependency for pages that are open to all."""

    async def visitor(conn: HTTPConnection) -> Identity | None:
        return await _judged(hub, conn, guard.visitor)

    return visitor


def required_of(hub: "Hub", guard: Guard) -> Callable[[HTTPConnection, Identity], Awaitable[Identity]]:
    """Return a dependency that requires more than `hub.user`: the scopes of `guard`, or an administrator."""

    async def required(
        conn: HTTPConnection, identity: Annotated[Identity, Security(hub.user, scopes=list(guard.scopes))]
    ) -> Identity:
        if not hub.is_open:  # a test has overridden `hub.user`
            return _checked_without_hub(guard, identity)
        state = hub.bind(conn.scope)
        try:
            guard.check_scopes(identity, conn)
        except ServiceError as error:
            raise await refused(conn, error) from None
        if identity is state.identity:
            state.guards.append(guard)
        return identity

    return required


def _checked_without_hub(guard: Guard, identity: Identity) -> Identity:
    missing = identity.scope_set.missing(guard.scopes, mode=guard.mode) if guard.scopes else ()
    error = InsufficientScopeError(missing, mode=guard.mode) if missing else AdminRequiredError()
    if missing or (guard.admin and not identity.admin):
        raise HTTPException(error.status, error.detail, error.headers())
    return identity


def as_caller_of(hub: "Hub") -> Callable[[HTTPConnection, Identity], Awaitable[CallerClient]]:
    """Return the dependency that asks the Hub in the caller's name."""

    async def as_caller(conn: HTTPConnection, identity: Annotated[Identity, Depends(hub.user)]) -> CallerClient:
        return await _judged(hub, conn, lambda conn: hub_client_for(conn, identity))

    return as_caller


def xsrf_of(hub: "Hub") -> Callable[[HTTPConnection], Awaitable[str]]:
    """Return the dependency that gives a page its XSRF token."""

    async def token_of(conn: HTTPConnection) -> str:
        if not hub.bind(conn.scope).is_wrapped:
            raise RuntimeError("hub.xsrf needs hub.install(app): its middleware keeps other pages from looking in.")
        return page_token(conn)

    async def xsrf(conn: HTTPConnection) -> str:
        return await _judged(hub, conn, token_of)

    return xsrf


async def _judged(hub: "Hub", conn: HTTPConnection, judge: Callable[[HTTPConnection], Awaitable[_Found]]) -> _Found:
    hub.bind(conn.scope)
    try:
        return await judge(conn)
    except (ServiceError, SignedInByUrl) as error:
        raise await refused(conn, error) from None
