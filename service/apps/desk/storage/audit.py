"""Who changed what, when. Each change writes one entry in its transaction. Entries are never changed or deleted."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.apps.desk.domain.queries import AuditQuery, Page
from service.apps.desk.domain.values import AuditEntry
from service.apps.desk.storage.database import Database
from service.apps.desk.storage.paging import Order, counting, every, filters
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
        part = _ORDER.part(query, of="audit")
        exact = {audit.c.who: query.who, audit.c.what: query.what, audit.c.thing: query.thing}
        wanted = filters(query, exact, moment=audit.c.when)
        async with self._database.read() as connection:
            rows = (await connection.execute(part.of(select(audit).where(*wanted)), part.parameters)).mappings().all()
            count = await connection.scalar(counting(select(audit.c.id).where(*wanted))) if query.count else None
        return part.page(rows, AuditEntry, count=count)

    def export(self, query: AuditQuery) -> AsyncIterator[AuditEntry]:
        """Yield all entries that the query asks for, page by page."""
        return every(self.find, query)


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
