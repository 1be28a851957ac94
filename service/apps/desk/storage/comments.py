"""Comments on tickets. They are never changed. They are deleted with their ticket, and the audit keeps them."""

from sqlalchemy import exists, insert, select

from service.apps.desk.domain.queries import CommentQuery, Page
from service.apps.desk.domain.values import Comment, CommentNew
from service.apps.desk.errors import NotFoundError
from service.apps.desk.storage import audit
from service.apps.desk.storage.database import Clock, Database
from service.apps.desk.storage.paging import Order, counting
from service.apps.desk.storage.tables import comments, tickets

_COLUMNS = [comments.c[name] for name in Comment.model_fields]
_ORDERS = {f"{sign}created": Order(comments.c.created, comments.c.id, descending=bool(sign)) for sign in ("", "-")}


class Comments:
    """All comments. Both methods raise NotFoundError if there is no such ticket, and DatabaseUnavailableError."""

    def __init__(self, database: Database, *, now: Clock) -> None:
        self._database = database
        self._now = now

    async def add(self, ticket_id: int, new: CommentNew, *, by: str) -> Comment:
        """Add a comment. The ticket keeps its version: a comment does not conflict with a change of the ticket."""
        row = {"ticket_id": ticket_id, "author": by, "created": self._now(), "text": new.text}
        async with self._database.write(foreign_key_error=NotFoundError) as connection:
            stored = await connection.execute(insert(comments).values(row).returning(*_COLUMNS))
            comment = Comment.model_validate(dict(stored.mappings().one()))
            after = {"comment": comment.id, "text": comment.text}
            await audit.record(
                connection,
                "ticket.commented",
                f"ticket/{ticket_id}",
                by=by,
                when=comment.created,
                before=None,
                after=after,
            )
        return comment

    async def find(self, ticket_id: int, query: CommentQuery) -> Page[Comment]:
        """Return a page of a ticket's comments. Raises InvalidCursorError if the cursor is of another list."""
        part = _ORDERS[query.sort].part(query, of=f"comments of {ticket_id}")
        wanted = select(*_COLUMNS).where(comments.c.ticket_id == ticket_id)
        async with self._database.read() as connection:
            if not await connection.scalar(select(exists().where(tickets.c.id == ticket_id))):
                raise NotFoundError
            rows = (await connection.execute(part.of(wanted), part.parameters)).mappings().all()
            count = await connection.scalar(counting(wanted)) if query.count else None
        return part.page(rows, Comment, count=count)
