"""The options of a PostgreSQL address that our driver, asyncpg, does not have: taken, left out, or refused by name.

libpq (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS) and some other drivers have
them. asyncpg sends whatever it does not know to the server, as a setting of the session.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

# The values that ask for nothing which we do not do anyway. Leaving out another one would make a connection less safe.
_NOTHING_ASKED: Mapping[str, tuple[str, ...]] = {
    "channel_binding": ("disable", "prefer"),
    "gssencmode": ("disable", "prefer"),
}
_CONNECT_TIMEOUT = "connect_timeout"
# Of libpq, and of Prisma, psycopg and SQLAlchemy.
_UNKNOWN = {
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "requirepeer"),
    *("require_auth", "load_balance_hosts", "gssdelegation", "fallback_application_name", "replication", "pgbouncer"),
    *("connection_limit", "pool_timeout", "schema", "prepare_threshold", "ssl", "prepared_statement_cache_size"),
}


@dataclass(frozen=True, slots=True)
class Address:
    """An address for asyncpg, and the seconds that a connection may take; None where the address does not say."""

    url: str
    connect_timeout: int | None = None


def address_for_driver(url: str) -> Address:
    """Return the address without the options that asyncpg does not have.

    Raises:
        ValueError: one that we cannot do, by its name.
    """
    head, mark, query = url.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    kept, timeout = [], None
    for name, value in options:
        if name in _UNKNOWN:
            raise ValueError(f"must be without the option {name}, which the driver does not have")
        if value not in _NOTHING_ASKED.get(name, (value,)):
            raise ValueError(f"the option {name} must be {' or '.join(_NOTHING_ASKED[name])}; the driver has no other")
        if name == _CONNECT_TIMEOUT:
            if not value.lstrip("-").isdecimal():
                raise ValueError(f"the option {name} must be a number of seconds")
            timeout = int(value) if int(value) > 0 else None  # libpq's 0 has no limit; we have our own
        elif name not in _NOTHING_ASKED:
            kept.append((name, value))
    rest = query if len(kept) == len(options) else urlencode(kept)
    return Address(f"{head}{mark if rest else ''}{rest}", timeout)


def refused_option(url: str, said: str) -> str:
    """Return the option of the address that the server's message is about; an empty string if it names none."""
    names = (name for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True))
    return next((name for name in names if f'"{name}"' in said or said.endswith(f": {name}")), "")
