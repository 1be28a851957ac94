"""What lists of tickets show of the employees who asked."""

import csv
import io

import pytest

from service.apps.desk.domain.policy import Permission, Role
from service.apps.desk.http import tickets
from tests.support.desk import Desk


async def test_tickets_with_the_name_of_who_asked(desk: Desk) -> None:
    """A file of tickets has the employee's name, unless the caller may not see employees."""
    await desk.ticket()
    blind = desk.member(Role.SUPPORT, name="dave", scopes=[Permission.TICKETS_READ])
    files = [(await caller.get("desk/tickets.csv")).text for caller in (desk.support, blind)]
    rows = [next(csv.DictReader(io.StringIO(text, newline=""))) for text in files]

    assert [(row["employee_id"], row["employee"]) for row in rows] == [("1", "Zoë Okonkwo"), ("1", "")]


async def test_nothing_is_found_by_names_that_the_caller_may_not_see(desk: Desk) -> None:
    """A search finds tickets by the name of who asked only for callers who may see employees."""
    await desk.ticket()
    blind = desk.member(Role.SUPPORT, name="dave", scopes=[Permission.TICKETS_READ])
    found = [
        len((await caller.get("desk/tickets", params={"text": "okonkwo"})).json()["items"])
        for caller in (desk.support, blind)
    ]

    assert found == [1, 0]


async def test_a_long_file_has_each_ticket_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of more tickets than are named at once has each of them once, in order, with its own name."""
    monkeypatch.setattr(tickets, "MAX_PAGE", 2)
    await desk.employee(first_name="Ada", last_name="Byron")
    for number in range(5):
        await desk.ticket(employee_id=1 + number % 2)
    text = (await desk.support.get("desk/tickets.csv?sort=created")).text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))

    names = ["Zoë Okonkwo", "Ada Byron"]
    assert [(row["id"], row["employee"]) for row in rows] == [(str(n + 1), names[n % 2]) for n in range(5)]
