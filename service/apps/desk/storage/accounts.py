"""Accounts: the members of the team. Which role each has, the Hub says; see `service.apps.desk.domain.roles`."""

from contextlib import suppress
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from service.apps.desk.domain.fields import HubName, fold
from service.apps.desk.domain.values import Account, AccountChange, AccountNew, AccountQuery, Standing
from service.apps.desk.errors import AccountExistsError, LoginDeniedError, NotFoundError
from service.apps.desk.storage.account_status import Ask
from service.apps.desk.storage.database import Clock, Database
from service.apps.desk.storage.records import Fields, Records
from service.apps.desk.storage.tables import accounts

# By how much the clocks of machines that share the desk may differ.
CLOCKS = timedelta(seconds=1)

_STANDING = select(*(accounts.c[name] for name in Standing.model_fields))


class Accounts(Records[AccountNew, Account, AccountQuery]):
    """All accounts. To delete one leaves the Hub's user, and the owner's name on tickets."""

    noun = "account"
    table = accounts
    key = accounts.c.name
    key_form = TypeAdapter(HubName)
    change_form = TypeAdapter(AccountChange)
    sorts = MappingProxyType({"created": accounts.c.created, "updated": accounts.c.updated, "name": accounts.c.name})

    def __init__(self, database: Database, *, ask: Ask, now: Clock) -> None:
        super().__init__(database, kind=Account, now=now)
        self._ask = ask

    @override
    def _derived(self, fields: Fields) -> dict[str, Any]:
        searched = ("name", "first_name", "last_name", "phone", "email")
        return {"search": fold(*(fields[name] for name in searched))}

    @override
    async def _judged(
        self, connection: AsyncConnection, before: Account | None, given: Fields, *, by: str
    ) -> dict[str, Any]:
        if before is None:
            return {**given, **self._fresh()}
        if "login_denied" in given:
            if before.login_denied and before.name == by:  # to lift it is for somebody else
                raise LoginDeniedError
            return {**given, "login_denied_at": self._now() if given["login_denied"] else None}
        return dict(given)

    async def standing(self, name: str) -> Standing | None:
        """Return what each request asks of an account; None for who has none."""
        try:
            found = await self._ask(name)
        except Exception:  # noqa: BLE001 - whatever it is: the usual way says so, or does better
            async with self._database.read() as connection:
                row = (await connection.execute(_STANDING.where(accounts.c.name == name))).mappings().one_or_none()
            found = None if row is None else dict(row)
        return None if found is None else Standing.model_validate(dict(found))

    async def ensure(self, name: str, *, by: str) -> Account:
        """Return the account, made without names where there is none: its person was put into a group at the Hub."""
        with suppress(NotFoundError):
            return await self.get(name)
        empty = {"first_name": "", "last_name": "", "phone": None, "email": None}
        fields = {"name": name, **empty, **self._fresh()}
        with suppress(AccountExistsError):  # another worker was faster
            async with self._database.write() as connection:
                return await self._insert(connection, fields, by=by)
        return await self.get(name)

    def _fresh(self) -> dict[str, Any]:
        """What each account begins with. What the Hub said before may be of one of this name that was deleted."""
        return {"disabled": False, "login_denied": False, "rights_changed_at": self._now() + CLOCKS}
