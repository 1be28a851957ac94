"""PostgreSQL gone and back, at the start or under load: 503 in between, and nothing has to be restarted."""

import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

import anyio
import asyncpg
import httpx
import pytest

from service.apps.desk.domain.queries import TicketQuery
from service.apps.desk.errors import DatabaseUnavailableError
from service.apps.desk.storage import desk as storage
from tests.conftest import MakeHub
from tests.support.crew import PATH, Crew
from tests.support.desk import Desk, open_desk
from tests.support.desk_load import Load
from tests.support.local_http import local_client
from tests.support.polling import eventually
from tests.support.postgres import Postgres, postgres, programs

CLIENTS = 20
PATIENCE = 60.0
SECRET = ("SELECT", "INSERT", "127.0.0.1", "Okonkwo", "Traceback")  # nothing for a log


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL of these tests' own, which they stop."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL installed: apt-get install postgresql")
    with postgres(found, settings=["max_connections=30"]) as running:
        yield running


@pytest.fixture
def url(server: Postgres) -> str:
    """An empty database."""
    return server.database()


@pytest.fixture
async def desk(url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """The service with the desk on it."""
    async with open_desk(tmp_path, variables={"DATABASE_URL": url}) as running:
        yield running


def seen(replies: list[httpx.Response]) -> set[tuple[int, str, str]]:
    """What refusals say: status, code, and when to come back."""
    return {(reply.status_code, reply.json()["code"], reply.headers["Retry-After"]) for reply in replies}


async def test_a_restart_under_load(server: Postgres, desk: Desk, url: str, caplog: pytest.LogCaptureFixture) -> None:
    """During a restart writers get 503, and everything acknowledged before and after is there."""
    load = Load(lambda method, path, **options: desk.admin.request(method, f"desk/{path}", **options))
    is_over = anyio.Event()

    async def has(number: int) -> bool:
        return len(load.acknowledged) >= number

    async def are_refused(number: int) -> bool:
        return len(load.outages) >= number

    with anyio.fail_after(PATIENCE):
        await load.begin()
        async with anyio.create_task_group() as group:
            group.start_soon(partial(load.run, CLIENTS, is_over=is_over.is_set))
            await eventually(partial(has, 50), within=PATIENCE)
            for _ in range(2):
                refused, had = len(load.outages), len(load.acknowledged)
                await anyio.to_thread.run_sync(server.stop)
                await eventually(partial(are_refused, refused + CLIENTS), within=PATIENCE)
                await anyio.to_thread.run_sync(server.start)
                await eventually(partial(has, had + 50), within=PATIENCE)
            is_over.set()

    assert seen(load.outages) == {(503, "database_unavailable", "5")}
    await load.check(url)
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert any(line.startswith("The database cannot be used: ") for line in said)
    assert [line for line in said if any(word in line for word in SECRET)] == []


async def test_nobody_is_let_in_unseen(server: Postgres, desk: Desk) -> None:
    """While the database cannot say whose account is disabled, every route refuses. The process is live, not ready."""
    await desk.employee()
    support, stranger = desk.support, desk.stranger()
    server.stop()
    try:
        refused = [await support.get(path) for path in ("desk/tickets", "desk/accounts/me", "desk/tickets.csv")]
        live, ready = await stranger.get("health/live"), await stranger.get("health/ready")
    finally:
        server.start()

    assert seen(refused) == {(503, "database_unavailable", "5")}
    assert (live.status_code, ready.status_code) == (200, 503)
    assert ready.json()["problem"].startswith("The database cannot be used: ")

    async def is_ready() -> bool:
        return (await stranger.get("health/ready")).status_code == httpx.codes.OK

    assert await eventually(is_ready)
    assert (await support.get("desk/tickets")).status_code == httpx.codes.OK


async def test_a_page_says_it_too(server: Postgres, desk: Desk) -> None:
    """A browser gets a page with 503, not a stack trace."""
    browser = desk.support.browser()
    server.stop()
    try:
        page = await browser.visit("desk/tickets")
    finally:
        server.start()

    assert (page.status_code, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert "The database cannot be used at the moment" in page.text


async def test_too_many_connections_are_an_outage(url: str) -> None:
    """If the server has no connection left the caller gets 503, and is served once there is one."""
    async with storage.open_desk(url) as desk, AsyncExitStack() as others:
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await _take_all(url, others)
        with pytest.raises(DatabaseUnavailableError) as refused:
            await desk.tickets.find(TicketQuery())
        await others.aclose()

        assert refused.value.reason == "53300"
        assert (await desk.tickets.find(TicketQuery())).items == []


@contextmanager
def down(server: Postgres) -> Iterator[None]:
    """Stop it, and start it at the end."""
    server.stop()
    try:
        yield
    finally:
        server.start()


async def test_a_start_without_it(server: Postgres, url: str, make_hub: MakeHub) -> None:
    """A Hub starts with a desk whose database is down, and the desk serves as soon as it is up."""
    with down(server):
        hub = make_hub(register={"apps": ["desk"], "environment": {"DATABASE_URL": url}})
        process = {pid for pid, line in hub.processes().items() if line.endswith(" -m service")}
        refused = await hub.ask("GET", "me")
        page = await hub.ask("GET", "", headers={"Accept": "text/html"})

    assert seen([refused]) == {(503, "service_starting", "5")}
    assert (page.status_code, "waits for something that it needs" in page.text) == (503, True)
    assert "Waiting for the database (DATABASE_URL): ConnectionRefusedError." in hub.log_text()
    token = await hub.user_token("testuser")
    await hub.until_served(token)
    assert (await hub.ask("GET", "desk/status", token=token)).status_code == httpx.codes.OK
    assert {pid for pid, line in hub.processes().items() if line.endswith(" -m service")} == process


@pytest.mark.parametrize("workers", [1, 2])
async def test_probes_of_a_start_without_it(
    server: Postgres, url: str, start_crew: Callable[..., Crew], workers: int
) -> None:
    """The process is live and not ready until the database is up."""
    async with local_client() as client:

        async def probes() -> tuple[int, int]:
            live, ready = [await client.get(f"{crew.origin}{PATH}health/{name}") for name in ("live", "ready")]
            return live.status_code, ready.status_code

        with down(server):
            crew = start_crew(workers=workers, SERVICE_APPS="desk", DATABASE_URL=url)
            await crew.has_said("Waiting for the database", 1)
            assert await probes() == (200, 503)
        await crew.started()
        assert (await client.get(f"{crew.origin}{PATH}health/live")).json() == {"status": "alive"}
        assert (await client.get(f"{crew.origin}{PATH}desk/tickets")).json()["code"] == "not_signed_in"


async def test_stopped_while_it_waits(server: Postgres, url: str, start_crew: Callable[..., Crew]) -> None:
    """A service that waits for the database ends like any other."""
    with down(server):
        crew = start_crew(SERVICE_APPS="desk", DATABASE_URL=url)
        await crew.has_said("Waiting for the database", 1)
        crew.process.send(signal.SIGTERM)

        assert await crew.ended() == 0
    assert crew.says("Traceback") == 0


async def _take_all(url: str, stack: AsyncExitStack) -> None:
    while True:
        connection = await asyncpg.connect(url)
        stack.push_async_callback(connection.close)


async def test_a_server_that_hangs_is_an_outage(server: Postgres, url: str) -> None:
    """A request waits for seconds, not for ever, and the desk goes on when the server does."""
    async with storage.open_desk(url) as desk:
        await desk.accounts.ensure("ada", by="ada")
        await desk.accounts.status("ada")
        with server.frozen():
            begun = monotonic()
            with pytest.raises(DatabaseUnavailableError):
                await desk.accounts.status("ada")
            waited = monotonic() - begun
        status = await desk.accounts.status("ada")

    assert waited < 30
    assert status is not None
