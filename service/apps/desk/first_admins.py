"""Make the users in DESK_ADMINS administrators if the desk has no active administrator yet."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import anyio

from service.apps.desk.domain.roles import RoleKeeper
from service.apps.desk.errors import AdminExistsError, NameNotPossibleError
from service.errors import ServiceError
from service.hub.errors import GroupsManagedError, HubUserMissingError

BY = "DESK_ADMINS"  # the actor that the audit names
_PAUSE = 5.0  # seconds between two attempts

_log = logging.getLogger("service")


@asynccontextmanager
async def making_first_admins(roles: RoleKeeper, names: Sequence[str], *, pause: float = _PAUSE) -> AsyncIterator[None]:
    """Make these users of the Hub administrators in the background, while the block runs.

    It is tried again every `pause` seconds: the Hub may not answer yet, or may not have any of the users yet.
    """
    scope = anyio.CancelScope()  # unlike cancelling the task, it lets a statement that was begun end

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
    made, is_told = list[str](), False
    while True:
        try:
            await _attempt(roles, names, made)
            if made:
                return
            line: tuple[int, str] | None = (logging.WARNING, "The Hub has none of these users yet.")
        except AdminExistsError:
            return
        except GroupsManagedError as error:
            _log.error("DESK_ADMINS: nobody was made an administrator. %s", error.detail)
            return
        except ServiceError as error:  # the Hub or the database may answer later
            line = error.for_operator()
        if line and not is_told:
            is_told = True
            _log.log(line[0], "DESK_ADMINS: %s It is tried again.", line[1])
        await anyio.sleep(pause)


async def _attempt(roles: RoleKeeper, names: Sequence[str], made: list[str]) -> None:
    """Make each of `names` who is a user of the Hub an administrator, and add their name to `made`."""
    for name in names:
        if name not in made:
            with suppress(HubUserMissingError, NameNotPossibleError):
                await roles.make_first_admin(name, by=BY, beside=made)
                made.append(name)
