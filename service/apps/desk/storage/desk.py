"""The desk's database and its tables, opened once by each process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

from sqlalchemy import select

from service.apps.desk.domain.values import Employee, Ticket
from service.apps.desk.errors import DatabaseUnavailableError
from service.apps.desk.storage.account_status import open_status_lookup
from service.apps.desk.storage.accounts import Accounts
from service.apps.desk.storage.audit import Audit
from service.apps.desk.storage.comments import Comments
from service.apps.desk.storage.database import Clock, Database, open_database, utc_now
from service.apps.desk.storage.employees import Employees
from service.apps.desk.storage.migrate import migrate
from service.apps.desk.storage.tickets import Tickets

RESULT_TTL = 2.0  # seconds that an answer of the probe is reused, because anybody may ask


class DatabaseProbe:
    """Asks the database whether it answers, one question at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = asyncio.Lock()
        self._last: tuple[float, str] | None = None

    async def check(self) -> str:
        """Say what is wrong with the database and what to do. Empty if it answers, or did in the last two seconds."""
        async with self._lock:
            if self._last is None or monotonic() >= self._last[0] + RESULT_TTL:
                self._last = (monotonic(), await self._ask())
            return self._last[1]

    async def _ask(self) -> str:
        try:
            async with self._database.read() as connection:
                await connection.execute(select(1))
        except DatabaseUnavailableError as error:
            return f"The database cannot be used: {error.reason}. Check it, and DATABASE_URL."
        return ""


@dataclass(frozen=True, slots=True)
class Desk:
    """The tables of one database. Open it with `open_desk`."""

    database: Database
    tickets: Tickets
    comments: Comments
    employees: Employees
    accounts: Accounts
    audit: Audit
    probe: DatabaseProbe


@asynccontextmanager
async def open_desk(database_url: str, *, now: Clock = utc_now) -> AsyncIterator[Desk]:
    """Open the database and bring its tables up to date. `now` returns aware times.

    Raises:
        ConfigurationError: the database does not let us in, or was made by a later version of the service.
        DatabaseUnavailableError: it does not answer.
    """
    await migrate(database_url)
    async with open_database(database_url) as database, open_status_lookup(database_url) as look_up:
        yield Desk(
            database=database,
            tickets=Tickets(database, kind=Ticket, now=now),
            comments=Comments(database, now=now),
            employees=Employees(database, kind=Employee, now=now),
            accounts=Accounts(database, look_up=look_up, now=now),
            audit=Audit(database),
            probe=DatabaseProbe(database),
        )
