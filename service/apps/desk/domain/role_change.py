"""Moving a person from one role to another: between the Hub's groups, and into the desk's memory.

Remove first, then add, then commit: at no moment has anybody more than they had, or shall have. What fails is put back;
where that fails too, the person has no role.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.apps.desk.domain.policy import Role, group_of, role_of
from service.apps.desk.errors import RoleChangeFailedError
from service.apps.desk.storage.accounts import CLOCKS
from service.apps.desk.storage.audit import record
from service.apps.desk.storage.database import Database
from service.apps.desk.storage.lease import Lease, note
from service.apps.desk.storage.tables import accounts
from service.errors import ServiceError
from service.hub.errors import HubUnavailableError, HubUserMissingError

_log = logging.getLogger("service")

# Seconds for the change, and as many to put it back: together less than `lease.LIFETIME`.
_PATIENCE = 12.0
_LAST_ATTEMPT = 6.0  # seconds to take all roles from somebody whom the old one could not be given back


class HubGroups(Protocol):
    """What is asked of the Hub, with the service's own token; see `service.hub.client.HubClient`."""

    async def group_members(self, group: str) -> frozenset[str]:
        """Return the names of a group's members."""

    async def add_to_group(self, group: str, name: str) -> frozenset[str]:
        """Add a user, and return who is in it now. Raises HubUserMissingError, GroupsManagedError."""

    async def remove_from_group(self, group: str, name: str) -> frozenset[str]:
        """Remove a user, who need not be in it, and return who is. Raises as `add_to_group`."""

    async def has_user(self, name: str) -> bool:
        """Say whether the Hub has a user of exactly this name."""

    async def create_user(self, name: str) -> None:
        """Make a user. Raises HubUserMissingError where the service may not."""


class Move:
    """One person's way from the roles `held` to `role`, or to none."""

    def __init__(
        self, hub: HubGroups, database: Database, *, name: str, held: Collection[Role], role: Role | None, by: str
    ) -> None:
        self._hub = hub
        self._database = database
        self._name = name
        self._held = sorted(held)
        self._role = role
        self._by = by
        self._before = role_of({group_of(each) for each in held})

    async def make(self, lease: Lease) -> None:
        """Make it. Raises what made it fail and left all as it was, or RoleChangeFailedError."""
        intent = {"name": self._name, "before": self._before, "after": self._role, "by": self._by}
        async with self._database.write() as connection:
            await note(connection, lease, intent)
            # Until it is over the Hub is asked at each of the person's requests; also if we should never come back.
            await mark(connection, self._name, at=lease.until)
        try:
            await _in_time(self._apply, _PATIENCE)
            await self._write_down(lease, "account.role_changed", after=self._role)
        except Exception:
            await self._put_back(lease)
            raise

    async def _apply(self) -> None:
        for role in self._held:
            if role is not self._role:
                await self._remove(role)
        if self._role is not None and self._role not in self._held:
            await self._add(self._role)

    async def _put_back(self, lease: Lease) -> None:
        try:
            await _in_time(self._restore, _PATIENCE)
        except ServiceError:
            await self._give_up(lease)
            raise RoleChangeFailedError from None
        with suppress(ServiceError):  # the mark in the future, and the lease, end by themselves
            async with self._database.write() as connection:
                await note(connection, lease, None)
                await mark(connection, self._name)

    async def _restore(self) -> None:
        if self._role is not None and self._role not in self._held:
            await self._remove(self._role)
        for role in self._held:
            await self._add(role)

    async def _give_up(self, lease: Lease) -> None:
        """Neither the new role nor the old: see that it is none, and say so where it will be found."""
        after: str | None = None
        try:
            await _in_time(self._strip, _LAST_ATTEMPT)
        except ServiceError:
            after = "unknown"
        _log.error("The role of a member of the team could not be changed, nor put back: the audit says whose.")
        try:
            await self._write_down(lease, "account.role_change_failed", after=after)
        except ServiceError:
            lease.is_kept = True

    async def _strip(self) -> None:
        for role in Role:
            await self._remove(role)

    async def _remove(self, role: Role) -> None:
        with suppress(HubUserMissingError):  # is in no group
            await self._hub.remove_from_group(group_of(role), self._name)

    async def _add(self, role: Role) -> None:
        # The Hub may know the person by another spelling, and it was that one who was added.
        if self._name not in await self._hub.add_to_group(group_of(role), self._name):
            raise HubUserMissingError

    async def _write_down(self, lease: Lease, what: str, *, after: str | None) -> None:
        async with self._database.write() as connection:
            await note(connection, lease, None)
            await mark(connection, self._name)
            await tell(connection, what, self._name, by=self._by, before=self._before, after=after)


async def tell_cut_off(connection: AsyncConnection, intent: dict[str, Any]) -> None:
    """Tell of a change that was begun and never ended: the process was killed. What the Hub says now, holds."""
    await mark(connection, intent["name"])
    await tell(
        connection,
        "account.role_change_cut_off",
        intent["name"],
        by=intent["by"],
        before=intent["before"],
        after=intent["after"],
    )


async def tell(
    connection: AsyncConnection, what: str, name: str, *, by: str, before: str | None, after: str | None
) -> None:
    """Write an entry about somebody's role into the audit."""
    now = datetime.now(UTC)
    await record(connection, what, f"account/{name}", by=by, when=now, before={"role": before}, after={"role": after})


async def mark(connection: AsyncConnection, name: str, *, at: datetime | None = None) -> None:
    """Let what the Hub said of a person before `at`, by default now, not count any more."""
    moment = at or datetime.now(UTC) + CLOCKS
    await connection.execute(update(accounts).where(accounts.c.name == name).values(rights_changed_at=moment))


async def _in_time(work: Callable[[], Awaitable[None]], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await work()
    except TimeoutError:
        raise HubUnavailableError(reason="it did not answer in time") from None
