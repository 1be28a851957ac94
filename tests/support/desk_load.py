"""Clients that write to a desk simultaneously, also while it is killed, and remember what was acknowledged."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any

import anyio
import httpx
from sqlalchemy import select

from service.apps.desk.domain.queries import AuditQuery, TicketQuery
from service.apps.desk.domain.values import AuditEntry, Ticket
from service.apps.desk.storage.desk import open_desk
from service.apps.desk.storage.tables import comments

COUNTERS = 3  # tickets to which all clients write, each adding one to what it has read
SELDOM = 5  # tickets of one's own for each time: who is told to read again has to work for it
PAUSE = 0.05  # seconds until a client tries again, after an outage

Send = Callable[..., Awaitable[httpx.Response]]
"""Sends a request: method, path below the desk's, options of httpx."""


class Load:
    """The clients of one desk. `acknowledged` has the latest acknowledged state of each ticket, by id."""

    def __init__(self, send: Send) -> None:
        self._ask = send
        self._numbers = count()
        self._employee = 0
        self.counters: Sequence[int] = ()
        self.acknowledged: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, dict[str, Any]] = {}  # the acknowledged comment on each ticket, by the ticket's id
        self.unanswered: set[str] = set()  # titles of tickets of which nobody knows whether they were created
        self.added: Counter[int] = Counter()  # by counter: what was acknowledged
        self.perhaps_added: Counter[int] = Counter()
        self.outages: list[httpx.Response] = []

    async def begin(self) -> None:
        """Wait until the desk answers, and create what all clients need."""
        made = await self._surely("POST", "employees", json={"first_name": "Zoë", "last_name": "Okonkwo"})
        self._employee = made["id"]
        new = {"title": "counter", "description": "0", "employee_id": self._employee}
        self.counters = [(await self._surely("POST", "tickets", json=new))["id"] for _ in range(COUNTERS)]

    async def run(self, clients: int, *, is_over: Callable[[], bool]) -> None:
        """Let this number of clients write simultaneously until `is_over`."""

        async def client() -> None:
            while not is_over():
                await self._create(next(self._numbers))

        async with anyio.create_task_group() as group:
            for _ in range(clients):
                group.start_soon(client)

    async def _create(self, number: int) -> None:
        """Create a ticket, change its status, comment on it, and add one to a counter."""
        new = {"title": f"ticket {number}", "employee_id": self._employee}
        made = await self._send("POST", "tickets", json=new)
        if made is None:
            self.unanswered.add(str(new["title"]))
            return
        ticket = made.raise_for_status().json()
        self.acknowledged[ticket["id"]] = ticket
        headers = {"If-Match": made.headers["ETag"]}
        taken = await self._send("PATCH", f"tickets/{ticket['id']}", json={"status": "in_progress"}, headers=headers)
        if taken is not None:
            self.acknowledged[ticket["id"]] = taken.raise_for_status().json()
        said = await self._send("POST", f"tickets/{ticket['id']}/comments", json={"text": f"about {number}"})
        if said is not None:
            self.comments[ticket["id"]] = said.raise_for_status().json()
        if number % SELDOM == 0:
            await self._add(self.counters[number // SELDOM % COUNTERS])

    async def _add(self, counter: int) -> None:
        while True:
            read = await self._send("GET", f"tickets/{counter}")
            if read is None:
                continue
            more = {"description": str(int(read.raise_for_status().json()["description"]) + 1)}
            headers = {"If-Match": read.headers["ETag"]}
            added = await self._send("PATCH", f"tickets/{counter}", json=more, headers=headers)
            if added is None or added.status_code != httpx.codes.PRECONDITION_FAILED:
                break
        if added is None:
            self.perhaps_added[counter] += 1
        else:
            added.raise_for_status()
            self.added[counter] += 1

    async def _surely(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        while (reply := await self._send(method, path, **options)) is None:
            pass
        answer: dict[str, Any] = reply.raise_for_status().json()
        return answer

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response | None:  # noqa: ANN401
        """Send a request. Returns None if it is unknown whether it was carried out."""
        try:
            reply = await self._ask(method, path, **options)
        except httpx.TransportError:
            await anyio.sleep(PAUSE)
            return None
        if reply.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return reply
        self.outages.append(reply)
        await anyio.sleep(PAUSE)
        return None

    async def check(self, database_url: str) -> None:
        """Check that nothing acknowledged was lost or overwritten, and that the audit explains what is stored."""
        tickets, told = await _stored(database_url)
        now = {ticket["id"]: ticket for ticket in (each.model_dump(mode="json") for each in tickets)}
        for key, known in self.acknowledged.items():
            if known["version"] == now[key]["version"]:
                assert now[key] == known
            else:  # a change that was not acknowledged, and made
                changed = {name: now[key][name] for name in ("version", "status", "updated")}
                assert now[key] == known | changed
                assert (known["version"], changed["version"], changed["status"]) == (1, 2, "in_progress")
        strangers = {now[key]["title"] for key in now.keys() - self.acknowledged.keys() - {*self.counters}}
        assert strangers <= self.unanswered
        for counter in self.counters:
            value = int(now[counter]["description"])
            assert self.added[counter] <= value <= self.added[counter] + self.perhaps_added[counter]
            assert now[counter]["version"] == value + 1
        assert await _comments(database_url) == _said(told)
        for key, comment in self.comments.items():
            assert comment["text"] == _said(told)[key][comment["id"]]
        assert _replayed(told) == {
            key: {name: value for name, value in ticket.items() if name not in {"created", "updated"}}
            for key, ticket in now.items()
        }


async def _stored(database_url: str) -> tuple[list[Ticket], list[AuditEntry]]:
    """Return all tickets and their audit entries, the oldest first."""
    async with open_desk(database_url) as desk:
        tickets = [ticket async for ticket in desk.tickets.export(TicketQuery())]
        query, told = AuditQuery(limit=200), list[AuditEntry]()
        while True:
            page = await desk.audit.find(query)
            told += (entry for entry in page.items if entry.thing.startswith("ticket/"))
            if page.next is None:
                return tickets, sorted(told, key=lambda entry: entry.id)
            query = query.model_copy(update={"cursor": page.next})


async def _comments(database_url: str) -> dict[int, dict[int, str]]:
    """Return the text of all comments by ticket and id."""
    found: dict[int, dict[int, str]] = defaultdict(dict)
    async with open_desk(database_url) as desk, desk.database.read() as connection:
        for row in await connection.execute(select(comments)):
            found[row.ticket_id][row.id] = row.text
    return dict(found)


def _said(told: Sequence[AuditEntry]) -> dict[int, dict[int, str]]:
    """Return the same as the audit tells it."""
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for entry in told:
        if entry.what == "ticket.commented" and entry.after:
            found[int(entry.thing.removeprefix("ticket/"))][entry.after["comment"]] = entry.after["text"]
    return dict(found)


def _replayed(told: Sequence[AuditEntry]) -> dict[int, dict[str, Any]]:
    """Return each ticket as its audit entries say. Each entry must begin where the one before ended."""
    now: dict[int, dict[str, Any]] = defaultdict(lambda: {"version": 0})
    for entry in (entry for entry in told if entry.what != "ticket.commented"):
        ticket = now[int(entry.thing.removeprefix("ticket/"))]
        before = entry.before or {}
        assert {name: ticket[name] for name in before} == before
        ticket |= (entry.after or {}) | {"version": ticket["version"] + 1}
    return dict(now)
