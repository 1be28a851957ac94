"""Databases that have the desk's tables already: applying the revisions costs more than most tests do."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from service.apps.desk.storage.migrate import migrate
from service.apps.desk.storage.tables import metadata
from tests.support.postgres import Postgres

_sqlite_files: list[bytes] = []  # one, once it was made
_spare: dict[Postgres, list[str]] = {}  # server -> databases on it that have the tables, with nothing in them


async def sqlite_with_tables(path: Path) -> str:
    """Make an SQLite file with the desk's tables, and return its address."""
    if not _sqlite_files:
        with tempfile.TemporaryDirectory() as folder:
            template = Path(folder) / "desk.sqlite"
            await migrate(f"sqlite:///{template}")
            _sqlite_files.append(template.read_bytes())
    path.write_bytes(_sqlite_files[0])  # noqa: ASYNC240 (some kilobytes, and nobody else on the loop)
    return f"sqlite:///{path}"


@asynccontextmanager
async def postgres_with_tables(server: Postgres) -> AsyncIterator[str]:
    """Give the address of a database on the server. It is emptied and used again: making one costs ten times as much.

    Whoever changes its tables, rather than what is in them, needs a database of their own.
    """
    spare = _spare.setdefault(server, [])
    url = spare.pop() if spare else server.database()
    await migrate(url)
    yield url
    await _empty(url)
    spare.append(url)


async def _empty(url: str) -> None:
    """Cut everybody else's connections, delete all rows, and let numbers begin at 1 again."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        async with connection.transaction():
            # Foreign keys and the audit's refusal to forget are triggers, which a replica does not have.
            await connection.execute("SET LOCAL session_replication_role = replica")
            for table in metadata.tables:
                await connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 (names of our own tables)
            await connection.execute(
                "SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences"
            )
    finally:
        await connection.close()
