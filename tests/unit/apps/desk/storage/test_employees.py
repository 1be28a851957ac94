"""Employees, whom the desk helps, on both databases."""

from collections.abc import Mapping
from datetime import date

import anyio
import pytest
from pydantic import ValidationError

from service.apps.desk.domain.queries import EmployeeQuery
from service.apps.desk.domain.values import Employee, EmployeeNew, TicketNew
from service.apps.desk.errors import EmailTakenError, EmployeeHasTicketsError, PhoneTakenError
from service.apps.desk.storage.desk import Desk
from service.errors import ConflictError

FULL = EmployeeNew.model_validate(
    {
        "first_name": "Zoë",
        "last_name": "Okonkwo",
        "nick_name": "Zo",
        "phone": "+44 20 7946 0958",
        "email": "Zoe@Example.com",
        "birthday": "1990-02-28",
        "country": "Nigeria",
        "city": "Lagos",
        "address": "12 Marina\nFloor 3",
    }
)


async def test_an_employee_is_kept_as_entered(desk: Desk) -> None:
    """An employee is stored as entered, with phone and e-mail in one notation."""
    made = await desk.employees.create(FULL, by="manager")

    assert made.model_dump(include=set(EmployeeNew.model_fields)) == {
        "first_name": "Zoë",
        "last_name": "Okonkwo",
        "nick_name": "Zo",
        "phone": "+442079460958",
        "email": "zoe@example.com",
        "birthday": date(1990, 2, 28),
        "country": "Nigeria",
        "city": "Lagos",
        "address": "12 Marina\nFloor 3",
    }
    assert await desk.employees.get(made.id) == made


async def test_null_clears_what_is_optional(desk: Desk) -> None:
    """Null in a patch clears an optional field (JSON Merge Patch). A name cannot be cleared."""
    made = await desk.employees.create(FULL, by="manager")
    patch = {"nick_name": None, "phone": None, "email": None, "birthday": None, "city": None}
    cleared = await desk.employees.change(made.id, patch, version=1, by="manager")

    assert cleared.model_dump(include=set(patch)) == patch
    with pytest.raises(ValidationError):
        await desk.employees.change(made.id, {"last_name": None}, version=2, by="manager")


TAKEN: dict[str, tuple[Mapping[str, str], type[ConflictError]]] = {
    "phone": ({"phone": "+442079460958"}, PhoneTakenError),
    "phone, written otherwise": ({"phone": "+44 (0)20 7946 0958"}, PhoneTakenError),
    "e-mail": ({"email": "zoe@example.com"}, EmailTakenError),
    "e-mail, in capitals": ({"email": "ZOE@EXAMPLE.COM"}, EmailTakenError),
}


@pytest.mark.parametrize(("contact", "error"), TAKEN.values(), ids=TAKEN)
async def test_a_contact_is_one_employees_only(
    desk: Desk, zoe: Employee, contact: Mapping[str, str], error: type[ConflictError]
) -> None:
    """A phone or e-mail that somebody else has is refused, for a new employee and in a change."""
    await desk.employees.create(FULL, by="manager")

    new = EmployeeNew.model_validate({"first_name": "A", "last_name": "B", **contact})
    with pytest.raises(error):
        await desk.employees.create(new, by="x")
    with pytest.raises(error):
        await desk.employees.change(zoe.id, contact, version=1, by="x")
    assert await desk.employees.get(zoe.id) == zoe


async def test_many_have_no_contact(desk: Desk) -> None:
    """Any number of employees may have no phone and no e-mail."""
    for _ in range(3):
        await desk.employees.create(EmployeeNew(first_name="A", last_name="B"), by="manager")
    assert len((await desk.employees.find(EmployeeQuery())).items) == 3


async def test_of_many_who_want_one_contact_one_gets_it(desk: Desk) -> None:
    """Of many simultaneous requests for the same phone, one succeeds."""
    outcomes: list[str] = []

    async def create(number: int) -> None:
        new = EmployeeNew(first_name="A", last_name=str(number), email="one@example.com")
        try:
            await desk.employees.create(new, by="manager")
            outcomes.append("created")
        except EmailTakenError as error:
            outcomes.append(error.code)

    async with anyio.create_task_group() as group:
        for number in range(12):
            group.start_soon(create, number)

    assert sorted(outcomes) == ["created", *["email_taken"] * 11]


async def test_an_employee_with_tickets_stays(desk: Desk, zoe: Employee) -> None:
    """An employee cannot be deleted until their last ticket is deleted or given to another."""
    ticket = await desk.tickets.create(TicketNew(title="x", employee_id=zoe.id), by="ada")
    with pytest.raises(EmployeeHasTicketsError):
        await desk.employees.delete(zoe.id, version=1, by="manager")
    assert await desk.employees.get(zoe.id) == zoe

    await desk.tickets.delete(ticket.id, version=1, by="ada")
    await desk.employees.delete(zoe.id, version=1, by="manager")
    assert (await desk.employees.find(EmployeeQuery())).items == []


async def test_names_are_listed_as_people_look_for_them(desk: Desk) -> None:
    """Employees are sorted by last name, then first name, without case and accents, on both databases alike."""
    for name in ("Zoë Zimmer", "Émile Eder", "adam eder", "Åse Ängström", "王 小明"):
        first, _, last = name.partition(" ")
        await desk.employees.create(EmployeeNew(first_name=first, last_name=last), by="manager")

    async def listed(sort: str) -> list[str]:
        page = await desk.employees.find(EmployeeQuery.model_validate({"sort": sort}))
        return [f"{each.first_name} {each.last_name}" for each in page.items]

    names = ["Åse Ängström", "adam eder", "Émile Eder", "Zoë Zimmer", "王 小明"]
    assert await listed("last_name") == names
    assert await listed("-last_name") == names[::-1]


@pytest.mark.parametrize(
    "text",
    [
        *("okonk", "ZO", "0958", "example.com", "+44"),
        *("Zoë Okonkwo", "okonkwo, zoë", "Okonkwo (Zo)", "+44 20 7946 0958", "zo ; example"),
    ],
)
async def test_an_employee_is_found_by_name_and_contact(desk: Desk, text: str) -> None:
    """Search finds an employee by any parts of name and contact, in any order."""
    await desk.employees.create(EmployeeNew(first_name="A", last_name="B"), by="manager")
    made = await desk.employees.create(FULL, by="manager")

    assert (await desk.employees.find(EmployeeQuery(text=text))).items == [made]
    changed = await desk.employees.change(
        made.id,
        {"first_name": "N", "last_name": "N", "nick_name": None, "phone": None, "email": None},
        version=1,
        by="x",
    )
    assert (await desk.employees.find(EmployeeQuery(text=text))).items == []
    assert (await desk.employees.find(EmployeeQuery(text="n n"))).items == [changed]
    assert (await desk.employees.find(EmployeeQuery(text="n x"))).items == []
    assert (await desk.employees.find(EmployeeQuery(text=" , "))).items == []
    assert changed.version == 2


@pytest.mark.parametrize("text", ["%", "_", "Z%e", "O_onkwo", "/", "zoë %"])
async def test_a_search_for_people_has_no_wildcards(desk: Desk, text: str) -> None:
    """Signs that mean something to the database are plain text in a search for people."""
    await desk.employees.create(FULL, by="manager")

    assert (await desk.employees.find(EmployeeQuery(text=text))).items == []
