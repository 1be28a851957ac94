"""Tickets: what somebody needs help with, who works on it, and its status."""

from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from service.apps.desk.domain.fields import Id, fold, sort_key
from service.apps.desk.domain.queries import TicketQuery
from service.apps.desk.domain.transitions import Status, may_follow
from service.apps.desk.domain.values import Ticket, TicketChange, TicketNew
from service.apps.desk.errors import EmployeeMissingError, OwnerMissingError, StatusTransitionError
from service.apps.desk.storage.paging import filters
from service.apps.desk.storage.records import Fields, Records
from service.apps.desk.storage.tables import accounts, employees, tickets
from service.apps.desk.storage.words import has_words

_FEW = 200  # employees

Condition = ColumnElement[bool]
"""What a ticket must fulfil to be found."""


class Tickets(Records[TicketNew, Ticket, TicketQuery]):
    """All tickets. Giving a ticket to somebody else requires that they have an account, which may be deleted later."""

    noun = "ticket"
    table = tickets
    key = tickets.c.id
    key_form = TypeAdapter(Id)
    change_form = TypeAdapter(TicketChange)
    sorts = MappingProxyType({"created": tickets.c.created, "updated": tickets.c.updated, "title": tickets.c.title_key})
    foreign_key_error = EmployeeMissingError

    @override
    def _derived(self, fields: Fields) -> dict[str, Any]:
        return {
            "search": fold(fields["title"], fields["description"]),
            "title_key": sort_key(fields["title"]),
        }

    @override
    def _wanted(self, query: TicketQuery) -> list[ColumnElement[bool]]:
        exact = {tickets.c.status: query.status, tickets.c.owner: query.owner, tickets.c.employee_id: query.employee}
        return filters(query, exact, moment=tickets.c.created)

    async def by_requester(self, text: str) -> Condition | None:
        """Return a condition for tickets of employees with all words of `text` in name, phone or e-mail; None if none.

        Pass it to `find` and `export` as `or_matching`. Without it, they search only the text of the tickets.
        """
        found = select(employees.c.id).where(has_words(employees.c.search, text))
        async with self._database.read() as connection:
            ids = (await connection.scalars(found.limit(_FEW + 1))).all()
        # For a few ids the database knows how frequent each is, and chooses the faster way to their tickets.
        return tickets.c.employee_id.in_(ids if len(ids) <= _FEW else found) if ids else None

    @override
    async def _judged(
        self, connection: AsyncConnection, before: Ticket | None, given: Fields, *, by: str
    ) -> dict[str, Any]:
        row = dict(given)
        if before is None:
            row |= {"owner": given["owner"] or by, "status": Status.OPEN}
        elif not may_follow(before.status, given.get("status", before.status)):
            raise StatusTransitionError(before.status, given["status"])
        await _check_owner(connection, row.get("owner", by), by=by)
        return row


async def _check_owner(connection: AsyncConnection, owner: str, *, by: str) -> None:
    if owner != by and not await connection.scalar(select(exists().where(accounts.c.name == owner))):
        raise OwnerMissingError
