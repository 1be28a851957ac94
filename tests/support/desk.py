"""The support desk in the test's process: the service, a database in a folder, and a caller of each role."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from service.apps.desk.domain.policy import GRANTS, Role, group_of
from service.testing import Caller, Service, make_settings, open_service
from tests.support.databases import sqlite_with_tables

EMPLOYEE = {"first_name": "Zoë", "last_name": "Okonkwo"}
TICKET = {"title": "The printer prints blank pages", "employee_id": 1}


class Desk:
    """A running desk and its callers. A member of the team gets an account at their first request."""

    def __init__(self, service: Service) -> None:
        """Make a caller of each role, with the role's name."""
        self.service = service
        self.support, self.manager, self.admin = (self.member(role) for role in Role)

    def member(self, role: Role, *, name: str = "", scopes: Collection[str] | None = None) -> Caller:
        """Make a member of the team, with a token for all of the role's scopes, or some."""
        rights = GRANTS[role] if scopes is None else scopes
        return self.service.user(name or str(role), scopes=rights, groups=[group_of(role)])

    def stranger(self) -> Caller:
        """Make a user of the Hub outside the team."""
        return self.service.user("testuser")

    async def employee(self, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        """Create an employee."""
        return _made(await self.admin.post("desk/employees", json=EMPLOYEE | fields))

    async def ticket(self, *, by: Caller | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        """Create a ticket, of the first employee unless another is named."""
        return _made(await (by or self.admin).post("desk/tickets", json=TICKET | fields))

    async def account(self, name: str = "carol", *, role: Role | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        """Create an account, and the Hub's user."""
        self.service.user(name)
        new = {"name": name, "first_name": "Carol", "last_name": "Kay", "role": role}
        return _made(await self.admin.post("desk/accounts", json=new | fields))


def version(thing: dict[str, Any]) -> dict[str, str]:
    """Return the header with the version that a change is made for."""
    return {"If-Match": f'"{thing["version"]}"'}


def _made(reply: httpx.Response) -> dict[str, Any]:
    assert reply.status_code == httpx.codes.CREATED, reply.text
    made: dict[str, Any] = reply.json()
    return made


@asynccontextmanager
async def open_desk(
    directory: Path,
    *,
    app: Mapping[str, Any] | None = None,
    **changed: Any,  # noqa: ANN401
) -> AsyncIterator[Desk]:
    """Run the desk with its database in this folder; `app`: for `create_app`; `changed`: fields of the settings."""
    url = await sqlite_with_tables(directory / "desk.sqlite")
    told = {"apps": ("desk",), "variables": {"DATABASE_URL": url}, **changed}
    async with open_service(settings=make_settings(**told), **(app or {})) as service:
        yield Desk(service)
