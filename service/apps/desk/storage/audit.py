"""Who changed what, when. Each change writes one entry in its transaction. Entries are never changed or deleted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.apps.desk.domain.values import AuditEntry, AuditQuery, Page
from service.apps.desk.storage.database import Database
from service.apps.desk.storage.paging import Order
from service.apps.desk.storage.tables import audit

Fields = Mapping[str, Any]

_ORDER = Order(audit.c.when, audit.c.id, descending=True)


class Audit:
    """The entries of the audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, query: AuditQuery) -> Page[AuditEntry]:
        """Return a page, the latest first.

        Raises:
            InvalidCursorError: the cursor is of another list.
            DatabaseUnavailableError: the database cannot be asked.
        """
        page = _ORDER.page_of(select(audit).where(*_wanted(query)), query, of="audit")
        async with self._database.read() as connection:
            rows = (await connection.execute(*page)).mappings().all()
        return _ORDER.page(rows, query, AuditEntry, of="audit")


async def record(
    connection: AsyncConnection,
    what: str,
    thing: str,
    *,
    by: str,
    when: datetime,
    before: Fields | None,
    after: Fields | None,
) -> None:
    """Write an entry in the transaction that makes the change. `before` and `after` hold JSON values."""
    entry = {"when": when, "who": by, "what": what, "thing": thing, "before": before, "after": after}
    await connection.execute(insert(audit).values(entry))


def _wanted(query: AuditQuery) -> list[ColumnElement[bool]]:
    exact = {audit.c.who: query.who, audit.c.what: query.what, audit.c.thing: query.thing}
    wanted = [column == value for column, value in exact.items() if value is not None]
    if query.since:
        wanted.append(audit.c.when >= query.since)
    if query.until:
        wanted.append(audit.c.when < query.until)
    return wanted
