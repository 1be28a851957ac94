"""Change a person's role: in the Hub's groups, then in the audit.

The new role is given before the old ones are taken away. A larger role has all rights of a smaller one, so a person in
two groups has the larger role. During a change, a person never has more than the larger of the old and the new role,
and never less than the smaller.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.apps.desk.domain.policy import Role, group_of, role_of
from service.apps.desk.storage.accounts import MAX_CLOCK_SKEW
from service.apps.desk.storage.audit import record
from service.apps.desk.storage.database import Database
from service.apps.desk.storage.lease import Lease
from service.apps.desk.storage.tables import accounts
from service.errors import ServiceError
from service.hub.administration import add_to_group, group_members, remove_from_group
from service.hub.call import Call
from service.hub.client import HubClient
from service.hub.errors import HubUnavailableError, HubUserMissingError

_T = TypeVar("_T")
_Move = Callable[[str, str], Call[frozenset[str]]]
_log = logging.getLogger("service")

# Seconds to change the groups, and seconds to read them after a failure. Together less than `lease.LIFETIME`.
_CHANGE, _READ = 12.0, 6.0
_ANOTHER = "The Hub takes this name for another one, so the role cannot be changed. Use the name as the Hub writes it."

Members = Mapping[Role, frozenset[str]]
"""Who is in the group of each role, the smallest role first."""


async def roles_of(hub: HubClient, name: str) -> list[Role]:
    """Return the roles whose groups a person is in, the smallest first."""
    return held(await members_by_role(hub), name)


def held(members: Members, name: str) -> list[Role]:
    """Return the roles that a person has, the smallest first."""
    return [role for role, names in members.items() if name in names]


async def members_by_role(hub: HubClient) -> Members:
    """Return who is in the group of each role, the smallest role first."""
    found = await asyncio.gather(*(hub.ask(group_members(group_of(role))) for role in Role))
    return dict(zip(Role, found, strict=True))


class PendingRoleChange:
    """A change of one person's roles to `role` alone, or to none. `members`: who has which role before it."""

    def __init__(
        self, hub: HubClient, database: Database, *, name: str, members: Members, role: Role | None, by: str
    ) -> None:
        self._hub = hub
        self._database = database
        self._name = name
        self._members = members
        self._before = held(members, name)
        self._role = role
        self._wanted = [] if role is None else [role]
        self._by = by

    async def make(self, lease: Lease) -> None:
        """Make the change. A change that failed can be repeated.

        Raises:
            HubUnavailableError, HubRefusedServiceError, HubUserMissingError, GroupsManagedError: the person has no less
                than the smaller, and no more than the larger, of the old and the new role.
            DatabaseUnavailableError: likewise. The next change writes into the audit that this one was begun.
            ChangeUnderWayError: the lease has run out. If it had before the change began, nothing was changed.
        """
        await self._announce(lease)
        try:
            await _in_time(self._give_and_take, _CHANGE)
        except ServiceError:
            if not await self._settle_failed_change(lease):
                raise
        async with self._database.write() as connection:
            await lease.settle(connection)
            await invalidate_answers(connection, self._name)
            await self._tell(connection, "account.role_changed", after=self._role)

    async def _announce(self, lease: Lease) -> None:
        intent = {"name": self._name, "before": _largest(self._before), "after": self._role, "by": self._by}
        async with self._database.write() as connection:
            until = await lease.announce(connection, intent)
            # Until the lease ends, each request of the person asks the Hub, even if this process is killed now.
            await invalidate_answers(connection, self._name, at=until)

    async def _give_and_take(self) -> None:
        if self._role is not None and self._role not in self._before:
            await self._move(self._role, add_to_group, back=remove_from_group)
        for role in reversed(self._before):  # the largest first: if the rest fails, the person has less, not more
            if role is not self._role:
                try:
                    await self._move(role, remove_from_group, back=add_to_group)
                except HubUserMissingError:
                    if role in await roles_of(self._hub, self._name):  # a user who does not exist is in no group
                        raise

    async def _move(self, role: Role, there: _Move, *, back: _Move) -> None:
        """Put the person into a role's group, or take them out.

        The Hub normalises names, and may have moved somebody else with the normalised name, who is moved back then.
        Raises HubUserMissingError if the person was not moved.
        """
        group = group_of(role)
        moved = await self._hub.ask(there(group, self._name)) ^ self._members[role]
        if self._name in moved:
            return
        if moved:
            await self._hub.ask(back(group, self._name))
        raise HubUserMissingError(_ANOTHER)

    async def _settle_failed_change(self, lease: Lease) -> bool:
        """Ask the Hub whether a failed change was made. Record it in the audit if the groups are neither old nor new.

        If it was not made, `rights_changed_at` stays at the end of the lease: the Hub may still carry out a request
        that it did not answer.
        """
        try:
            present: list[Role] | None = await _in_time(lambda: roles_of(self._hub, self._name), _READ)
        except ServiceError:
            present = None
        if present == self._wanted:
            return True
        async with self._database.write() as connection:
            await lease.settle(connection)
            if present != self._before:
                _log.error("A change of a role at the desk failed half-way. The audit says whose: repeat the change.")
                after = "unknown" if present is None else _largest(present)
                await self._tell(connection, "account.role_change_failed", after=after)
        return False

    async def _tell(self, connection: AsyncConnection, what: str, *, after: str | None) -> None:
        await record_role(connection, what, self._name, by=self._by, before=_largest(self._before), after=after)


async def tell_cut_off(connection: AsyncConnection, intent: dict[str, Any]) -> None:
    """Write into the audit a change that was begun and not finished, for example because the process was killed.

    The change is not resumed, because nobody was told that it was made. It can be requested again. The person has the
    role that the Hub's groups give: no larger than the larger of `before` and `after`.
    """
    _log.error("A change of a role at the desk was cut off. The audit says whose: look which role they have.")
    name, by, before, after = (intent[key] for key in ("name", "by", "before", "after"))
    await invalidate_answers(connection, name)
    await record_role(connection, "account.role_change_cut_off", name, by=by, before=before, after=after)


async def record_role(
    connection: AsyncConnection, what: str, name: str, *, by: str, before: str | None, after: str | None
) -> None:
    """Write an entry about a person's role into the audit."""
    now = datetime.now(UTC)
    await record(connection, what, f"account/{name}", by=by, when=now, before={"role": before}, after={"role": after})


async def invalidate_answers(connection: AsyncConnection, name: str, *, at: datetime | None = None) -> None:
    """Store that the Hub's answers about a person from before `at` (aware; by default now) no longer count."""
    moment = at or datetime.now(UTC) + MAX_CLOCK_SKEW
    await connection.execute(update(accounts).where(accounts.c.name == name).values(rights_changed_at=moment))


def _largest(roles: Collection[Role]) -> Role | None:
    return role_of({group_of(role) for role in roles})


async def _in_time(work: Callable[[], Awaitable[_T]], seconds: float) -> _T:
    try:
        async with asyncio.timeout(seconds):
            return await work()
    except TimeoutError:
        raise HubUnavailableError(reason="it did not answer in time") from None
