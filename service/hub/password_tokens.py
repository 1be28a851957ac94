"""Makes a token for a name and a password. By default it carries what a browser's sign-in would give its owner here.

The Hub refuses a token with one scope too many, and tells a user's rights to a token only. So where nobody names the
scopes, a token with all of its owner's rights comes first. It shows the rights, and makes the token that the caller
gets. It lives for a minute at most and is deleted in any case: also where the caller disconnects, or where the Hub
fails in between. It is in no cache, no log and no answer.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from service.hub import administration, protocol
from service.hub.client import HubClient
from service.hub.errors import HubUnavailableError, NameRefusedError, RevokeRefusedError, TokenRequestError
from service.hub.models import Identity, IssuedToken
from service.hub.protocol import Credentials, Wish
from service.hub.scopes import split

_log = logging.getLogger("service")

T = TypeVar("T")

FIRST_LIFETIME = 60  # seconds
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before another attempt to delete: within the lifetime
_INHERIT = "inherit"  # all rights of the owner (jupyterhub/scopes.py)
_METASCOPES = {_INHERIT, "self"}  # the Hub itself says what they stand for


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRequest:
    """What somebody asks for. Without `scopes`, they get those of a browser's sign-in. `expires_in` in seconds."""

    credentials: Credentials = field(repr=False)
    scopes: Sequence[str] = ()
    expires_in: int
    note: str


class PasswordTokens:
    """Makes the tokens. `access_scopes`: a token needs one of them to use this service, whose name is `service`."""

    def __init__(
        self, hub: HubClient, *, service: str, access_scopes: Sequence[str], pauses: Sequence[float] = PAUSES
    ) -> None:
        self._hub = hub
        self._service = service
        self._access = tuple(access_scopes)
        self._pauses = tuple(pauses)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = asyncio.Event()

    async def aclose(self) -> None:
        """Finish deleting. Each token gets one last attempt, which takes no longer than any question to the Hub."""
        self._closing.set()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def issue(self, request: PasswordRequest) -> IssuedToken:
        """Return a new token.

        Raises:
            TokenRequestError: the name or the password is wrong, the user does not have a scope, or may not use this
                service, or the Hub allows no such lifetime.
            ThrottledError: the Hub's authenticator has checked too many passwords.
            HubUnavailableError: there is no usable reply.
        """
        if request.scopes:
            wish = Wish(
                scopes=with_access(request.scopes, self._access), expires_in=request.expires_in, note=request.note
            )
            return await self._for_password(request.credentials, wish)
        first = await self._first(request)
        try:
            return await self._narrower(first, request)
        finally:
            await asyncio.shield(self._start(self._delete(first, self._pauses)))

    async def _for_password(self, credentials: Credentials, wish: Wish) -> IssuedToken:
        """Ask under the name as it was typed, and then as the Hub writes it by default, in lower case.

        The Hub refuses the first of them in words of its own if the password is right. In the other order, an
        administrator would get a token of the user whose name is theirs in lower case, where there is one.
        """
        typed = credentials.username
        if (lower := typed.lower()) != typed:
            try:
                return await self._hub.ask(protocol.issue(wish, credentials, name=typed))
            except NameRefusedError:
                pass
        return await self._hub.ask(protocol.issue(wish, credentials, name=lower))

    async def _first(self, request: PasswordRequest) -> IssuedToken:
        lifetime = min(FIRST_LIFETIME, request.expires_in)
        wish = Wish(scopes=(_INHERIT,), expires_in=lifetime, note=f"{request.note}: for a moment, to read the rights")
        making = self._start(self._for_password(request.credentials, wish))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(self._delete_unused)
            raise

    async def _narrower(self, first: IssuedToken, request: PasswordRequest) -> IssuedToken:
        token = first.token.get_secret_value()
        identity = await self._hub.ask(protocol.identify(token))
        if not identity.scope_set.covers_any(self._access):
            raise TokenRequestError("invalid_scope", "You may not use this service. Ask whoever runs the Hub.")
        scopes = await usual_scopes(self._hub, identity, service=self._service, access=self._access)
        wish = Wish(scopes=scopes, expires_in=request.expires_in, note=request.note)
        return await self._hub.ask(protocol.issue_more(wish, name=identity.name, token=token))

    async def _delete(self, first: IssuedToken, pauses: Sequence[float]) -> None:
        """Delete a token. Where the Hub does not answer, try again later, until it has expired."""
        try:
            await self._hub.ask(protocol.revoke(first.token.get_secret_value(), name=first.user, token_id=first.id))
        except RevokeRefusedError:
            return  # the Hub does not know it any more
        except HubUnavailableError:
            if pauses and not self._closing.is_set():
                _ = self._start(self._delete_later(first, pauses))
            else:
                _log.warning("A token of %s could not be deleted; it expires within a minute.", first.user)

    async def _delete_later(self, first: IssuedToken, pauses: Sequence[float]) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), pauses[0])
        await self._delete(first, pauses[1:])

    def _delete_unused(self, making: "asyncio.Task[IssuedToken]") -> None:
        if not making.cancelled() and making.exception() is None:
            _ = self._start(self._delete(making.result(), self._pauses))

    def _start(self, work: "Coroutine[Any, Any, T]") -> "asyncio.Task[T]":
        """Do this even if the request that asks for it ends."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def usual_scopes(hub: HubClient, identity: Identity, *, service: str, access: Sequence[str]) -> list[str]:
    """Return what a browser's sign-in gives somebody here: access, and those scopes of the applications that they have.

    Raises:
        HubUnavailableError: the Hub does not say how the service is registered.
    """
    registration = await hub.ask(administration.registration(service)) if service else None
    return [*_narrowest(access), *held_of(registration.allowed_scopes if registration else (), identity)]


def with_access(scopes: Sequence[str], access: Sequence[str]) -> list[str]:
    """Return `scopes`, and with them one that lets the token use this service, unless one of them does."""
    is_covered = any(scope in {_INHERIT, *access} for scope in scopes)
    return [*scopes] if is_covered else [*scopes, *_narrowest(access)]


def held_of(allowed: Iterable[str], identity: Identity) -> list[str]:
    """Return those of the allowed scopes that somebody has, as they have them: `x!user=a` of `x`."""
    found: dict[str, None] = {}
    for scope in allowed:
        if scope in _METASCOPES or identity.scope_set.covers(scope):
            found[scope] = None
        elif "!" not in scope:
            found |= dict.fromkeys(held for held in identity.scopes if split(held)[0] == scope)
    return list(found)


def _narrowest(access: Sequence[str]) -> list[str]:
    """Return the access scopes that name this service, without the one for all services, if there are any."""
    return [scope for scope in access if "!" in scope] or list(access)
