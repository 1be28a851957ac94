"""Who changed what, when. Each change writes one entry in its transaction. Entries are never changed or deleted."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.apps.desk.domain.queries import MAX_COUNT, MAX_PAGE, AuditQuery, Page
from service.apps.desk.domain.values import AuditEntry
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
        part, wanted = _ORDER.part(query, of="audit"), _wanted(query)
        counting = select(func.count()).select_from(select(audit.c.id).where(*wanted).limit(MAX_COUNT).subquery())
        async with self._database.read() as connection:
            rows = (await connection.execute(part.of(select(audit).where(*wanted)), part.parameters)).mappings().all()
            count = await connection.scalar(counting) if query.count else None
        return part.page(rows, AuditEntry, count=count)

    async def export(self, query: AuditQuery) -> AsyncIterator[AuditEntry]:
        """Yield all entries that the query asks for, page by page."""
        cursor = query.cursor
        while True:
            page = await self.find(query.model_copy(update={"cursor": cursor, "limit": MAX_PAGE, "count": False}))
            for entry in page.items:
                yield entry
            if (cursor := page.next) is None:
                return


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
