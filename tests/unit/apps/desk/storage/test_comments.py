"""Comments on tickets: added, read page by page, kept in the audit, and gone with their ticket; on both databases."""

import anyio
import pytest

from service.apps.desk.domain.queries import AuditQuery, CommentQuery, TicketQuery
from service.apps.desk.domain.values import CommentNew, Employee, Ticket, TicketNew
from service.apps.desk.errors import InvalidCursorError, NotFoundError
from service.apps.desk.storage import paging
from service.apps.desk.storage.desk import Desk


@pytest.fixture
async def ticket(desk: Desk, zoe: Employee) -> Ticket:
    """A ticket to comment on."""
    return await desk.tickets.create(TicketNew(title="Printer", employee_id=zoe.id), by="ada")


async def test_a_comment(desk: Desk, ticket: Ticket) -> None:
    """A comment has its author and time, and is in the audit with its text. The ticket does not change."""
    comment = await desk.comments.add(ticket.id, CommentNew(text=" New\r\ntoner "), by="eve")
    (entry, *_) = (await desk.audit.find(AuditQuery())).items

    assert (comment.author, comment.text) == ("eve", "New\ntoner")
    assert (await desk.comments.find(ticket.id, CommentQuery())).items == [comment]
    assert await desk.tickets.get(ticket.id) == ticket
    assert (entry.who, entry.when, entry.what, entry.thing) == (
        "eve",
        comment.created,
        "ticket.commented",
        f"ticket/{ticket.id}",
    )
    assert (entry.before, entry.after) == (None, {"comment": comment.id, "text": "New\ntoner"})


async def test_comments_page_by_page(desk: Desk, zoe: Employee, ticket: Ticket) -> None:
    """The oldest comments come first unless the query says otherwise. A cursor works for one ticket's comments only."""
    other = await desk.tickets.create(TicketNew(title="Other", employee_id=zoe.id), by="ada")
    made = [await desk.comments.add(ticket.id, CommentNew(text=str(number)), by="ada") for number in range(5)]
    await desk.comments.add(other.id, CommentNew(text="x"), by="ada")
    first = await desk.comments.find(ticket.id, CommentQuery(limit=3, count=True))
    second = await desk.comments.find(ticket.id, CommentQuery(limit=3, cursor=first.next))
    latest = await desk.comments.find(ticket.id, CommentQuery(limit=2, sort="-created"))

    assert [*first.items, *second.items] == made
    assert (first.count, first.previous, second.next) == (5, None, None)
    assert latest.items == [made[4], made[3]]
    with pytest.raises(InvalidCursorError):
        await desk.comments.find(other.id, CommentQuery(cursor=first.next))


async def test_no_comment_on_nothing(desk: Desk) -> None:
    """A ticket that does not exist has no comments and gets none, and the audit has no entry."""
    with pytest.raises(NotFoundError):
        await desk.comments.find(4711, CommentQuery())
    with pytest.raises(NotFoundError):
        await desk.comments.add(4711, CommentNew(text="x"), by="ada")

    assert (await desk.audit.find(AuditQuery())).items == []


async def test_comments_go_with_their_ticket(desk: Desk, ticket: Ticket) -> None:
    """The comments of a ticket are deleted with it. The audit keeps them."""
    await desk.comments.add(ticket.id, CommentNew(text="x"), by="ada")
    await desk.tickets.delete(ticket.id, version=1, by="ada")
    told = (await desk.audit.find(AuditQuery(thing=f"ticket/{ticket.id}"))).items

    with pytest.raises(NotFoundError):
        await desk.comments.find(ticket.id, CommentQuery())
    assert [entry.what for entry in told] == ["ticket.deleted", "ticket.commented", "ticket.created"]


async def test_a_comment_and_a_deletion_at_once(desk: Desk, ticket: Ticket) -> None:
    """A comment that meets a deletion is added before it or refused: none is left without a ticket."""
    added: list[bool] = []

    async def add() -> None:
        try:
            await desk.comments.add(ticket.id, CommentNew(text="x"), by="ada")
        except NotFoundError:
            added.append(False)
        else:
            added.append(True)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(add)
        await desk.tickets.delete(ticket.id, version=1, by="ada")
        for _ in range(5):
            group.start_soon(add)
    told = (await desk.audit.find(AuditQuery(what="ticket.commented", limit=200))).items

    assert (await desk.tickets.find(TicketQuery())).items == []
    assert added.count(True) == len(told)
    assert added[-1] is False


async def test_comments_are_counted_up_to_a_maximum(
    desk: Desk, ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many comments a ticket has, no more than the maximum are counted."""
    monkeypatch.setattr(paging, "MAX_COUNT", 2)
    for _ in range(3):
        await desk.comments.add(ticket.id, CommentNew(text="x"), by="ada")

    assert (await desk.comments.find(ticket.id, CommentQuery(count=True))).count == 2
