"""Bring the database's tables up to date. Any number of processes may do so at once."""

import asyncio
import logging
from time import monotonic
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from service.apps.desk.errors import DatabaseTlsError, DatabaseUnavailableError
from service.apps.desk.storage.database import LOCK_WAIT, Database, file_of, open_database
from service.apps.desk.storage.sqlite_file import lock_holders
from service.errors import ConfigurationError

# Not Alembic's default: the Hub uses that one, perhaps in the same database.
VERSION_TABLE: Final = "desk_revision"
_LOCK = 0x6465736B  # "desk" in ASCII: PostgreSQL's advisory locks are numbers
_PATIENCE = 30.0  # seconds to wait for a database that is starting; the start of the service itself has no limit
_STEP = 0.5  # seconds between two attempts
# PostgreSQL's codes for errors that stay: wrong user or password, no such database, not allowed.
_REFUSALS = ("28", "3D000", "42501")
# SQLite's codes for a wrong file, rather than one that another process uses.
_PERMANENT = ("SQLITE_AUTH", "SQLITE_CANTOPEN", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_PERM", "SQLITE_READONLY")

_log = logging.getLogger("service")


async def migrate(url: str, *, to: str = "head", patience: float = _PATIENCE, lock_wait: float = LOCK_WAIT) -> str:
    """Apply the missing revisions in one transaction, up to `to`, and return the last.

    Waits up to `patience` seconds for a database that does not answer yet, or that another process has locked. Each
    attempt waits `lock_wait` seconds for SQLite's lock. PostgreSQL's is waited for as long as its holder takes.

    Raises:
        ConfigurationError: the database does not let us in, TLS to it cannot be had, or it has a revision that this
            version does not know.
        DatabaseUnavailableError: it does not answer, or another process holds SQLite's lock.
    """
    deadline, waited_for = monotonic() + patience, ""
    async with open_database(url, is_limited=False, lock_wait=lock_wait) as database:
        while True:
            try:
                return await _migrate(database, to)
            except DatabaseTlsError as error:
                raise ConfigurationError([f"DATABASE_URL: {error.reason}"]) from None
            except DatabaseUnavailableError as error:
                if error.reason.startswith(_REFUSALS):
                    problem = (
                        f"DATABASE_URL: PostgreSQL refuses user, password, database or right (its code {error.reason})"
                    )
                    raise ConfigurationError([problem]) from None
                reason = _explained(error.reason, url)
                if monotonic() > deadline or error.reason.startswith(_PERMANENT):
                    raise DatabaseUnavailableError(reason=reason) from None
                if reason != waited_for:
                    waited_for = reason
                    _log.warning("Waiting for the database (DATABASE_URL): %s.", reason)
            await asyncio.sleep(_STEP)


async def is_up_to_date(url: str) -> bool:
    """Say whether a start would change nothing. Raises as `migrate`, without waiting."""
    async with open_database(url) as database, database.read() as connection:
        return await connection.run_sync(_is_current, "head")


async def _migrate(database: Database, to: str) -> str:
    async with database.read() as connection:
        if await connection.run_sync(_is_current, to):
            return await connection.run_sync(_current)
    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if not await connection.run_sync(_is_current, to):
            await connection.run_sync(_upgrade, to)
            _log.info("The desk's tables have been brought up to date.")
        return await connection.run_sync(_current)


def _explained(reason: str, url: str) -> str:
    """Add to SQLite's code for a locked file who holds the lock."""
    file = file_of(url)
    if file is None or not reason.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return reason
    return f"{reason}, as {file} is locked by {lock_holders(file)}"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "service.apps.desk:migrations")
    return config


def _current(connection: Connection) -> str:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision() or ""


def _is_current(connection: Connection, to: str) -> bool:
    scripts = ScriptDirectory.from_config(_config())
    now = _current(connection)
    if now and now not in {script.revision for script in scripts.walk_revisions()}:
        problem = f"DATABASE_URL: a later version of the service has changed the database (to {now}): run that one"
        raise ConfigurationError([problem])
    return now == (scripts.get_current_head() if to == "head" else to)


def _upgrade(connection: Connection, to: str) -> None:
    config = _config()
    config.attributes |= {"connection": connection, "version_table": VERSION_TABLE}
    command.upgrade(config, to)
