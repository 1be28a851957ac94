"""Make the administrators that DESK_ADMINS names, once: while nobody can administer the desk."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import anyio

from service.apps.desk.domain.roles import RoleKeeper
from service.apps.desk.errors import AdminExistsError
from service.errors import ServiceError
from service.hub.errors import GroupsManagedError, HubUserMissingError

BY = "DESK_ADMINS"  # the name in the audit
_PAUSE = 5.0  # seconds between two attempts

_log = logging.getLogger("service")


@asynccontextmanager
async def making_first_admins(roles: RoleKeeper, names: Sequence[str], *, pause: float = _PAUSE) -> AsyncIterator[None]:
    """Do it in the background: the Hub may not answer yet, or not have these users yet."""
    scope = anyio.CancelScope()  # it lets statements end that were begun; a task that is cancelled would not

    async def make() -> None:
        with scope:
            await _make(roles, names, pause)

    task = asyncio.create_task(make()) if names else None
    try:
        yield
    finally:
        scope.cancel()
        if task is not None:
            await task


async def _make(roles: RoleKeeper, names: Sequence[str], pause: float) -> None:
    is_told = False
    while True:
        try:
            made = await _attempt(roles, names)
        except AdminExistsError:
            return
        except GroupsManagedError as error:
            _log.error("DESK_ADMINS: nobody was made an administrator. %s", error.detail)
            return
        except ServiceError:  # the Hub or the database may answer later
            made = None
        if made:
            return
        if made is not None and not is_told:
            is_told = True
            _log.warning("DESK_ADMINS: the Hub has none of these users yet. It is tried again until it has.")
        await anyio.sleep(pause)


async def _attempt(roles: RoleKeeper, names: Sequence[str]) -> list[str]:
    """Return who has been made an administrator: those of `names` whom the Hub has as users."""
    made = list[str]()
    for name in names:
        with suppress(HubUserMissingError):
            await roles.make_first_admin(name, by=BY, beside=made)
            made.append(name)
    return made
