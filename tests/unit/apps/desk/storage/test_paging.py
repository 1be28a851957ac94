"""Pages of a list: nothing twice, nothing left out, and no cursor but ours."""

import base64
import json
import random
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.desk.domain.fields import sort_key
from service.apps.desk.domain.queries import AuditQuery, PageQuery, TicketQuery
from service.apps.desk.domain.transitions import Status
from service.apps.desk.domain.values import Employee, TicketNew
from service.apps.desk.errors import InvalidCursorError
from service.apps.desk.storage import records
from service.apps.desk.storage.desk import Desk
from service.apps.desk.storage.paging import Order
from service.apps.desk.storage.tables import tickets

SORTS = get_args(TicketQuery.model_fields["sort"].annotation)
TITLES = ["printer", "Printer", "", "Écran", "ecran", "打印机", "x" * 200, "printer"]


@pytest.fixture
async def many(desk: Desk, zoe: Employee) -> int:
    """Tickets, several of which have the same sort keys."""
    chance = random.Random(1)  # noqa: S311 - the same each time
    row = {"description": "", "status": "open", "employee_id": zoe.id, "owner": "ada", "version": 1, "search": ""}
    rows = [
        {**row, "title": title, "title_key": sort_key(title), "created": zoe.created, "updated": zoe.updated}
        for title in chance.choices(TITLES, k=50)
    ]
    async with desk.database.write() as connection:
        await connection.execute(tickets.insert(), rows)
    return len(rows)


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_make_up_the_list(desk: Desk, many: int, sort: str) -> None:
    """The pages together have each ticket once, in the order of the whole list, even if sort keys are equal."""
    whole = (await desk.tickets.find(TicketQuery.model_validate({"sort": sort, "limit": 200}))).items
    query = TicketQuery.model_validate({"sort": sort, "limit": 7})
    paged = []
    while True:
        page = await desk.tickets.find(query)
        paged += page.items
        if page.next is None:
            break
        assert len(page.items) == 7
        query = query.model_copy(update={"cursor": page.next})

    assert paged == whole
    assert len({ticket.id for ticket in paged}) == many


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_lead_back(desk: Desk, many: int, sort: str) -> None:
    """The way back from the last page has the same pages as the way there. The first page has none before it."""
    query = TicketQuery.model_validate({"sort": sort, "limit": 7})
    page = await desk.tickets.find(query)
    there = [page.items]
    while page.next:
        page = await desk.tickets.find(query.model_copy(update={"cursor": page.next}))
        there.append(page.items)
    back = [page.items]
    while page.previous:
        page = await desk.tickets.find(query.model_copy(update={"cursor": page.previous}))
        back.append(page.items)

    assert back == there[::-1]
    assert sum(map(len, back)) == many
    assert page.next is not None


@pytest.mark.usefixtures("many")
async def test_a_list_is_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has the number of items in the whole list if the query asks for it, up to a maximum."""
    assert (await desk.tickets.find(TicketQuery(limit=7))).count is None
    assert (await desk.tickets.find(TicketQuery(limit=7, count=True))).count == 50
    assert (await desk.tickets.find(TicketQuery(status=Status.CLOSED, count=True))).count == 0
    monkeypatch.setattr(records, "MAX_COUNT", 20)
    assert (await desk.tickets.find(TicketQuery(limit=7, count=True))).count == 20


@pytest.mark.usefixtures("many")
async def test_a_list_that_ends_with_a_page_has_no_other(desk: Desk) -> None:
    """The last page has no cursor, even if it is full."""
    assert (await desk.tickets.find(TicketQuery(limit=50))).next is None
    assert (await desk.tickets.find(TicketQuery(limit=49))).next is not None
    nothing = await desk.tickets.find(TicketQuery(status=Status.CLOSED))
    assert (nothing.items, nothing.next, nothing.previous) == ([], None, None)


@pytest.mark.usefixtures("many")
async def test_a_page_goes_on_where_the_last_ended(desk: Desk, zoe: Employee) -> None:
    """Things created or deleted meanwhile do not make others appear twice or not at all."""
    first = await desk.tickets.find(TicketQuery(limit=10, sort="-created"))
    await desk.tickets.create(TicketNew(title="new", employee_id=zoe.id), by="ada")
    await desk.tickets.delete(first.items[-1].id, version=1, by="ada")
    second = await desk.tickets.find(TicketQuery(limit=10, sort="-created", cursor=first.next))

    assert [ticket.id for ticket in second.items] == [first.items[-1].id - number for number in range(1, 11)]


OTHER_LISTS: dict[str, dict[str, Any]] = {
    "sorted otherwise": {"sort": "created"},
    "sorted by another column": {"sort": "-updated"},
    "filtered": {"status": "open"},
    "with a text": {"text": "x"},
}


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("other", OTHER_LISTS.values(), ids=OTHER_LISTS)
async def test_a_cursor_is_of_one_list(desk: Desk, other: dict[str, Any]) -> None:
    """A cursor is refused with another order or filter, and accepted with another page size."""
    cursor = (await desk.tickets.find(TicketQuery(limit=10))).next

    assert len((await desk.tickets.find(TicketQuery(limit=20, cursor=cursor))).items) == 20
    with pytest.raises(InvalidCursorError):
        await desk.tickets.find(TicketQuery.model_validate({"cursor": cursor, **other}))
    with pytest.raises(InvalidCursorError):
        await desk.audit.find(AuditQuery(cursor=cursor))


def parts_of(cursor: str) -> list[Any]:
    """Read what is in a cursor."""
    parts: list[Any] = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return parts


def cursor_of(parts: object) -> str:
    """Write a cursor as ours are written."""
    data = json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


TAMPERED: dict[str, Callable[[str], str]] = {
    "nothing of ours": lambda _: "abc",
    "no base64": lambda _: "?%&",
    "not ASCII": lambda _: "ä",
    "padded": lambda cursor: cursor + "=" * (-len(cursor) % 4 or 4),
    "with a stray character": lambda cursor: f"{cursor[:4]}\n{cursor[4:]}",
    "cut off": lambda cursor: cursor[:-1],
    "no JSON": lambda _: base64.urlsafe_b64encode(b"[1").decode(),
    "no list": lambda _: cursor_of({"a": 1}),
    "an empty list": lambda _: cursor_of([]),
    "deeply nested": lambda _: base64.urlsafe_b64encode(b"[" * 700).decode().rstrip("="),
    "bound to nothing": lambda cursor: cursor_of(["", *parts_of(cursor)[1:]]),
    "with spaces": lambda cursor: base64.urlsafe_b64encode(json.dumps(parts_of(cursor)).encode()).decode().rstrip("="),
    "too few values": lambda cursor: cursor_of(parts_of(cursor)[:2]),
    "too many values": lambda cursor: cursor_of([*parts_of(cursor), 1]),
    "no moment": lambda cursor: cursor_of([parts_of(cursor)[0], "x", 1]),
    "a moment before all": lambda cursor: cursor_of([parts_of(cursor)[0], -1, 1]),
    "a moment after all": lambda cursor: cursor_of([parts_of(cursor)[0], 10**18, 1]),
    "a moment that is true": lambda cursor: cursor_of([parts_of(cursor)[0], True, 1]),
    "a moment in fractions": lambda cursor: cursor_of([parts_of(cursor)[0], 1.5, 1]),
    "an id of no database": lambda cursor: cursor_of([*parts_of(cursor)[:2], 2**63]),
    "an id that is nothing": lambda cursor: cursor_of([*parts_of(cursor)[:2], None]),
}


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
async def test_a_cursor_that_is_not_ours_is_refused(desk: Desk, tamper: Callable[[str], str]) -> None:
    """A cursor that was tampered with is refused, and never causes an error of the database."""
    cursor = (await desk.tickets.find(TicketQuery(limit=10))).next
    assert cursor is not None
    with pytest.raises(InvalidCursorError):
        await desk.tickets.find(TicketQuery(cursor=tamper(cursor)))


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    "title", ["a\0b", "\ud800", 7, None, ["x"]], ids=["NUL", "half a character", "7", "null", "list"]
)
async def test_a_cursor_with_text_that_is_not_ours_is_refused(desk: Desk, title: object) -> None:
    """A made-up cursor with text that the database cannot take is refused."""
    cursor = (await desk.tickets.find(TicketQuery(limit=10, sort="title"))).next
    assert cursor is not None
    bound, _, key = parts_of(cursor)
    with pytest.raises(InvalidCursorError):
        await desk.tickets.find(TicketQuery(sort="title", cursor=cursor_of([bound, title, key])))


@pytest.mark.usefixtures("many")
async def test_a_cursor_with_another_place_is_that_place(desk: Desk) -> None:
    """A made-up cursor shows another page of the same list; quotes in it are plain text."""
    cursor = (await desk.tickets.find(TicketQuery(limit=10, sort="title"))).next
    assert cursor is not None
    bound, _, key = parts_of(cursor)
    page = await desk.tickets.find(TicketQuery(sort="title", cursor=cursor_of([bound, "zz') or 1=1 --", key])))

    assert {ticket.title for ticket in page.items} == {"打印机"}


@given(st.text(max_size=200))
def test_no_cursor_is_too_much(cursor: str) -> None:
    """Any text that is not a cursor is refused."""
    order = Order(tickets.c.created, tickets.c.id, descending=False)
    with pytest.raises(InvalidCursorError):
        order.part(PageQuery.model_construct(cursor=cursor, limit=1), of="ticket")
