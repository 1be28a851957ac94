"""Connections that stay open, and questions in the caller's name, with a real server behind a real Hub's proxy."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from service.testing.callers import SCRIPT
from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.local_http import local_client
from tests.support.polling import eventually
from tests.support.session import Session

INTERVAL = 0.5
WITHIN = 30  # seconds; half of what an interval is unless the setting is followed


@pytest.fixture(scope="module")
def live_hub(make_shared_hub: MakeHub) -> Iterator[RealHub]:
    """A Hub whose service looks twice a second, and keeps no answer beyond its time."""
    environment = {"SERVICE_RECHECK_INTERVAL": str(INTERVAL), "HUB_CACHE_TTL": "1.5", "HUB_STALE_GRACE": "0"}
    hub = make_shared_hub(
        gated=True, register={"routers": ["tests.support.live_routes:router"], "environment": environment}
    )
    yield hub
    hub.close()


@asynccontextmanager
async def echoing(hub: RealHub, headers: dict[str, str], query: str = "") -> AsyncIterator[ClientConnection]:
    """An open WebSocket that answers."""
    where = f"{hub.service_url}live/echo{query}".replace("http", "ws", 1)
    async with connect(where, additional_headers=headers, proxy=None) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"
        yield socket


async def ended(socket: ClientConnection) -> tuple[int, str]:
    """Wait for the end of a WebSocket; return its code and reason."""
    async with asyncio.timeout(WITHIN):
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


async def signed(hub: RealHub, browser: Session) -> dict[str, str]:
    """Sign a browser in here; return its cookies and origin, for a client that is no browser."""
    await browser.visit(f"{hub.service_url}me")
    held = "; ".join(f"{name}={value}" for (name, path), value in browser.cookies().items() if path in hub.service_path)
    return {"Cookie": held, "Origin": f"{browser.url.scheme}://{browser.url.netloc.decode()}"}


async def problem_at_the_end(hub: RealHub, query: str, headers: dict[str, str], begun: asyncio.Event) -> Any:  # noqa: ANN401
    """Read a stream to its end, and tell `begun` when it has begun; return the problem that it ends with."""
    async with (
        asyncio.timeout(2 * WITHIN),
        local_client() as client,
        client.stream("GET", f"{hub.service_url}live/events{query}", headers=headers) as stream,
    ):
        assert stream.status_code == 200
        lines = []
        async for line in stream.aiter_lines():
            lines.append(line)
            begun.set()
    return json.loads(lines[lines.index("event: problem") + 1].removeprefix("data: "))


async def test_it_outlasts_many_looks(live_hub: RealHub) -> None:
    """A WebSocket of a good token stays open."""
    token = await live_hub.user_token("testuser")
    async with echoing(live_hub, token.bearer) as socket:
        since = monotonic()
        while monotonic() < since + 4 * INTERVAL:
            await socket.send("still here")
            assert await socket.recv() == "still here"


async def test_a_token_ends(live_hub: RealHub) -> None:
    """Revoked or expired, its WebSocket is closed with 1008."""
    token = await live_hub.user_token("testuser")
    async with echoing(live_hub, token.bearer) as socket:
        await live_hub.revoke(token)
        assert await ended(socket) == (1008, "invalid_token")

    brief = await live_hub.user_token("testuser", expires_in=timedelta(seconds=4))  # enough to open it
    async with echoing(live_hub, brief.bearer) as socket:
        assert await ended(socket) == (1008, "invalid_token")


async def test_a_browser_signs_out_at_the_hub(live_hub: RealHub) -> None:
    """What its cookie opened is closed: WebSocket and event stream, which had the XSRF token in their address."""
    async with live_hub.session("testuser") as browser:
        headers = await signed(live_hub, browser)
        xsrf = browser.cookie("_xsrf", path=live_hub.service_path)
        begun = asyncio.Event()
        sent = SCRIPT | headers | {"Accept": "text/event-stream"}
        stream = asyncio.create_task(problem_at_the_end(live_hub, f"?_xsrf={xsrf}", sent, begun))
        async with echoing(live_hub, headers, f"?_xsrf={xsrf}") as socket:
            await begun.wait()
            await browser.sign_out()

            assert await ended(socket) == (1008, "invalid_token")
        assert (await stream)["code"] == "invalid_token"


async def test_signing_out_here(live_hub: RealHub) -> None:
    """A token that deletes itself closes what it opened."""
    token = await live_hub.user_token("testuser")
    async with echoing(live_hub, token.bearer) as socket:
        await live_hub.ask("POST", "logout", token=token)

        assert await ended(socket) == (1008, "invalid_token")


async def test_an_outage(live_hub: RealHub) -> None:
    """While the Hub cannot be asked it stays open for the time of the last answer, and is then told to come back."""
    token = await live_hub.user_token("testuser")
    async with echoing(live_hub, token.bearer) as socket:
        with live_hub.gate.down():
            await socket.send("still here")
            assert await socket.recv() == "still here"
            assert await ended(socket) == (1013, "hub_unavailable")

    await live_hub.until_served(token)  # for the tests that come after


async def test_many_connections_of_one_token(live_hub: RealHub) -> None:
    """The Hub is asked about once in an interval, however many connections one token holds open."""
    token = await live_hub.user_token("testuser")

    def asked() -> int:
        sent = f"token {token.value}"
        return sum(passed.headers.get("authorization") == sent for passed in live_hub.gate.passed)

    async with AsyncExitStack() as stack:
        since = monotonic()
        sockets = [await stack.enter_async_context(echoing(live_hub, token.bearer)) for _ in range(20)]
        while asked() < 6:
            await sockets[0].send("still here")
            await sockets[0].recv()
        questions, intervals = asked(), (monotonic() - since) / INTERVAL

    # One at the first opening; with answers that hold 1.5 s, the other openings ask for nothing.
    assert questions <= 1 + intervals + 1


async def test_the_service_shuts_down(make_hub: MakeHub) -> None:
    """A service that is told to end says so to WebSockets (1012), and is not kept from it by them."""
    hub = make_hub(register={"routers": ["tests.support.live_routes:router"]})
    token = await hub.user_token("testuser")
    (service,) = [pid for pid, line in hub.processes().items() if line.endswith("-m service")]

    async def is_gone() -> bool:
        return service not in hub.processes()

    async with echoing(hub, token.bearer) as socket:
        os.kill(service, signal.SIGTERM)

        assert await ended(socket) == (1012, "")
    await eventually(is_gone)


async def test_in_the_callers_name(live_hub: RealHub) -> None:
    """A token asks the Hub for what its owner may, and is refused what they may not, by the Hub's own words."""
    user, reporter = await live_hub.user_token("testuser"), live_hub.service_token("reporter")
    admin = await live_hub.user_token("admin")

    own = await live_hub.ask("GET", "live/hub/users/testuser", token=user)
    other = await live_hub.ask("GET", "live/hub/users/other", token=user)
    everybody = await live_hub.ask("GET", "live/hub/users", token=user)
    to_admin = await live_hub.ask("GET", "live/hub/users", token=admin)
    to_service = await live_hub.ask("GET", "live/hub/user", token=reporter)

    assert (own.status_code, own.json()["name"]) == (200, "testuser")
    assert (other.status_code, other.json()["code"]) == (404, "hub_not_found")
    assert (everybody.status_code, everybody.json()["code"]) == (403, "hub_forbidden")
    assert "list:users" in everybody.json()["detail"]
    assert {"testuser", "other"} <= {model["name"] for model in to_admin.json()}
    assert (to_service.status_code, to_service.json()["name"]) == (200, "reporter")


async def test_no_token_is_in_the_log(live_hub: RealHub) -> None:
    """Neither what is open nor what is asked in somebody's name leaves a token in the log."""
    token = await live_hub.user_token("testuser")
    async with echoing(live_hub, token.bearer) as socket:
        await live_hub.ask("GET", "live/hub/users", token=token)
        await live_hub.revoke(token)
        await ended(socket)
    await live_hub.ask("GET", "live/hub/users/testuser", token=token)

    assert "An open connection has been ended: invalid_token." in live_hub.log_text()
    assert token.value not in live_hub.log_text()
