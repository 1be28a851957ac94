"""What becomes of the desk's data where the disk is full, the file locked, or not a database at all."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import event, text

from service.apps.desk.domain.queries import AuditQuery, TicketQuery
from service.apps.desk.domain.values import Employee, EmployeeNew, Ticket, TicketNew
from service.apps.desk.errors import DatabaseFullError, DatabaseUnavailableError
from service.apps.desk.storage.database import Database
from service.apps.desk.storage.desk import Desk, open_desk
from tests.support.postgres import Postgres

MUCH = 5_000  # characters: a ticket takes a page or two


class Disk:
    """The disk under a SQLite database, as large as a test says."""

    def __init__(self, database: Database) -> None:
        self.pages = 2**31
        event.listen(database.engine.sync_engine, "checkout", self._limit)

    def _limit(self, connection: Any, _record: object, _proxy: object) -> None:  # noqa: ANN401
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA max_page_count = {self.pages}")
        cursor.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "desk.sqlite"


@pytest.fixture
async def desk(file: Path) -> AsyncIterator[Desk]:
    """An empty desk on SQLite."""
    async with open_desk(f"sqlite:///{file}") as opened:
        yield opened


@pytest.fixture
async def zoe(desk: Desk) -> Employee:
    """Somebody who asks for help."""
    return await desk.employees.create(EmployeeNew(first_name="Zoë", last_name="Okonkwo"), by="manager")


def pages_of(file: Path) -> int:
    """How large it is, in SQLite's pages."""
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("PRAGMA page_count").fetchone()[0])


def check(file: Path) -> object:
    """What SQLite says of its file."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]


async def test_a_full_disk_loses_nothing(desk: Desk, zoe: Employee, file: Path) -> None:
    """On a full disk writes are refused with a clear error, reads work, and with new space the desk goes on."""
    new = TicketNew(title="x", description="y" * MUCH, employee_id=zoe.id)
    disk = Disk(desk.database)
    disk.pages = pages_of(file) + 30
    acknowledged = [await desk.tickets.create(new, by="ada") for _ in range(5)]
    with pytest.raises(DatabaseFullError) as refused:
        await _create_until_full(desk, new, acknowledged)
    for ticket in acknowledged[:3]:
        with pytest.raises(DatabaseFullError):
            await desk.tickets.change(ticket.id, {"description": "z" * MUCH * 4}, version=1, by="ada")

    assert "SQL" not in str(refused.value)
    assert (await desk.tickets.find(TicketQuery(sort="created", limit=200))).items == acknowledged
    assert len((await desk.audit.find(AuditQuery(what="ticket.created", limit=200))).items) == len(acknowledged)
    assert (await desk.probe.check(), check(file)) == ("", "ok")

    disk.pages = 2**31
    await desk.tickets.create(new, by="ada")
    assert check(file) == "ok"


async def _create_until_full(desk: Desk, new: TicketNew, acknowledged: list[Ticket]) -> None:
    while True:
        acknowledged.append(await desk.tickets.create(new, by="ada"))


async def test_a_lock_that_is_held_too_long_is_an_outage_to_writers(desk: Desk, zoe: Employee, file: Path) -> None:
    """While somebody else holds the write lock for too long, writers get 503 and readers notice nothing."""
    with closing(sqlite3.connect(file, isolation_level=None)) as prompt:
        prompt.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailableError) as refused:
            await desk.employees.change(zoe.id, {"city": "Lagos"}, version=1, by="ada")
        assert refused.value.reason == "SQLITE_BUSY"
        assert await desk.employees.get(zoe.id) == zoe
        prompt.execute("ROLLBACK")

    assert (await desk.employees.change(zoe.id, {"city": "Lagos"}, version=1, by="ada")).version == 2


async def test_more_writers_than_connections_take_their_turns(desk: Desk, zoe: Employee) -> None:
    """Hundreds of simultaneous writers are served one after another."""
    async with anyio.create_task_group() as group:
        for number in range(300):
            group.start_soon(_create, desk, TicketNew(title=str(number), employee_id=zoe.id))

    assert len([ticket async for ticket in desk.tickets.export(TicketQuery())]) == 300


async def _create(desk: Desk, new: TicketNew) -> None:
    await desk.tickets.create(new, by="ada")


NOT_ONE = {
    "another file": ("no database", b"This is not a database, but a text of some length.\n" * 100, "SQLITE_NOTADB"),
    "a folder that is a file": ("no database/desk.sqlite", None, "its file cannot be opened"),
}


@pytest.mark.parametrize(("name", "content", "reason"), NOT_ONE.values(), ids=NOT_ONE)
async def test_what_is_no_database_is_left_as_it_is(
    tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    """The service does not start, says why, and has not written to it."""
    other = tmp_path / "no database"
    other.write_bytes(content or b"")
    with pytest.raises(DatabaseUnavailableError) as refused:
        async with open_desk(f"sqlite:///{tmp_path / name}"):
            pass

    assert reason in refused.value.reason
    assert other.read_bytes() == (content or b"")


async def test_a_question_that_takes_too_long_is_cut_off(postgresql: Postgres) -> None:
    """PostgreSQL cancels a statement that takes longer than somebody waits for a page."""
    url = postgresql.database()
    async with open_desk(url) as desk:
        async with desk.database.read() as connection:
            limits = [await connection.scalar(text(f"SHOW {name}_timeout")) for name in ("statement", "lock")]
        with pytest.raises(DatabaseUnavailableError) as refused:
            await _sleep(desk.database, limit="50ms")
    postgresql.drop(url)

    assert (limits, refused.value.reason) == (["5s", "5s"], "57014")


async def _sleep(database: Database, *, limit: str) -> None:
    async with database.read() as connection:
        await connection.execute(text(f"SET statement_timeout = '{limit}'"))
        await connection.execute(text("SELECT pg_sleep(5)"))
