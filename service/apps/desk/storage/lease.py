"""One change of the team at a time, on all workers: a lease in the database, which runs out if its holder dies.

No transaction stays open while the Hub is asked, so a lease can run out meanwhile. Its holder looks in the transaction
that begins a change, and then has all of the lease's time for it. The lease's note says what the holder is about to do.
Whoever takes the lease after it has run out writes into the audit what was cut off.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import uniform
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.apps.desk.errors import ChangeUnderWayError
from service.apps.desk.storage.database import Database
from service.apps.desk.storage.tables import leases
from service.errors import ConflictError, ServiceError

# Longer than any change may take, once it has begun; see `service.apps.desk.domain.role_change`.
LIFETIME = timedelta(seconds=45)
WAIT = 5.0  # seconds that one change waits for another
_STEP = (0.02, 0.1)  # seconds between two attempts

_TEAM = "team"
_TOO_LATE = "The Hub answered so late that somebody else may have changed the team. Try again in a minute."

Teller = Callable[[AsyncConnection, dict[str, Any]], Awaitable[None]]
"""Writes into the audit, in a transaction, what the note says was begun and cut off."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The team's lease, as its holder has it. The methods take part in a transaction, and keep others waiting for it.

    Raises:
        ChangeUnderWayError: the lease has run out. Somebody else may hold it.
    """

    holder: str

    async def check(self, connection: AsyncConnection) -> None:
        """Make sure that nobody else changes the team before this transaction ends."""
        held = select(leases.c.name).where(*self._still_held()).with_for_update()
        if (await connection.execute(held)).one_or_none() is None:
            raise ChangeUnderWayError(_TOO_LATE)

    async def announce(self, connection: AsyncConnection, what: dict[str, Any]) -> datetime:
        """Write down what its holder is about to do, and renew the lease. Returns until when (aware UTC) it is held."""
        until = datetime.now(UTC) + LIFETIME
        statement = update(leases).where(*self._still_held()).values(note=what, until=until)
        if (await connection.execute(statement)).rowcount != 1:
            raise ChangeUnderWayError(_TOO_LATE)
        return until

    async def settle(self, connection: AsyncConnection) -> None:
        """Write down that what was announced is done. That may be late, as long as nobody else holds the lease."""
        if (await connection.execute(update(leases).where(*self._mine()).values(note=None))).rowcount != 1:
            raise ChangeUnderWayError(_TOO_LATE)

    def _mine(self) -> list[ColumnElement[bool]]:
        return [leases.c.name == _TEAM, leases.c.holder == self.holder]

    def _still_held(self) -> list[ColumnElement[bool]]:
        return [*self._mine(), leases.c.until > datetime.now(UTC)]


@asynccontextmanager
async def hold_lease(database: Database, tell: Teller, *, wait: float = WAIT) -> AsyncIterator[Lease]:
    """Hold the team's lease. Raises ChangeUnderWayError if others hold it for all of `wait` seconds.

    A lease with a note is not given back: it runs out, and the next holder calls `tell` with the note. It is not given
    back either if its holder is killed or cancelled.
    """
    lease = await _take(database, tell, wait=wait)
    try:
        yield lease
    except Exception:
        await _give_back(database, lease)
        raise
    await _give_back(database, lease)


async def _take(database: Database, tell: Teller, *, wait: float) -> Lease:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while True:
        with suppress(ConflictError):  # another has just made the row
            if lease := await _try(database, tell):
                return lease
        if loop.time() >= deadline:
            raise ChangeUnderWayError
        await asyncio.sleep(uniform(*_STEP))  # noqa: S311 - so that not all who wait try at once


async def _try(database: Database, tell: Teller) -> Lease | None:
    now = datetime.now(UTC)
    lease = Lease(secrets.token_hex(8))
    mine = {"holder": lease.holder, "until": now + LIFETIME, "note": None}
    async with database.write() as connection:
        row = (await connection.execute(select(leases).where(leases.c.name == _TEAM).with_for_update())).one_or_none()
        if row is None:
            await connection.execute(insert(leases).values(name=_TEAM, **mine))
            return lease
        if row.until > now:
            return None
        await connection.execute(update(leases).where(leases.c.name == _TEAM).values(mine))
        if row.note is not None:
            await tell(connection, row.note)
    return lease


async def _give_back(database: Database, lease: Lease) -> None:
    over = (leases.c.name == _TEAM, leases.c.holder == lease.holder, leases.c.note.is_(None))
    with suppress(ServiceError):  # it runs out by itself
        async with database.write() as connection:
            await connection.execute(delete(leases).where(*over))
