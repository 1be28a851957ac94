"""The desk's tables in SQLAlchemy Core. `migrations/` creates them."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, in UTC. SQLite stores it without a time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """The type of a row's value."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert it to UTC."""
        utc = value and value.astimezone(UTC)
        return utc.replace(tzinfo=None) if utc and dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Mark it as UTC."""
        return value.replace(tzinfo=UTC) if value and dialect.name == "sqlite" else value


# Sorted by code point, whatever the database's collation: a page must begin where the last one ended.
_Sorted = Text().with_variant(Text(collation="C"), "postgresql")
_Id = BigInteger().with_variant(Integer(), "sqlite")  # the only type that SQLite increments
_Json = JSON(none_as_null=True)


def _id() -> Column[Any]:
    return Column("id", _Id, Identity(), primary_key=True)


def _stamps() -> list[Column[Any]]:
    return [
        Column("version", Integer, nullable=False),
        Column("created", UtcDateTime, nullable=False),
        Column("updated", UtcDateTime, nullable=False),
    ]


def _searched() -> Column[Any]:
    """Return the column with the text to search, as `service.apps.desk.domain.fields.fold` returns it."""
    return Column("search", Text, nullable=False)


def _trigrams(table: str) -> Index:
    """The index by which PostgreSQL finds text anywhere in `search`, if the extension pg_trgm is available."""
    index = Index(f"ix_{table}_search", "search", postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"})
    return index.ddl_if(dialect="postgresql")


accounts = Table(
    "accounts",
    metadata,
    Column("name", _Sorted, primary_key=True),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("phone", Text),
    Column("email", Text),
    Column("disabled", Boolean, nullable=False),
    Column("login_denied", Boolean, nullable=False),
    Column("login_denied_at", UtcDateTime),
    Column("rights_changed_at", UtcDateTime),
    *_stamps(),
    _searched(),
    UniqueConstraint("phone"),
    UniqueConstraint("email"),
    Index(None, "created", "name"),
    Index(None, "updated", "name"),
)

employees = Table(
    "employees",
    metadata,
    _id(),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("nick_name", Text),
    Column("phone", Text),
    Column("email", Text),
    Column("birthday", Date),
    Column("country", Text),
    Column("city", Text),
    Column("address", Text),
    *_stamps(),
    _searched(),
    Column("name_key", _Sorted, nullable=False),
    UniqueConstraint("phone"),
    UniqueConstraint("email"),
    Index(None, "created", "id"),
    Index(None, "updated", "id"),
    Index(None, "name_key", "id"),
    _trigrams("employees"),
    sqlite_autoincrement=True,
)

tickets = Table(
    "tickets",
    metadata,
    _id(),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("employee_id", _Id, ForeignKey(employees.c.id), nullable=False),
    Column("owner", Text, nullable=False),  # not a foreign key: an account may be deleted, its tickets stay
    *_stamps(),
    _searched(),
    Column("title_key", _Sorted, nullable=False),
    # One index for each filter with each order: reading a page then takes as long for rare values as for frequent ones.
    *(
        Index(None, *wanted, order, "id")
        for wanted in ([], ["status"], ["owner"], ["employee_id"])
        for order in ("created", "updated", "title_key")
    ),
    _trigrams("tickets"),
    sqlite_autoincrement=True,  # the id of a deleted ticket is not reused: the audit refers to it
)

comments = Table(
    "comments",
    metadata,
    _id(),
    Column("ticket_id", _Id, ForeignKey(tickets.c.id, ondelete="CASCADE"), nullable=False),
    Column("author", Text, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("text", Text, nullable=False),
    Index(None, "ticket_id", "created", "id"),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    _id(),
    Column("when", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("thing", Text, nullable=False),
    Column("before", _Json),
    Column("after", _Json),
    *(Index(None, *wanted, "when", "id") for wanted in ([], ["who"], ["what"], ["thing"])),
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("note", _Json),
)
