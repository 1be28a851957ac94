"""Tickets: created, found, changed and deleted, on both databases."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import anyio
import pytest
from pydantic import ValidationError

from service.apps.desk.domain.queries import TicketQuery
from service.apps.desk.domain.transitions import Status
from service.apps.desk.domain.values import AccountNew, Employee, EmployeeNew, Ticket, TicketNew
from service.apps.desk.errors import (
    EmployeeMissingError,
    NotFoundError,
    OwnerMissingError,
    StatusTransitionError,
    VersionConflictError,
)
from service.apps.desk.storage import tickets
from service.apps.desk.storage.desk import Desk
from service.errors import ConflictError
from tests.unit.apps.desk.conftest import Clock


@pytest.fixture
async def ticket(desk: Desk, zoe: Employee) -> Ticket:
    """A ticket that was just created."""
    new = TicketNew(title="Printer: 50% of pages blank", description="Since\nMonday", employee_id=zoe.id)
    return await desk.tickets.create(new, by="ada")


async def test_a_new_ticket_is_open_and_its_creators(desk: Desk, zoe: Employee, ticket: Ticket) -> None:
    """A new ticket is returned as it is stored, with id, version and times in UTC."""
    assert ticket.model_dump(exclude={"created", "updated"}) == {
        "id": ticket.id,
        "version": 1,
        "title": "Printer: 50% of pages blank",
        "description": "Since\nMonday",
        "status": Status.OPEN,
        "employee_id": zoe.id,
        "owner": "ada",
    }
    assert (ticket.created, str(ticket.created.tzinfo)) == (ticket.updated, "UTC")
    assert await desk.tickets.get(ticket.id) == ticket


@pytest.mark.parametrize("key", [0, -1, 4711, 2**63, 2**200, "x", "1'", "\0"])
async def test_what_is_not_there_is_not_found(desk: Desk, key: int | str) -> None:
    """A key that no ticket has, or could have, is not found."""
    with pytest.raises(NotFoundError):
        await desk.tickets.get(key)
    with pytest.raises(NotFoundError):
        await desk.tickets.change(key, {"title": "x"}, version=1, by="ada")
    with pytest.raises(NotFoundError):
        await desk.tickets.delete(key, version=1, by="ada")


async def test_a_patch_changes_what_it_names(desk: Desk, ticket: Ticket, clock: Clock) -> None:
    """Absent fields stay (RFC 7396). The version and the time of the last change move on."""
    changed = await desk.tickets.change(ticket.id, {"status": "waiting", "title": " New "}, version=1, by="eve")

    assert changed == ticket.model_copy(
        update={"status": Status.WAITING, "title": "New", "version": 2, "updated": clock.time}
    )
    assert await desk.tickets.get(ticket.id) == changed


async def test_a_patch_that_changes_nothing_leaves_no_trace(desk: Desk, ticket: Ticket) -> None:
    """A patch that changes nothing does not change the version, and is not in the audit."""
    for patch in ({}, {"title": ticket.title, "status": "open"}):
        assert await desk.tickets.change(ticket.id, patch, version=1, by="eve") == ticket
    with pytest.raises(VersionConflictError):
        await desk.tickets.change(ticket.id, {}, version=2, by="eve")


WRONG: dict[str, Mapping[str, Any]] = {
    "a field that there is not": {"priority": "high"},
    "the id": {"id": 9},
    "the version": {"version": 9},
    "a time": {"created": "2026-01-01T00:00:00Z"},
    "null for what must be": {"title": None},
    "a wrong value": {"title": ""},
    "a status that there is not": {"status": "lost"},
}


@pytest.mark.parametrize("patch", WRONG.values(), ids=WRONG)
async def test_a_wrong_patch_is_refused(desk: Desk, ticket: Ticket, patch: Mapping[str, Any]) -> None:
    """A patch with unknown fields, fixed fields or wrong values changes nothing."""
    with pytest.raises(ValidationError):
        await desk.tickets.change(ticket.id, {"description": "changed", **patch}, version=1, by="eve")
    assert await desk.tickets.get(ticket.id) == ticket


async def test_a_status_follows_the_table(desk: Desk, ticket: Ticket) -> None:
    """A closed ticket must be opened before it gets another status."""
    closed = await desk.tickets.change(ticket.id, {"status": "closed"}, version=1, by="eve")
    with pytest.raises(StatusTransitionError, match=r"^A ticket that is closed cannot become waiting\.$"):
        await desk.tickets.change(ticket.id, {"status": "waiting"}, version=closed.version, by="eve")
    assert (await desk.tickets.change(ticket.id, {"status": "open"}, version=2, by="eve")).version == 3


async def test_of_two_changes_at_once_one_is_told_to_look_again(desk: Desk, ticket: Ticket) -> None:
    """Of twenty changes made for one version, one is applied and the others are refused."""
    outcomes: list[str] = []

    async def change(number: int) -> None:
        try:
            await desk.tickets.change(ticket.id, {"title": f"by {number}"}, version=1, by=f"user{number}")
        except VersionConflictError as error:
            outcomes.append(error.code)
        else:
            outcomes.append(f"by {number}")

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(change, number)

    (applied,) = [outcome for outcome in outcomes if outcome != "version_conflict"]
    now = await desk.tickets.get(ticket.id)
    assert (len(outcomes), now.title, now.version) == (20, applied, 2)


async def test_a_change_and_a_deletion_at_once_do_not_both_happen(desk: Desk, ticket: Ticket) -> None:
    """Of a simultaneous change and deletion, the second is refused."""
    outcomes: list[str] = []

    async def attempt(number: int) -> None:
        try:
            if number % 2:
                await desk.tickets.delete(ticket.id, version=1, by="eve")
            else:
                await desk.tickets.change(ticket.id, {"title": "x"}, version=1, by="eve")
            outcomes.append("done")
        except (VersionConflictError, NotFoundError) as error:
            outcomes.append(error.code)

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(attempt, number)

    assert outcomes.count("done") == 1


async def test_a_deleted_ticket_is_gone_and_its_id_not_given_again(desk: Desk, zoe: Employee, ticket: Ticket) -> None:
    """The id of a deleted ticket is not reused, because the audit refers to it."""
    with pytest.raises(VersionConflictError):
        await desk.tickets.delete(ticket.id, version=7, by="eve")
    await desk.tickets.delete(ticket.id, version=1, by="eve")
    with pytest.raises(NotFoundError):
        await desk.tickets.get(ticket.id)
    assert (await desk.tickets.create(TicketNew(title="x", employee_id=zoe.id), by="ada")).id > ticket.id


async def test_who_asked_must_be_there(desk: Desk, ticket: Ticket) -> None:
    """A ticket cannot name an employee who does not exist, neither when created nor later."""
    with pytest.raises(EmployeeMissingError):
        await desk.tickets.create(TicketNew(title="x", employee_id=4711), by="ada")
    with pytest.raises(EmployeeMissingError):
        await desk.tickets.change(ticket.id, {"employee_id": 2**63 - 1}, version=1, by="ada")


async def test_an_owner_is_of_the_team(desk: Desk, zoe: Employee, ticket: Ticket) -> None:
    """A ticket can be given only to somebody with an account, and stays when that account is deleted."""
    with pytest.raises(OwnerMissingError):
        await desk.tickets.create(TicketNew(title="x", employee_id=zoe.id, owner="nobody"), by="ada")
    with pytest.raises(OwnerMissingError):
        await desk.tickets.change(ticket.id, {"owner": "nobody"}, version=1, by="ada")

    account = await desk.accounts.create(AccountNew(name="bob", first_name="B", last_name="B"), by="ada")
    assert (await desk.tickets.change(ticket.id, {"owner": "bob"}, version=1, by="ada")).owner == "bob"
    await desk.accounts.delete("bob", version=account.version, by="ada")
    changed = await desk.tickets.change(ticket.id, {"title": "Still bob's"}, version=2, by="eve")
    assert changed.owner == "bob"
    assert (await desk.tickets.change(ticket.id, {"owner": "eve"}, version=3, by="eve")).owner == "eve"


async def titles(desk: Desk, **query: Any) -> list[str]:  # noqa: ANN401
    """Find tickets and return their titles, sorted."""
    return sorted(item.title for item in (await desk.tickets.find(TicketQuery(**query))).items)


FOUND = {
    "a word": ("printer", ["Printer: 50% of pages blank"]),
    "in capitals": ("PRINTER", ["Printer: 50% of pages blank"]),
    "part of a word": ("rint", ["Printer: 50% of pages blank"]),
    "two letters": ("mo", ["Printer: 50% of pages blank"]),
    "one character of Han": ("打", ["打印机坏了"]),
    "the German sharp s": ("STRASSE", ["Straße 5: kein Netz"]),
    "Cyrillic, in the other case": ("ПРИНТЕР", ["Принтер не печатает"]),
    "a percent sign, as it is": ("0%", ["Printer: 50% of pages blank"]),
    "an underscore, as it is": ("_", []),
    "a backslash, as it is": ("\\", ["C:\\Users is full"]),
    "a quote": ("'; drop table", []),
    "what stands in the description": ("monday", ["Printer: 50% of pages blank"]),
    "what stands in two lines": ("blank since", []),
    "nothing that is there": ("xylophone", []),
}


@pytest.mark.usefixtures("ticket")
@pytest.mark.parametrize(("text", "found"), FOUND.values(), ids=FOUND)
async def test_text_is_found_anywhere(desk: Desk, zoe: Employee, text: str, found: list[str]) -> None:
    """Search looks in title and description, in any script, ignoring case, and has no wildcards."""
    for title in ("打印机坏了", "Straße 5: kein Netz", "Принтер не печатает", "C:\\Users is full"):
        await desk.tickets.create(TicketNew(title=title, employee_id=zoe.id), by="ada")

    assert await titles(desk, text=text) == found


@pytest.mark.parametrize("few", [200, 0], ids=["few", "many"])
async def test_the_name_of_who_asked_is_found(
    desk: Desk, zoe: Employee, ticket: Ticket, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tickets are found by their own text, and by name, phone or e-mail of who asked: each once, in order, counted."""
    monkeypatch.setattr(tickets, "_FEW", few)
    ada = await desk.employees.create(EmployeeNew(first_name="Ada", last_name="Byron"), by="ada")
    hers = [await desk.tickets.create(TicketNew(title=title, employee_id=ada.id), by="ada") for title in ("x", "Ada")]
    of_zoe = await desk.tickets.create(TicketNew(title="For ADA", employee_id=zoe.id), by="ada")

    async def found(text: str, **asked: Any) -> tuple[list[int], int | None]:  # noqa: ANN401
        query = TicketQuery(text=text, sort="created", count=True, **asked)
        page = await desk.tickets.find(query, or_matching=await desk.tickets.by_requester(text))
        exported = [
            each async for each in desk.tickets.export(query, or_matching=await desk.tickets.by_requester(text))
        ]
        assert exported[: len(page.items)] == page.items
        return [each.id for each in page.items], page.count

    assert await found("ada") == ([hers[0].id, hers[1].id, of_zoe.id], 3)
    assert await found("ada", limit=2) == ([hers[0].id, hers[1].id], 3)
    assert await found("BYRON", employee=zoe.id) == ([], 0)
    assert await found("okonk") == ([ticket.id, of_zoe.id], 2)
    assert await found("nobody") == ([], 0)
    assert (await desk.tickets.find(TicketQuery(text="byron"))).items == []


async def test_dates_narrow(desk: Desk, ticket: Ticket, zoe: Employee, clock: Clock) -> None:
    """Tickets are found by when they were created: between moments, or on days. All of the last day counts."""
    clock.time += timedelta(days=2)
    later = await desk.tickets.create(TicketNew(title="later", employee_id=zoe.id), by="ada")

    async def found(**asked: str) -> list[int]:
        return [each.id for each in (await desk.tickets.find(TicketQuery.model_validate(asked))).items]

    assert await found(since="2026-03-02") == [later.id]
    assert await found(until="2026-03-02") == [ticket.id]
    assert await found(since="2026-03-01", until="2026-03-01") == [ticket.id]
    assert await found(since="2026-03-01", until="2026-03-03", sort="created") == [ticket.id, later.id]
    assert await found(until=ticket.created.isoformat()) == []
    assert await found(since=later.created.isoformat()) == [later.id]


async def test_filters_narrow_and_combine(desk: Desk, ticket: Ticket) -> None:
    """Filters by status, owner, employee and text combine. An empty value is no filter."""
    bob = await desk.employees.create(EmployeeNew(first_name="Bob", last_name="B"), by="ada")
    other = await desk.tickets.create(TicketNew(title="Other printer", employee_id=bob.id), by="eve")
    await desk.tickets.change(other.id, {"status": "closed"}, version=1, by="eve")

    assert await titles(desk, status="closed") == ["Other printer"]
    assert await titles(desk, owner="ada") == [ticket.title]
    assert await titles(desk, employee=bob.id) == ["Other printer"]
    assert await titles(desk, text="printer", owner="eve", status="closed", employee=bob.id) == ["Other printer"]
    assert await titles(desk, text="printer", owner="ada", status="closed") == []
    assert await titles(desk, text="", owner="", status="", employee="", cursor="") == ["Other printer", ticket.title]


async def test_an_export_is_the_whole_list(desk: Desk, zoe: Employee) -> None:
    """An export has everything that the query finds, in its order, however many pages that takes."""
    async with desk.database.write() as connection:
        row = {"title": "t", "description": "", "status": "open", "employee_id": zoe.id, "owner": "ada", "version": 1}
        row |= {"created": zoe.created, "updated": zoe.created, "search": "t", "title_key": "t"}
        await connection.execute(desk.tickets.table.insert(), [row] * 450)

    numbers = [ticket.id async for ticket in desk.tickets.export(TicketQuery(limit=3, sort="created"))]

    assert (numbers, len(numbers)) == (sorted(numbers), 450)


async def test_a_conflict_of_any_kind_leaves_all_as_it_was(desk: Desk, ticket: Ticket) -> None:
    """A change that fails in the database is undone completely, with its audit entry."""
    with pytest.raises(ConflictError):
        await desk.tickets.change(ticket.id, {"title": "changed", "employee_id": 4711}, version=1, by="ada")

    assert await desk.tickets.get(ticket.id) == ticket


async def test_more_who_asked_than_are_counted(
    desk: Desk, zoe: Employee, ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If many employees have the name, the tickets of all of them are found, and not only of the first ones."""
    monkeypatch.setattr(tickets, "_FEW", 1)
    new = EmployeeNew(first_name="Ada", last_name="Okonkwo")
    others = [await desk.employees.create(new, by="ada") for _ in range(3)]
    made = [await desk.tickets.create(TicketNew(title="x", employee_id=each.id), by="ada") for each in others]
    found = await desk.tickets.find(TicketQuery(text="okonkwo"), or_matching=await desk.tickets.by_requester("okonkwo"))

    assert {each.id for each in found.items} == {ticket.id, *(each.id for each in made)}
    assert {each.employee_id for each in found.items} == {zoe.id, *(each.id for each in others)}


async def test_a_clock_that_was_set_back(desk: Desk, ticket: Ticket, clock: Clock) -> None:
    """A change never seems older than the one before, even if the clock was set back between them."""
    clock.time -= timedelta(hours=1)
    changed = await desk.tickets.change(ticket.id, {"title": "New"}, version=1, by="ada")

    assert changed.updated == ticket.updated
