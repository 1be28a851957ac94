"""A Hub in trouble for longer than answers last: who is known goes on for so long, and the Hub is left in peace.

The services are processes of their own, which ask the shared Hub by its gate.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import httpx
import pytest

from tests.support.external import ExternalService
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.local_http import local_client
from tests.support.polling import eventually
from tests.support.ports import free_port

TTL, GRACE, TIMEOUT = 0.5, 5.0, 10.0  # seconds
CROWD = 200


class Beside(NamedTuple):
    """A service, seen without the Hub's proxy."""

    home: str
    hub: RealHub

    async def me(self, client: httpx.AsyncClient, token: Token) -> int:
        """Return the status of /me."""
        return (await client.get(f"{self.home}me", headers=token.bearer)).status_code

    async def until_served(self, client: httpx.AsyncClient, token: Token) -> None:
        """Wait until /me answers this token."""

        async def is_served() -> bool:
            return await self.me(client, token) == httpx.codes.OK

        await eventually(is_served)

    async def questions(self, client: httpx.AsyncClient, admin: Token) -> int:
        """Return how many questions were sent to the Hub, answered or not."""
        figures = (await client.get(f"{self.home}debug", headers=admin.bearer)).json()["cache"]
        return int(figures["misses"] + figures["refreshes"])


@contextmanager
def beside(hub: RealHub, directory: Path, **told: str) -> Iterator[Beside]:
    """Start a second process of the Hub's service; nobody signs in there, so the Hub need not know of it."""
    origin = f"http://127.0.0.1:{free_port()}"
    told |= {
        "JUPYTERHUB_API_TOKEN": secrets.token_hex(32),
        "JUPYTERHUB_API_URL": f"{hub.gate.url}/hub/api",
        "JUPYTERHUB_SERVICE_NAME": "fastapi",
        "JUPYTERHUB_SERVICE_URL": origin,
    }
    with ExternalService(told, directory=directory):
        yield Beside(f"{origin}/services/fastapi/", hub)


@pytest.fixture(scope="module")
def usual(hub: RealHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """A service whose answers last as usual."""
    with beside(hub, tmp_path_factory.mktemp("usual"), HUB_TIMEOUT="30") as service:
        yield service


@pytest.fixture(scope="module")
def impatient(hub: RealHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """A service whose answers grow old in moments."""
    told = {"HUB_CACHE_TTL": str(TTL), "HUB_STALE_GRACE": str(GRACE), "HUB_TIMEOUT": str(TIMEOUT)}
    with beside(hub, tmp_path_factory.mktemp("impatient"), **told) as service:
        yield service


async def test_a_thousand_who_come_at_once_ask_once(usual: Beside) -> None:
    """With one token that nobody has asked about yet: one question to the Hub, and an answer for each."""
    token = await usual.hub.user_token("testuser")
    home = httpx.URL(usual.home)
    head = [f"GET {home.path}me HTTP/1.1", "Host: a", "Connection: close", f"Authorization: Bearer {token.value}"]
    signed = "\r\n".join([*head, "", ""]).encode()
    with usual.hub.gate.recording() as asked:
        connections = await asyncio.gather(*(asyncio.open_connection(home.host, home.port) for _ in range(1000)))
        with usual.hub.gate.slow():
            for _, writer in connections:
                writer.write(signed)
            await asyncio.gather(*(writer.drain() for _, writer in connections))
        replies = await asyncio.gather(*(reader.read() for reader, _ in connections))
    for _, writer in connections:
        writer.close()

    assert Counter(reply.partition(b"\r\n")[0] for reply in replies) == {b"HTTP/1.1 200 OK": 1000}
    assert [request.path for request in asked] == ["/hub/api/user"]


async def test_a_slow_hub_slows_nobody_who_is_known(impatient: Beside) -> None:
    """Who is known is answered while the Hub is silent; a stranger waits for it."""
    known, unknown = await impatient.hub.user_token("testuser"), await impatient.hub.user_token("other")
    async with local_client() as client:
        assert await impatient.me(client, known) == 200
        with impatient.hub.gate.slow():
            stranger = asyncio.ensure_future(impatient.me(client, unknown))
            begun, statuses = monotonic(), set()
            while monotonic() - begun < 3 * TTL + 1:
                statuses.add(await impatient.me(client, known))
                await asyncio.sleep(0.05)
            assert not stranger.done()
        assert await stranger == 200

    assert statuses == {200}


async def test_a_no_counts_as_soon_as_it_comes(impatient: Beside) -> None:
    """A token that was revoked while the Hub was slow is refused when the Hub is quick again."""
    token = await impatient.hub.user_token("testuser")
    async with local_client() as client:
        assert await impatient.me(client, token) == 200
        await impatient.hub.revoke(token)

        async def is_refused() -> bool:
            return await impatient.me(client, token) == 401

        with impatient.hub.gate.slow():
            await asyncio.sleep(TTL)
            assert await impatient.me(client, token) == 200
        assert await eventually(is_refused)


async def test_grace_has_an_end(impatient: Beside) -> None:
    """Who is known is served for ttl and grace, not longer; and at once when the Hub is back."""
    token = await impatient.hub.user_token("testuser")
    async with local_client() as client:
        begun = monotonic()
        assert await impatient.me(client, token) == 200

        async def is_over() -> bool:
            return await impatient.me(client, token) == 503

        with impatient.hub.gate.down():
            await eventually(is_over)
            assert monotonic() - begun > TTL + GRACE - 1
        await impatient.until_served(client, token)


async def test_a_dead_hub_is_not_hammered(usual: Beside) -> None:
    """Of those who come at once each may try; afterwards one a second, whoever and however many come."""
    admin = await usual.hub.user_token("admin")
    async with local_client(limits=httpx.Limits(max_connections=CROWD)) as client:

        async def crowd() -> Counter[int]:
            strangers = [Token(secrets.token_hex(16)) for _ in range(CROWD)]
            return Counter(await asyncio.gather(*(usual.me(client, each) for each in strangers)))

        await usual.questions(client, admin)
        with usual.hub.gate.down():
            assert await crowd() == {503: CROWD}
            before, begun = await usual.questions(client, admin), monotonic()
            for _ in range(5):
                assert await crowd() == {503: CROWD}
            sent = await usual.questions(client, admin) - before
            took = monotonic() - begun
        await usual.until_served(client, await usual.hub.user_token("other"))  # for the tests that come after

    assert sent <= took + 3
