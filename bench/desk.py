"""What a page of tickets costs among a million: `python -m bench.desk [--server URL] [--tickets N]`.

Makes databases of its own on a PostgreSQL server, fills them, asks by the room's own `find`, and drops them. Prints
tables with what was wanted, and ends with status 1 where it was missed: the 10,000th page costs at most 1.2 x the
first, a filtered page at most 3 x the same page among 1,000 tickets, and every page is found by an index.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import product
from statistics import median
from time import perf_counter
from typing import Any, get_args

from sqlalchemy import event, text

from bench import desk_data as data
from service.apps.desk.domain.queries import MAX_PAGE, CommentQuery, Page, TicketQuery
from service.apps.desk.domain.values import Ticket
from service.apps.desk.storage.desk import Desk, open_desk
from service.apps.desk.storage.migrate import migrate

SMALL = 1_000  # tickets
DEEP, FILTERED = 1.2, 3.0  # times the first page, and the page among `SMALL` tickets
PAGE = 10_000  # the one that is far down
ROUNDS, DEEP_ROUNDS = 25, 100  # a figure is the median of so many
SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
SORTS = get_args(TicketQuery.model_fields["sort"].annotation)

# Filters with as many tickets on their first page in both desks.
SAME: dict[str, dict[str, Any]] = {
    "status, frequent": {"status": data.FREQUENT_STATUS},
    "status, rare": {"status": data.RARE_STATUS},
    "owner, frequent": {"owner": data.FREQUENT_OWNER},
    "owner, rare": {"owner": data.RARE_OWNER},
    "employee, frequent": {"employee": data.FREQUENT_EMPLOYEE},
    "employee, rare": {"employee": data.RARE_EMPLOYEE},
    "text, frequent": {"text": data.FREQUENT_WORD},
    "text, rare": {"text": data.RARE_WORD},
    "text, in none": {"text": data.ABSENT_WORD},
    "owner and status": {"owner": data.FREQUENT_OWNER, "status": data.FREQUENT_STATUS},
    "owner and text": {"owner": data.RARE_OWNER, "text": data.RARE_WORD},
    "two letters, frequent": {"text": data.FREQUENT_PAIR},
    "text, a caller's name, rare": {"text": data.RARE_NAME},
    "text, a caller's name, frequent": {"text": data.FREQUENT_NAME},
    "a day": {"since": "2016-01-02", "until": "2016-01-02"},
    "a day and status": {"since": "2016-01-02", "until": "2016-01-02", "status": data.FREQUENT_STATUS},
}
# Those whose pages differ, or that no index finds: without a target.
OTHER: dict[str, dict[str, Any]] = {
    "text, in one of 100": {"text": data.COMMON_WORD},
    "text, in one of 1,000": {"text": data.SPARSE_WORD},
    "two letters, rare": {"text": data.RARE_PAIR},
    "counted": {"count": True},
    "status, frequent, counted": {"status": data.FREQUENT_STATUS, "count": True},
    "text, frequent, counted": {"text": data.FREQUENT_WORD, "count": True},
    "text, in none, counted": {"text": data.ABSENT_WORD, "count": True},
}


async def ask(desk: Desk, query: TicketQuery) -> Page[Ticket]:
    """Ask for a page as the routes do."""
    by_requester = None if query.text is None else await desk.tickets.by_requester(query.text)
    return await desk.tickets.find(query, or_matching=by_requester)


async def cost(desk: Desk, query: TicketQuery) -> float:
    """Milliseconds for one page."""
    begun = perf_counter()
    await ask(desk, query)
    return (perf_counter() - begun) * 1000


async def compare(
    first: tuple[Desk, TicketQuery], second: tuple[Desk, TicketQuery], rounds: int
) -> tuple[float, float]:
    """The medians of two pages, asked for in turn, so that what else the machine does meets both."""
    for desk, query in (first, second) * 2:
        await ask(desk, query)
    taken = [(await cost(*first), await cost(*second)) for _ in range(rounds)]
    return median(a for a, _ in taken), median(b for _, b in taken)


async def far_down(desk: Desk, query: TicketQuery, page: int) -> TicketQuery:
    """The query for a page far down, by the cursors of those before it; larger ones, to be there sooner."""
    rows = (page - 1) * query.limit
    while rows:
        step = query.model_copy(update={"limit": min(rows, MAX_PAGE)})
        found = await desk.tickets.find(step)
        rows -= len(found.items)
        query = query.model_copy(update={"cursor": found.next})
    return query


async def plan_of(desk: Desk, query: TicketQuery) -> str:
    """How PostgreSQL finds a page: its plan, on one line."""
    with _statements(desk) as said:
        await ask(desk, query)
    async with desk.database.read() as connection:
        raw = await connection.get_raw_connection()
        driver: Any = raw.driver_connection
        statement, parameters = said[-1]
        rows = await driver.fetch(f"EXPLAIN (COSTS OFF) {statement}", *parameters)
    return " ".join(row[0].strip().removeprefix("->").strip() for row in rows)


@contextmanager
def _statements(desk: Desk) -> Iterator[list[tuple[str, Any]]]:
    said: list[tuple[str, Any]] = []

    def keep(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:  # noqa: ANN401
        said.append((statement, parameters))

    engine = desk.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", keep)
    yield said
    event.remove(engine, "before_cursor_execute", keep)


class Report:
    """Prints tables as they come, and remembers whether a target was missed."""

    def __init__(self) -> None:
        self.missed = False

    def head(self, *columns: str) -> None:
        """Begin a table."""
        print(f"\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}", flush=True)

    def line(self, *cells: object, wanted: float | None = None, is_reached: bool = True) -> None:
        """Add a line to it."""
        verdict = [] if wanted is None else [f"<= {wanted:g}", "reached" if is_reached else "missed"]
        self.missed |= not is_reached
        print(f"| {' | '.join(map(str, (*cells, *verdict)))} |", flush=True)


async def depth(report: Report, desk: Desk, number: int) -> None:
    """The first page and one far down."""
    page = min(PAGE, number // 100)
    report.head("sorted by", "first page, ms", f"page {page:,}, ms", "times", "wanted", "")
    for sort in SORTS:
        first = TicketQuery(sort=sort)
        near, far = await compare((desk, first), (desk, await far_down(desk, first, page)), DEEP_ROUNDS)
        report.line(sort, f"{near:.2f}", f"{far:.2f}", f"{far / near:.2f}", wanted=DEEP, is_reached=far <= DEEP * near)


async def filters(report: Report, desk: Desk, small: Desk, number: int) -> None:
    """Filtered pages in both desks; the worst of all orders is told."""
    report.head("filter", f"among {SMALL:,}, ms", f"among {number:,}, ms", "times", "sorted by", "wanted", "")
    for name, given in (SAME | OTHER).items():
        found = []
        for sort in SORTS:
            query = TicketQuery.model_validate({"sort": sort, **given})
            few, many = await compare((small, query), (desk, query), ROUNDS if name in SAME else 5)
            found.append((many / few, few, many, sort))
        times, few, many, sort = max(found)
        cells = (name, f"{few:.2f}", f"{many:.2f}", f"{times:.1f}", sort)
        if name in SAME:
            report.line(*cells, wanted=FILTERED, is_reached=times <= FILTERED)
        else:
            report.line(*cells, "", "")


async def comments(report: Report, desk: Desk, small: Desk, number: int) -> None:
    """Pages of comments in both desks, and one far down in a long list."""
    report.head("comments", f"among {SMALL:,} tickets, ms", f"among {number:,}, ms", "times", "wanted", "")
    last = CommentQuery(sort="-created", limit=50)
    far = last
    for _ in range(data.TALK // 200):
        far = far.model_copy(update={"cursor": (await desk.comments.find(data.TALKATIVE, far)).next})
    for name, ticket, query in (
        (f"of a ticket with {data.COMMENTS}", data.TALKATIVE + 1, last),
        (f"of a ticket with {data.TALK:,}", data.TALKATIVE, last),
        (f"of a ticket with {data.TALK:,}, page {data.TALK // 200}", data.TALKATIVE, far),
    ):
        taken = []
        for _ in range(ROUNDS):
            for each in (small, desk):
                begun = perf_counter()
                await each.comments.find(ticket, query)
                taken.append((perf_counter() - begun) * 1000)
        few, many = median(taken[::2]), median(taken[1::2])
        cells = (name, f"{few:.2f}", f"{many:.2f}", f"{many / few:.1f}")
        report.line(*cells, wanted=FILTERED, is_reached=many <= FILTERED * few)


async def plans(report: Report, desk: Desk) -> None:
    """Whether each page is found by an index."""
    print("\nHow PostgreSQL finds them (EXPLAIN):\n")
    for (name, given), sort in product(({"no filter": {}} | SAME).items(), SORTS):
        plan = await plan_of(desk, TicketQuery.model_validate({"sort": sort, **given}))
        is_found = "Seq Scan on tickets" not in plan
        report.missed |= not is_found
        if sort == "-created" or not is_found:
            print(f"- {name}, {sort}: `{plan}`" + ("" if is_found else " MISSED"))


@asynccontextmanager
async def filled_desk(server: str, number: int) -> AsyncIterator[Desk]:
    """A desk with so many tickets, in a database of its own."""
    async with data.own_database(server) as url:
        await migrate(url)
        begun = perf_counter()
        await data.fill(url, number)
        print(f"{number:,} tickets made in {perf_counter() - begun:.0f} s.", file=sys.stderr)
        async with open_desk(url) as desk:
            yield desk


async def main() -> int:
    """Measure, print, and return an exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--server", default=SERVER, help="a database of the server; whoever connects may make others")
    parser.add_argument("--tickets", type=int, default=1_000_000)
    options = parser.parse_args()
    report = Report()
    async with filled_desk(options.server, SMALL) as small, filled_desk(options.server, options.tickets) as desk:
        async with desk.database.read() as connection:
            version = await connection.scalar(text("SHOW server_version"))
        filled = f"{options.tickets:,} tickets with {data.COMMENTS} comments each"
        print(f"PostgreSQL {version}, {filled}, pages of 50, by `find` with all that Python adds.")
        await depth(report, desk, options.tickets)
        await filters(report, desk, small, options.tickets)
        await comments(report, desk, small, options.tickets)
        await plans(report, desk)
    return int(report.missed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
