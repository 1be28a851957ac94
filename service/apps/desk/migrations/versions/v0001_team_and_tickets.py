"""The tables of accounts, employees and tickets."""

import logging
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SORTED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)

_log = logging.getLogger("service")


def upgrade() -> None:
    """Make the tables."""
    _accounts()
    _employees()
    _tickets()
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.Column("note", sa.JSON),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _trigrams()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", _SORTED, nullable=False),
        sa.Column("first_name", sa.Text, nullable=False),
        sa.Column("last_name", sa.Text, nullable=False),
        sa.Column("phone", sa.Text),
        sa.Column("email", sa.Text),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("login_denied", sa.Boolean, nullable=False),
        sa.Column("login_denied_at", _MOMENT),
        sa.Column("rights_changed_at", _MOMENT),
        *_stamps(),
        sa.Column("search", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_accounts"),
        sa.UniqueConstraint("phone", name="uq_accounts_phone"),
        sa.UniqueConstraint("email", name="uq_accounts_email"),
    )
    for column in ("created", "updated"):
        op.create_index(f"ix_accounts_{column}_name", "accounts", [column, "name"])


def _employees() -> None:
    op.create_table(
        "employees",
        sa.Column("id", _ID, sa.Identity(), nullable=False),
        sa.Column("first_name", sa.Text, nullable=False),
        sa.Column("last_name", sa.Text, nullable=False),
        sa.Column("nick_name", sa.Text),
        sa.Column("phone", sa.Text),
        sa.Column("email", sa.Text),
        sa.Column("birthday", sa.Date),
        sa.Column("country", sa.Text),
        sa.Column("city", sa.Text),
        sa.Column("address", sa.Text),
        *_stamps(),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("name_key", _SORTED, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_employees"),
        sa.UniqueConstraint("phone", name="uq_employees_phone"),
        sa.UniqueConstraint("email", name="uq_employees_email"),
        sqlite_autoincrement=True,
    )
    for column in ("created", "updated", "name_key"):
        op.create_index(f"ix_employees_{column}_id", "employees", [column, "id"])


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", _ID, sa.Identity(), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("employee_id", _ID, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        *_stamps(),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("title_key", _SORTED, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
        sa.ForeignKeyConstraint(["employee_id"], ["employees.id"], name="fk_tickets_employee_id"),
        sqlite_autoincrement=True,
    )
    for wanted in ("", "status", "owner", "employee_id"):
        for order in ("created", "updated", "title_key"):
            columns = [column for column in (wanted, order, "id") if column]
            op.create_index(f"ix_tickets_{'_'.join(columns)}", "tickets", columns)


def _stamps() -> list[sa.Column[Any]]:
    return [
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created", _MOMENT, nullable=False),
        sa.Column("updated", _MOMENT, nullable=False),
    ]


def _trigrams() -> None:
    """Create indexes for the text filter. Without them it reads the whole table, and finds the same."""
    gin: dict[str, Any] = {"postgresql_using": "gin", "postgresql_ops": {"search": "gin_trgm_ops"}}
    try:
        with op.get_bind().begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            for table in ("employees", "tickets"):
                op.create_index(f"ix_{table}_search", table, ["search"], **gin)
    except DBAPIError:
        _log.warning("PostgreSQL's extension pg_trgm cannot be had: text is searched for without an index.")
