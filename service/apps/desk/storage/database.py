"""Open, read and write the database, and translate its errors."""

import asyncio
import os
import re
import ssl
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
    DatabaseTlsError,
    DatabaseUnavailableError,
    EmailTakenError,
    PhoneTakenError,
)
from service.apps.desk.storage.address import address_for_driver, refused_option
from service.apps.desk.storage.sqlite_file import network_filesystem
from service.apps.desk.storage.tls_files import unreadable_file
from service.errors import ConfigurationError, ConflictError, ServiceError

Clock = Callable[[], datetime]  # returns aware times

# Connections of one process, beside those of `account_status`: workers x 10 must stay below PostgreSQL's
# max_connections (100 by default).
POOL_SIZE: Final = 8
# Seconds. Nobody waits longer than that for a page, and a statement that takes longer has something wrong with it.
_CONNECT, _POOL, _STATEMENT = 5, 5, 5
LOCK_WAIT: Final = 5
_LIMITS = {"statement_timeout": _STATEMENT, "lock_timeout": LOCK_WAIT, "idle_in_transaction_session_timeout": 60}
# The best plan depends on a filter's value: a plan made for all values may read a whole index for one of them.
_PLANS = {"plan_cache_mode": "force_custom_plan"}
_RECYCLE = 1800  # seconds after which a connection is replaced: firewalls forget old ones

# If a certificate or key cannot be read or is none, or if there is no unix socket.
_FILE_ERRORS = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, ssl.SSLError)
_OUT_OF_DATE = {9, 10}  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED
_UNTRUSTED = "the server's certificate is from no CA of sslrootcert, or for another host"

_WRITES = "desk_writes"
_TAKEN: dict[str, type[ConflictError]] = {
    "phone": PhoneTakenError,
    "email": EmailTakenError,
    "name": AccountExistsError,
    "pk_accounts": AccountExistsError,
}


def utc_now() -> datetime:
    """Return the time. Tests use clocks of their own."""
    return datetime.now(UTC)


class Database:
    """One database, and this process's connections to it. Open it with `open_database`.

    A statement that was begun is finished even if its request is cancelled. Starlette's task groups cancel repeatedly,
    and a driver that is cancelled while it cleans up leaves a lock behind.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        # Each statement that reads is a transaction of its own.
        self._reader = engine if self.is_sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writer = engine.execution_options(**{_WRITES: True})
        # SQLite allows one writer at a time. Others sleep and try again, in no order, so our writers queue here.
        self._turn = asyncio.Lock() if self.is_sqlite else None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for statements that read. Each sees what was committed before it."""
        with _translate_errors(), CancelScope(shield=True):
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self, *, foreign_key_error: type[ServiceError] = ConflictError) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed if the block does not raise. `foreign_key_error`: for a broken foreign key."""
        with _translate_errors(foreign_key_error), CancelScope(shield=True):
            async with AsyncExitStack() as stack:
                if self._turn:
                    await stack.enter_async_context(self._turn)
                yield await stack.enter_async_context(self._writer.begin())


@asynccontextmanager
async def open_database(url: str, *, is_limited: bool = True, lock_wait: float = LOCK_WAIT) -> AsyncIterator[Database]:
    """Open `sqlite:///path` or `postgresql://…`, as `settings.database_url` returns it. Connects when needed.

    `is_limited`: on PostgreSQL, statements and waits for locks have a time limit. `lock_wait`: seconds, for SQLite.

    Raises:
        ConfigurationError: the file is on a file system of another machine.
        DatabaseUnavailableError: the file cannot be opened, nor its folder made.
    """
    path = file_of(url)
    if path is not None:
        engine = _open_sqlite(path, wait=lock_wait)
    else:
        engine = _open_postgresql(url, _LIMITS if is_limited else {})
    try:
        yield Database(engine)
    finally:
        await engine.dispose()


def file_of(url: str) -> Path | None:
    """Return the file of an SQLite database; None for PostgreSQL."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:") else None


def _open_sqlite(path: Path, *, wait: float) -> AsyncEngine:
    if kind := network_filesystem(path):
        problem = f"its file would be on {kind}, where SQLite's locks do not hold: take a local disk, or PostgreSQL"
        raise ConfigurationError([f"DATABASE_URL or SERVICE_STATE: {problem}"])
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # For its owner alone. SQLite gives the files beside it the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise DatabaseUnavailableError(reason=f"its file cannot be opened: {error.strerror}") from None
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        hide_parameters=True,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=_POOL,
        connect_args={"isolation_level": None, "timeout": wait},  # we send `BEGIN` ourselves, below
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's adapter of a driver's
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
    cursor.execute("PRAGMA synchronous = FULL")  # a commit survives a power failure
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once. A transaction that has read cannot get it once another one has written."""
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _open_postgresql(url: str, limits: Mapping[str, float]) -> AsyncEngine:
    address = address_for_driver(url)
    patience = address.connect_timeout or _CONNECT

    async def connect() -> Any:  # noqa: ANN401 - asyncpg has no types
        try:
            return await asyncpg.connect(
                address.url,  # may have parameters as libpq takes them, such as sslmode
                timeout=patience,
                command_timeout=_STATEMENT + _CONNECT if limits else None,  # if the server stops answering
                server_settings={name: f"{seconds}s" for name, seconds in limits.items()} | _PLANS,
            )
        except ssl.SSLCertVerificationError as error:
            if error.verify_code in _OUT_OF_DATE:
                raise DatabaseUnavailableError(reason="its certificate has expired or is not valid yet") from None
            raise DatabaseTlsError(reason=_UNTRUSTED) from None
        except (ValueError, *_FILE_ERRORS) as error:
            if flaw := unreadable_file(address.url):
                raise DatabaseTlsError(reason=flaw) from None
            if not isinstance(error, ValueError):
                raise  # for example because there is no unix socket yet
            # Its message may quote the address.
            raise ConfigurationError(
                ["DATABASE_URL: PostgreSQL does not accept the host, the port or a parameter"]
            ) from None
        except (
            asyncpg.UndefinedObjectError,
            asyncpg.InvalidParameterValueError,
            asyncpg.ProtocolViolationError,
        ) as error:
            if option := refused_option(address.url, str(error)):
                raise ConfigurationError([f"DATABASE_URL: the server does not take the option {option}"]) from None
            raise

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


# PostgreSQL's codes, or their beginnings, for errors that may pass: connections, privileges of the user, resources,
# locks, an operator's intervention, a standby (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_PASSING = ("08", "28", "3D000", "40", "42501", "53", "55", "57", "58", "25006")
_FULL = {"53100", "SQLITE_FULL"}
_SQLITE_COLUMN = re.compile(r"UNIQUE constraint failed: \w+\.(\w+)")


@contextmanager
def _translate_errors(foreign_key_error: type[ServiceError] = ConflictError) -> Iterator[None]:
    """Raise our own error instead of the database's, whose text may contain addresses and the values to be stored."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        meant = _translated(error, foreign_key_error)
        if meant is None:
            raise
        raise meant from None


def _translated(error: Exception, foreign_key_error: type[ServiceError]) -> ServiceError | None:
    """Return our error for one of the database's; None if it can only be a bug of ours."""
    driver = (error.orig or error) if isinstance(error, DBAPIError) else error
    code = _code(driver)
    if code in _FULL:
        return DatabaseFullError()
    if code in {"23503", "SQLITE_CONSTRAINT_FOREIGNKEY"}:
        return foreign_key_error()
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
    """Return the column that would not be unique, or the name of the key."""
    name = getattr(driver.__cause__, "constraint_name", None)
    if name:
        return str(name) if name.startswith("pk_") else str(name).rpartition("_")[2]
    column = _SQLITE_COLUMN.search(str(driver))
    return column[1] if column else ""
