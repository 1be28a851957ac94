"""A desk full of tickets for bench/desk.py, with values that are frequent and values that are rare."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from service.apps.desk.domain.fields import fold, sort_key

COLUMNS: Final = (
    *("title", "description", "status", "employee_id", "owner", "version", "created", "updated", "search", "title_key"),
)
RARE: Final = 10  # tickets of each rare value, in a desk of any size
RARE_OWNER, FREQUENT_OWNER = "owner99", "owner0"
RARE_EMPLOYEE, FREQUENT_EMPLOYEE = 2, 1
RARE_STATUS, FREQUENT_STATUS = "waiting", "closed"
# Searched for: in 10 tickets, in one of a thousand, of a hundred, of four; and two of two letters.
RARE_WORD, SPARSE_WORD, COMMON_WORD, FREQUENT_WORD = "gyroscope", "hygrometer", "projector", "printer"
ABSENT_WORD: Final = "xylophone"
RARE_NAME, FREQUENT_NAME = "Quetzalcoatl", "Montgomery"  # of the employees with few and with many tickets
COMMENTS: Final = 2  # on each ticket
TALKATIVE, TALK = 7, 10_000  # a ticket, and how many comments it has in a desk of any size
RARE_PAIR, FREQUENT_PAIR = "猫猫", "in"
EMPLOYEES: Final = 5_000
_OWNERS: Final = 20
_OWNED, _ASKED, _OLD = 0.3, 0.2, 0.95  # shares: of the frequent owner, of the frequent employee, of what is done
_START = datetime(2016, 1, 1, tzinfo=UTC)
_SYLLABLES = [a + b for a in "bdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "ar", "en", "is", "ol", "um")]


def rows(number: int, *, seed: int = 1) -> Iterator[tuple[Any, ...]]:
    """Yield tickets in the order of their creation; those that are old are closed, as in life."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 3))) for _ in range(20_000)]
    rare = set(chance.sample(range(number), RARE))
    for index in range(number):
        created = _START + timedelta(seconds=300 * index + chance.random() * 300)
        updated = created + timedelta(hours=chance.random() * 200)
        text = _words(chance, words, is_rare=index in rare)
        title, description = " ".join(text[:6]).capitalize(), " ".join(text[6:])
        is_old = index < number * _OLD
        status = chance.choice(("closed", "resolved")) if is_old else chance.choice(("open", "in_progress", "closed"))
        owner = FREQUENT_OWNER if chance.random() < _OWNED else f"owner{chance.randrange(_OWNERS)}"
        employee = FREQUENT_EMPLOYEE if chance.random() < _ASKED else chance.randint(3, EMPLOYEES)
        if index in rare:
            status, owner, employee = RARE_STATUS, RARE_OWNER, RARE_EMPLOYEE
        searched = fold(title, description)
        yield (title, description, status, employee, owner, 1, created, updated, searched, sort_key(title))


def _words(chance: random.Random, words: list[str], *, is_rare: bool) -> list[str]:
    text = chance.choices(words, k=chance.randint(15, 60))
    for word, share in ((FREQUENT_WORD, 0.25), (COMMON_WORD, 0.01), (SPARSE_WORD, 0.001)):
        if chance.random() < share:
            text[chance.randrange(len(text))] = word
    return [RARE_WORD, RARE_PAIR, *text] if is_rare else text


@asynccontextmanager
async def own_database(server: str) -> AsyncIterator[str]:
    """A database of our own on a server, by its address; dropped in the end. `server`: the address of another one."""
    name = f"desk_bench_{random.SystemRandom().randrange(2**32):08x}"
    beginning = await asyncpg.connect(server)
    await beginning.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    base, question, parameters = server.partition("?")
    try:
        yield f"{base.rpartition('/')[0]}/{name}{question}{parameters}"
    finally:
        await beginning.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await beginning.close()


async def fill(url: str, number: int) -> None:
    """Put employees, `number` tickets and their comments into a database that has the desk's tables.

    The indexes of tickets are made afterwards.
    """
    connection = await asyncpg.connect(url)
    try:
        indexes = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'tickets' AND indexname LIKE 'ix_%'"
        )
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['indexname']}")
        await connection.execute(
            "INSERT INTO employees (first_name, last_name, version, created, updated, search, name_key) "
            "SELECT 'A', name, 1, now(), now(), 'a' || chr(10) || lower(name), lower(name) || ' a' FROM (SELECT CASE n "
            "WHEN $2::int THEN $3 WHEN $4::int THEN $5 ELSE 'B' || n END AS name FROM generate_series(1, $1::int) n) x",
            EMPLOYEES,
            RARE_EMPLOYEE,
            RARE_NAME,
            FREQUENT_EMPLOYEE,
            FREQUENT_NAME,
        )
        await connection.copy_records_to_table("tickets", records=rows(number), columns=COLUMNS)
        await connection.execute(
            "INSERT INTO comments (ticket_id, author, created, text) "
            "SELECT id, owner, created + n * interval '1 hour', title FROM tickets, generate_series(1, $1::int) n",
            COMMENTS,
        )
        await connection.execute(
            "INSERT INTO comments (ticket_id, author, created, text) "
            "SELECT $1::int, 'owner1', now() + n * interval '1 second', 'more' FROM generate_series(1, $2::int) n",
            TALKATIVE,
            TALK - COMMENTS,
        )
        await connection.execute("SET maintenance_work_mem = '512MB'")
        for index in indexes:
            await connection.execute(index["indexdef"])
        for table in ("tickets", "employees", "comments"):
            await connection.execute(f"VACUUM ANALYZE {table}")
    finally:
        await connection.close()
