"""Employees: those who ask for help."""

from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from service.apps.desk.domain.fields import Id, fold, sort_key
from service.apps.desk.domain.queries import EmployeeQuery
from service.apps.desk.domain.values import Employee, EmployeeChange, EmployeeNew
from service.apps.desk.errors import EmployeeHasTicketsError
from service.apps.desk.storage.records import Fields, Records
from service.apps.desk.storage.tables import employees
from service.apps.desk.storage.words import has_words


class Employees(Records[EmployeeNew, Employee, EmployeeQuery]):
    """All employees. One with tickets cannot be deleted."""

    noun = "employee"
    table = employees
    key = employees.c.id
    key_form = TypeAdapter(Id)
    change_form = TypeAdapter(EmployeeChange)
    sorts = MappingProxyType(
        {"created": employees.c.created, "updated": employees.c.updated, "last_name": employees.c.name_key}
    )
    foreign_key_error = EmployeeHasTicketsError

    @override
    def _derived(self, fields: Fields) -> dict[str, Any]:
        searched = ("first_name", "last_name", "nick_name", "phone", "email")
        return {
            "search": fold(*(fields[name] for name in searched)),
            "name_key": sort_key(fields["last_name"], fields["first_name"]),
        }

    @override
    def _having(self, text: str) -> ColumnElement[bool]:
        return has_words(employees.c.search, text)

    @override
    async def _judged(
        self, connection: AsyncConnection, before: Employee | None, given: Fields, *, by: str
    ) -> dict[str, Any]:
        return dict(given)

    async def has_any(self) -> bool:
        """Return whether there is any employee."""
        async with self._database.read() as connection:
            return bool(await connection.scalar(select(exists(select(employees.c.id)))))
