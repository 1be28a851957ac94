"""The database: how it is opened, read and written, and what its errors mean."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
from anyio import CancelScope
from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from service.apps.desk.errors import (
    AccountExistsError,
    DatabaseFullError,
    DatabaseUnavailableError,
    EmailTakenError,
    PhoneTakenError,
)
from service.errors import ConfigurationError, ConflictError, ServiceError

Clock = Callable[[], datetime]  # aware

# Connections of one process, beside those of `account_status`: workers x 10 must stay below PostgreSQL's
# max_connections (100 by default).
POOL_SIZE: Final = 8
# Seconds. Nobody waits longer for a page than for these; a question that takes longer has something wrong with it.
_CONNECT, _POOL, _STATEMENT, _LOCK = 5, 5, 5, 5
_LONG = 600  # seconds; for a migration that another process is at
_LIMITS = {"statement_timeout": _STATEMENT, "lock_timeout": _LOCK, "idle_in_transaction_session_timeout": 60}
# How a filter is best applied depends on its value: a plan made for all values may read a whole index for one of them.
_PLANS = {"plan_cache_mode": "force_custom_plan"}
_RECYCLE = 1800  # seconds after which a connection is made anew: firewalls forget those that are older

_WRITES = "desk_writes"
_TAKEN: dict[str, type[ConflictError]] = {
    "phone": PhoneTakenError,
    "email": EmailTakenError,
    "name": AccountExistsError,
    "pk_accounts": AccountExistsError,
}


def utc_now() -> datetime:
    """The clock that all use but tests."""
    return datetime.now(UTC)


class Database:
    """One database, and this process's connections to it. Open it with `open_database`.

    What was begun here comes to its end also where the request is over: the drivers cannot stand being broken off again
    while they tidy up, which is how Starlette's task groups cancel, and would leave a lock behind.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        # A statement that reads is a transaction of its own.
        self._reader = engine if self.is_sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writer = engine.execution_options(**{_WRITES: True})
        # SQLite has one writer at a time and lets others wait by sleeping, in no order: ours queue here.
        self._turn = asyncio.Lock() if self.is_sqlite else None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for statements that read, each of which sees what was committed before it."""
        with _meaning(), CancelScope(shield=True):
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self, *, missing: type[ConflictError] = ConflictError) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed when the block ends well. `missing`: what a broken foreign key means."""
        with _meaning(missing), CancelScope(shield=True):
            async with AsyncExitStack() as stack:
                if self._turn:
                    await stack.enter_async_context(self._turn)
                yield await stack.enter_async_context(self._writer.begin())


@asynccontextmanager
async def open_database(url: str, *, is_limited: bool = True) -> AsyncIterator[Database]:
    """Open `sqlite:///path` or `postgresql://…`, as `service.settings` has judged it. Connections are made when needed.

    `is_limited`: no statement may take long, and none wait long for a lock.

    Raises:
        DatabaseUnavailableError: the file's folder can neither be found nor made.
    """
    path = file_of(url)
    if path is not None:
        engine = _open_sqlite(path, wait=_LOCK if is_limited else _LONG)
    else:
        engine = _open_postgresql(url, _LIMITS if is_limited else {})
    try:
        yield Database(engine)
    finally:
        await engine.dispose()


def file_of(url: str) -> Path | None:
    """The file of a SQLite database; None for PostgreSQL."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else None


def _open_sqlite(path: Path, *, wait: float) -> AsyncEngine:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Nobody else reads it; SQLite gives the files beside it the same rights.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise DatabaseUnavailableError(reason=f"its file cannot be opened: {error.strerror}") from None
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        hide_parameters=True,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=_POOL,
        connect_args={"isolation_level": None, "timeout": wait},  # `BEGIN` is ours to say, below
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's adapter of a driver's
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
    cursor.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power failure
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first could not get it where another has written since."""
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _open_postgresql(url: str, limits: Mapping[str, float]) -> AsyncEngine:
    async def connect() -> Any:  # noqa: ANN401 - asyncpg has no types
        try:
            return await asyncpg.connect(
                url,  # with all that libpq's addresses may say, such as sslmode
                timeout=_CONNECT,
                command_timeout=_STATEMENT + _CONNECT if limits else None,  # where the server is gone without a word
                server_settings={name: f"{seconds}s" for name, seconds in limits.items()} | _PLANS,
            )
        except ValueError:  # its text may quote the address
            raise ConfigurationError(["DATABASE_URL: host, port or a parameter is not as PostgreSQL has it"]) from None

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        hide_parameters=True,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=_POOL,
        pool_recycle=_RECYCLE,
        pool_pre_ping=True,
        skip_autocommit_rollback=True,
    )


# PostgreSQL's codes (https://www.postgresql.org/docs/current/errcodes-appendix.html), or how they begin, that say that
# it cannot serve now: connections, privileges of the user, resources, locks, an operator's doing, a standby.
_PASSING = ("08", "28", "3D000", "40", "42501", "53", "55", "57", "58", "25006")
_FULL = {"53100", "SQLITE_FULL"}
_SQLITE_COLUMN = re.compile(r"UNIQUE constraint failed: \w+\.(\w+)")


@contextmanager
def _meaning(missing: type[ConflictError] = ConflictError) -> Iterator[None]:
    """Put our own error in the place of the database's, whose text may hold addresses and what was to be stored."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        meant = _meant(error, missing)
        if meant is None:
            raise
        raise meant from None


def _meant(error: Exception, missing: type[ConflictError]) -> ServiceError | None:
    """What an error of the database means; None where it can only be a mistake of ours."""
    driver = (error.orig or error) if isinstance(error, DBAPIError) else error
    code = _code(driver)
    if code in _FULL:
        return DatabaseFullError()
    if code in {"23503", "SQLITE_CONSTRAINT_FOREIGNKEY"}:
        return missing()
    if code in {"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}:
        return _TAKEN.get(_unique(driver), ConflictError)()
    is_sqlite_failure = code.startswith("SQLITE_") and not code.startswith(("SQLITE_CONSTRAINT", "SQLITE_ERROR"))
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if is_lost or is_sqlite_failure or code.startswith(_PASSING) or isinstance(error, OSError | PoolTimeoutError):
        return DatabaseUnavailableError(reason=code or type(driver).__name__)
    return None


def _code(driver: BaseException) -> str:
    return getattr(driver, "sqlstate", None) or getattr(driver, "sqlite_errorname", None) or ""


def _unique(driver: BaseException) -> str:
    """The column that would not be unique, or the name of the key."""
    name = getattr(driver.__cause__, "constraint_name", None)
    if name:
        return str(name) if name.startswith("pk_") else str(name).rpartition("_")[2]
    column = _SQLITE_COLUMN.search(str(driver))
    return column[1] if column else ""
