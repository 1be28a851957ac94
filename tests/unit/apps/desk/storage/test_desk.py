"""The desk as a whole: its files, acknowledged changes, and writes that are cancelled."""

import stat
from pathlib import Path

import anyio
import pytest
from sqlalchemy import text

from service.apps.desk.domain.queries import AuditQuery, TicketQuery
from service.apps.desk.domain.values import Employee, EmployeeNew, TicketNew
from service.apps.desk.storage.desk import Desk, open_desk


async def test_what_was_written_is_there_when_it_is_opened_again(database_url: str) -> None:
    """Closing the desk loses nothing, and opening it again changes nothing."""
    async with open_desk(database_url) as desk:
        made = await desk.employees.create(EmployeeNew(first_name="Zoë", last_name="Okonkwo"), by="manager")
    async with open_desk(database_url) as desk:
        assert await desk.employees.get(made.id) == made


async def test_the_files_are_ours_alone(tmp_path: Path) -> None:
    """No other user of the machine can read the database, or the files that SQLite keeps beside it."""
    folder = tmp_path / "state" / "of"
    async with open_desk(f"sqlite:///{folder / 'desk.sqlite'}") as desk:
        await desk.employees.create(EmployeeNew(first_name="Zoë", last_name="Okonkwo"), by="manager")
        rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}

    files = ("desk.sqlite", "desk.sqlite-wal", "desk.sqlite-shm")
    assert rights == {"of": 0o700, **dict.fromkeys(files, 0o600)}


async def test_sqlite_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    """Commits survive a power failure (synchronous = FULL), readers go on (WAL), and foreign keys are enforced."""
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    async with open_desk(f"sqlite:///{tmp_path / 'desk.sqlite'}") as desk, desk.database.write() as connection:
        found = {name: await connection.scalar(text(f"PRAGMA {name}")) for name in wanted}

    assert found == wanted


async def test_a_cancelled_write_is_undone_and_blocks_nobody(desk: Desk, zoe: Employee) -> None:
    """A write cancelled at any moment leaves no half change, no lock, and no lost connection."""
    for moment in range(25):
        with anyio.move_on_after(moment / 1000):
            await desk.employees.change(zoe.id, {"city": str(moment)}, version=zoe.version, by="ada")
        zoe = await desk.employees.get(zoe.id)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for number in range(30):
                group.start_soon(_create, desk, TicketNew(title=str(number), employee_id=zoe.id))

    assert len((await desk.tickets.find(TicketQuery())).items) == 30
    told = (await desk.audit.find(AuditQuery(thing=f"employee/{zoe.id}", what="employee.changed", limit=200))).items
    assert [entry.after for entry in told[:1]] == ([{"city": zoe.city}] if zoe.city else [])
    assert len(told) == zoe.version - 1


async def _create(desk: Desk, new: TicketNew) -> None:
    await desk.tickets.create(new, by="ada")


async def test_reads_do_not_wait_for_a_write(desk: Desk, zoe: Employee) -> None:
    """During a write, reads see what was committed before, also the account's status."""
    await desk.accounts.ensure("ada", by="ada")
    async with desk.database.write() as connection:
        await connection.execute(text("UPDATE accounts SET disabled = true"))
        await connection.execute(text("UPDATE employees SET city = 'Lagos'"))
        with anyio.fail_after(2):
            status, employee = await desk.accounts.status("ada"), await desk.employees.get(zoe.id)

    assert (status and status.disabled, employee.city) == (False, None)
    status = await desk.accounts.status("ada")
    assert (status and status.disabled) is True


@pytest.mark.usefixtures("zoe")
async def test_a_database_that_answers_is_no_problem(desk: Desk) -> None:
    """The probe reports no problem with a database that answers."""
    assert await desk.probe.check() == ""
