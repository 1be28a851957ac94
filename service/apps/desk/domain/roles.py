"""Who has which role at the desk, and how roles change. Only the Hub's groups hold them: there is no copy here."""

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from service.apps.desk.domain import role_change
from service.apps.desk.domain.fields import can_have_account
from service.apps.desk.domain.policy import Role
from service.apps.desk.domain.role_change import PendingRoleChange, held, members_by_role
from service.apps.desk.domain.values import Account, AccountNew
from service.apps.desk.errors import (
    AdminExistsError,
    LastAdminError,
    LoginDeniedError,
    NotFoundError,
    VersionConflictError,
)
from service.apps.desk.storage.accounts import Accounts
from service.apps.desk.storage.database import Database
from service.apps.desk.storage.lease import Lease, hold_lease
from service.errors import ServiceError
from service.hub.administration import create_user, has_user
from service.hub.client import HubClient
from service.hub.errors import GroupsManagedError, HubUserMissingError

_BLOCKING = ("disabled", "login_denied")


class RoleKeeper:
    """Reads and changes roles, one change at a time on all workers.

    Everything that could remove the desk's last active administrator goes through here: changes of a role, the flags
    `disabled` and `login_denied`, the deletion of an account. An administrator without a flag is active.

    Every method may raise HubUnavailableError, HubRefusedServiceError, DatabaseUnavailableError. Methods that change
    something may also raise ChangeUnderWayError.
    """

    def __init__(
        self, hub: HubClient, database: Database, accounts: Accounts, *, groups_are_managed: bool = False
    ) -> None:
        self._hub = hub
        self._database = database
        self._accounts = accounts
        self._groups_are_managed = groups_are_managed

    async def members(self) -> Mapping[str, Role]:
        """Return everybody who has a role, by name."""
        # A larger role comes later, and replaces a smaller one.
        return {name: role for role, names in (await members_by_role(self._hub)).items() for name in names}

    async def role_of(self, name: str) -> Role | None:
        """Return a person's role as of now."""
        return (await self.members()).get(name)

    async def active_admins(self) -> frozenset[str]:
        """Return the names of the active administrators."""
        return frozenset(
            [name for name in (await members_by_role(self._hub))[Role.ADMIN] if await self._is_active(name)]
        )

    async def change(self, name: str, role: Role | None, *, by: str, seen: str | None = None) -> None:
        """Give a role, or take it away with None. The change holds from the person's next request on, on every worker.

        `seen`: the role that the change was made for, "" for none; None to make it whatever the role is by now.

        If the Hub or the database fails, the change can be repeated. Until then the person has the old or the new role.

        Raises:
            NotFoundError: there is no such account.
            VersionConflictError: the role is not the one that was seen.
            LastAdminError, GroupsManagedError, HubUserMissingError: nothing was changed.
        """
        async with self._hold_lease() as lease:
            if seen is not None and seen != (await self.role_of(name) or ""):
                raise VersionConflictError
            await self._change(lease, name, role, by=by)

    async def make_first_admin(self, name: str, *, by: str, beside: Collection[str] = ()) -> None:
        """Give a user of the Hub the role admin, and an account without flags.

        `beside`: administrators who may exist already.

        Raises:
            AdminExistsError: somebody who is not in `beside` can administer the desk.
            Whatever `change` raises.
        """
        async with self._hold_lease() as lease:
            if await self.active_admins() - {*beside}:
                raise AdminExistsError
            if not await self._hub.ask(has_user(name)):  # none is made: the name may be misspelt
                raise HubUserMissingError
            account = await self._accounts.ensure(name, by=by)
            if account.disabled or account.login_denied:
                flags = dict.fromkeys(_BLOCKING, False)
                await self._accounts.change(name, flags, version=account.version, by=by, guard=lease.check)
            await self._change(lease, name, Role.ADMIN, by=by)

    async def create(self, new: AccountNew, *, role: Role | None = None, by: str) -> Account:
        """Create an account, with a role if one is named, and the Hub's user after it, if the service may make one.

        If the Hub has no user and makes none, the account is deleted again, and likewise if the role cannot be given.
        It stays if the person has some role, or if the Hub cannot say whether they have one.

        Raises:
            HubUserMissingError: the Hub has no user of this name, and the service may not make one.
            Whatever `Accounts.create` and `change` raise.
        """
        if role is not None:
            self._check_groups_are_ours()
        account = await self._accounts.create(new, by=by)
        try:
            await self._ensure_hub_user(new.name)
        except ServiceError:
            await self._accounts.delete(new.name, version=account.version, by=by)
            raise
        try:
            if role is not None:
                await self.change(new.name, role, by=by)
        except ServiceError:
            # The team's page lists accounts: nobody would see a role without one.
            if await self.role_of(new.name) is None:
                await self._accounts.delete(new.name, version=account.version, by=by)
            raise
        return account

    async def change_account(self, name: str, patch: Mapping[str, Any], *, version: int, by: str) -> Account:
        """Change an account as `Accounts.change` does. Raises LastAdminError if no active admin would be left."""
        if not any(patch.get(flag) for flag in _BLOCKING):
            return await self._accounts.change(name, patch, version=version, by=by)
        async with self._hold_lease() as lease:
            await self._check_not_last(name, (await members_by_role(self._hub))[Role.ADMIN])
            return await self._accounts.change(name, patch, version=version, by=by, guard=lease.check)

    async def delete(self, name: str, *, version: int, by: str) -> None:
        """Remove the role, then delete the account. The Hub's user stays.

        Raises:
            LoginDeniedError: it is the actor's own account with `login_denied`, and deleting it would lift that.
            Whatever `change` and `Accounts.delete` raise.
        """
        async with self._hold_lease() as lease:
            account = await self._accounts.get(name)
            if account.version != version:
                raise VersionConflictError
            if name == by and account.login_denied:
                raise LoginDeniedError
            before = await self._change(lease, name, None, by=by)
            try:
                await self._accounts.delete(name, version=version, by=by, guard=lease.check)
            except VersionConflictError:  # somebody changed names or contacts meanwhile: that takes no lease
                await self._change(lease, name, before, by=by)
                raise

    async def _change(self, lease: Lease, name: str, role: Role | None, *, by: str) -> Role | None:
        """Give a role, or take it away. Returns the role that the person had before."""
        members = await members_by_role(self._hub)
        present = held(members, name)
        if await self._accounts.status(name) is None:
            if not present:
                raise NotFoundError
            await self._accounts.ensure(name, by=by)
        before = present[-1] if present else None
        if present == ([] if role is None else [role]):
            return before
        self._check_groups_are_ours()
        if role is not Role.ADMIN:
            await self._check_not_last(name, members[Role.ADMIN])
        if role is not None:
            await self._ensure_hub_user(name)
        change = PendingRoleChange(self._hub, self._database, name=name, members=members, role=role, by=by)
        await change.make(lease)
        return before

    async def _check_not_last(self, name: str, admins: Collection[str]) -> None:
        if name not in admins or not await self._is_active(name):
            return
        for other in admins:
            if other != name and await self._is_active(other):
                return
        raise LastAdminError

    async def _is_active(self, name: str) -> bool:
        if not can_have_account(name):  # nobody lets them in: see `Accounts.ensure`
            return False
        status = await self._accounts.status(name)
        return status is None or not (status.disabled or status.login_denied)

    async def _ensure_hub_user(self, name: str) -> None:
        if await self._hub.ask(has_user(name)):
            return
        await self._hub.ask(create_user(name))
        if not await self._hub.ask(has_user(name)):
            raise HubUserMissingError("The Hub writes this name differently: take the name that it shows.")

    def _check_groups_are_ours(self) -> None:
        if self._groups_are_managed:
            raise GroupsManagedError

    def _hold_lease(self) -> AbstractAsyncContextManager[Lease]:
        return hold_lease(self._database, role_change.tell_cut_off)
