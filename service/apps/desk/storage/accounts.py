"""Accounts: the members of the team. The Hub says which role each has; see `service.apps.desk.domain.roles`."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from service.apps.desk.domain.fields import HubName, can_have_account, fold
from service.apps.desk.domain.queries import AccountQuery
from service.apps.desk.domain.values import Account, AccountChange, AccountNew, AccountStatus
from service.apps.desk.errors import AccountExistsError, LoginDeniedError, NameNotPossibleError, NotFoundError
from service.apps.desk.storage import audit
from service.apps.desk.storage.account_status import STATEMENT, StatusLookup
from service.apps.desk.storage.database import Clock, Database
from service.apps.desk.storage.records import Fields, Records
from service.apps.desk.storage.tables import accounts
from service.apps.desk.storage.words import has_words

# How far the clocks of machines that share the desk may differ.
MAX_CLOCK_SKEW = timedelta(seconds=1)
MAX_OWNERS = 1000  # a longer list is of no use to choose from


class Accounts(Records[AccountNew, Account, AccountQuery]):
    """All accounts. Deleting one leaves the Hub's user, and the owner's name on tickets."""

    noun = "account"
    table = accounts
    key = accounts.c.name
    key_form = TypeAdapter(HubName)
    change_form = TypeAdapter(AccountChange)
    sorts = MappingProxyType({"created": accounts.c.created, "updated": accounts.c.updated, "name": accounts.c.name})

    def __init__(self, database: Database, *, look_up: StatusLookup, now: Clock) -> None:
        super().__init__(database, kind=Account, now=now)
        self._look_up = look_up

    @override
    def _derived(self, fields: Fields) -> dict[str, Any]:
        searched = ("name", "first_name", "last_name", "phone", "email")
        return {"search": fold(*(fields[name] for name in searched))}

    @override
    def _having(self, text: str) -> ColumnElement[bool]:
        return has_words(accounts.c.search, text)

    @override
    async def _judged(
        self, connection: AsyncConnection, before: Account | None, given: Fields, *, by: str
    ) -> dict[str, Any]:
        if before is None:
            return {**given, **self._fresh()}
        if "login_denied" in given:
            if before.login_denied and before.name == by:  # somebody else must lift it
                raise LoginDeniedError
            return {**given, "login_denied_at": self._now() if given["login_denied"] else None}
        return dict(given)

    async def status(self, name: str) -> AccountStatus | None:
        """Return what each request needs to know of an account; None if there is none of this name."""
        try:
            return await self._look_up(name)
        except Exception:  # noqa: BLE001 - whatever failed: the pool's errors say what, and its connections may work
            async with self._database.read() as connection:
                row = (await connection.execute(STATEMENT, {"name": name})).mappings().one_or_none()
            return None if row is None else AccountStatus(**row)

    async def owners(self) -> Mapping[str, str]:
        """Return who can be given tickets: first and last name by account name, sorted by it. At most 1000."""
        columns = accounts.c.name, accounts.c.first_name, accounts.c.last_name
        statement = select(*columns).where(accounts.c.disabled.is_(False)).order_by(accounts.c.name).limit(MAX_OWNERS)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return {name: f"{first} {last}".strip() for name, first, last in rows}

    async def note_invitation(self, name: str, *, by: str) -> None:
        """Write into the audit that somebody was sent a link to set their password."""
        async with self._database.write() as connection:
            await audit.record(
                connection, "account.invited", f"account/{name}", by=by, when=self._now(), before=None, after=None
            )

    async def ensure(self, name: str, *, by: str) -> Account:
        """Return the account. Create one without names for somebody who was put into a group at the Hub.

        Raises:
            NameNotPossibleError: there is none, and no account can have this name.
        """
        with suppress(NotFoundError):
            return await self.get(name)
        if not can_have_account(name):
            raise NameNotPossibleError
        empty = {"first_name": "", "last_name": "", "phone": None, "email": None}
        fields = {"name": name, **empty, **self._fresh()}
        with suppress(AccountExistsError):  # another worker was faster
            async with self._database.write() as connection:
                return await self._insert(connection, fields, by=by)
        return await self.get(name)

    def _fresh(self) -> dict[str, Any]:
        """Return the flags of a new account. Earlier answers of the Hub, perhaps about a deleted one, do not count."""
        return {"disabled": False, "login_denied": False, "rights_changed_at": self._now() + MAX_CLOCK_SKEW}
