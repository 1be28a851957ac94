"""The audit: each change is recorded once, for good; on both databases."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from service.apps.desk.domain.queries import AuditQuery
from service.apps.desk.domain.values import AccountNew, AuditEntry, Employee, EmployeeNew, TicketNew
from service.apps.desk.errors import EmployeeMissingError
from service.apps.desk.storage import tables
from service.apps.desk.storage.desk import Desk
from tests.unit.apps.desk.conftest import Clock


async def told(desk: Desk, **query: Any) -> list[AuditEntry]:  # noqa: ANN401
    """Return the entries, the latest first."""
    return (await desk.audit.find(AuditQuery(**query))).items


async def test_the_life_of_a_ticket(desk: Desk, zoe: Employee) -> None:
    """The audit records who did what when, with all fields of a new or deleted ticket, and the fields that changed."""
    ticket = await desk.tickets.create(TicketNew(title="Blank", employee_id=zoe.id), by="ada")
    changed = await desk.tickets.change(ticket.id, {"status": "waiting", "title": "Blank"}, version=1, by="eve")
    await desk.tickets.delete(ticket.id, version=2, by="bob")
    fields = {"id": ticket.id, "title": "Blank", "description": "", "status": "open"}
    fields |= {"employee_id": zoe.id, "owner": "ada"}

    assert [entry.model_dump(exclude={"id", "when"}) for entry in await told(desk, thing=f"ticket/{ticket.id}")] == [
        _entry("bob", "ticket.deleted", ticket.id, fields | {"status": "waiting"}, None),
        _entry("eve", "ticket.changed", ticket.id, {"status": "open"}, {"status": "waiting"}),
        _entry("ada", "ticket.created", ticket.id, None, fields),
    ]
    times = [entry.when for entry in await told(desk, thing=f"ticket/{ticket.id}")]
    assert (times[1:], times[0] > times[1]) == ([changed.updated, ticket.created], True)


def _entry(who: str, what: str, key: int, before: object, after: object) -> dict[str, object]:
    return {"who": who, "what": what, "thing": f"ticket/{key}", "before": before, "after": after}


async def test_values_are_stored_as_json(desk: Desk) -> None:
    """Dates are stored as text, missing values as null, and names in their script."""
    await desk.employees.create(
        EmployeeNew.model_validate({"first_name": "小明", "last_name": "王", "birthday": "1990-02-28"}), by="ada"
    )
    (entry,) = await told(desk)
    assert entry.after is not None
    assert (entry.after["first_name"], entry.after["birthday"], entry.after["phone"]) == ("小明", "1990-02-28", None)


async def test_a_refused_change_is_not_recorded(desk: Desk) -> None:
    """An entry is written with its change, or not at all."""
    with pytest.raises(EmployeeMissingError):
        await desk.tickets.create(TicketNew(title="x", employee_id=4711), by="ada")
    assert await told(desk) == []


@pytest.mark.parametrize("statement", [update(tables.audit).values(who="nobody"), delete(tables.audit)])
@pytest.mark.usefixtures("zoe")
async def test_the_database_refuses_to_alter_entries(desk: Desk, statement: Any) -> None:  # noqa: ANN401
    """Triggers refuse changes and deletions, by our code and by hand."""
    before = await told(desk)
    with pytest.raises(DBAPIError, match="the audit is only ever added to"):
        async with desk.database.write() as connection:
            await connection.execute(statement)
    assert await told(desk) == before


async def test_entries_are_found_by_who_what_thing_and_time(desk: Desk, zoe: Employee, clock: Clock) -> None:
    """Filters combine. `since` includes its moment, and `until` excludes it."""
    await desk.accounts.create(AccountNew(name="ada", first_name="A", last_name="B"), by="admin")
    await desk.employees.change(zoe.id, {"city": "Lagos"}, version=1, by="ada")
    await desk.employees.change(zoe.id, {"city": None}, version=2, by="eve")
    last, middle, account, first = await told(desk)

    assert await told(desk, who="eve") == [last]
    assert await told(desk, what="employee.changed") == [last, middle]
    assert await told(desk, thing="account/ada") == [account]
    assert await told(desk, thing=first.thing, who="manager") == [first]
    assert await told(desk, since=account.when, until=last.when) == [middle, account]
    assert await told(desk, since=clock.time + timedelta(days=1)) == []
    assert await told(desk, who="", what="", thing="", since="", until="") == [last, middle, account, first]


async def test_entries_come_in_pages(desk: Desk, zoe: Employee) -> None:
    """Pages have the latest entries first, and each entry once."""
    for version in range(1, 8):
        await desk.employees.change(zoe.id, {"city": str(version)}, version=version, by="ada")
    query, found = AuditQuery(limit=3), []
    while True:
        page = await desk.audit.find(query)
        found += page.items
        if page.next is None:
            break
        query = query.model_copy(update={"cursor": page.next})

    assert found == await told(desk)
    assert len(found) == 8
