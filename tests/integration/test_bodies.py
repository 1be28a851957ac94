"""Strangers who begin to send bodies to a real service: they are answered, little is held, and callers are served.

`python -m bench.bodies` is the same with more of them, and with figures.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.external import ExternalService
from tests.support.hub import RealHub
from tests.support.local_http import local_client
from tests.support.ports import free_port

MANY, SENT, ANNOUNCED = 150, 900_000, 1_000_000  # connections; bytes of each body
MOST = 60e6  # bytes that the service may grow by, where 135 MB are sent
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BODY = b'{"text": "' + b"x" * SENT


class Beside:
    """A service with routes that take bodies, beside the Hub's own."""

    def __init__(self, hub: RealHub, port: int) -> None:
        """It listens at `port`."""
        self.hub = hub
        self.url = httpx.URL(f"http://127.0.0.1:{port}/services/fastapi/")
        listening = (each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN)
        self._process = psutil.Process(next(each.pid for each in listening if each.laddr.port == port))

    @property
    def resident(self) -> int:
        """The memory of its process, in bytes."""
        return int(self._process.memory_info().rss)

    @asynccontextmanager
    async def sending(self, path: str, headers: Callable[[], str]) -> AsyncIterator[list[asyncio.StreamReader]]:
        """Open many connections that begin to send a body; yield what reads the answers."""
        opened = [await asyncio.open_connection(self.url.host, self.url.port) for _ in range(MANY)]
        lines = [f"POST {self.url.path}{path} HTTP/1.1", "Host: a", "Content-Type: application/json"]
        for _, writer in opened:
            head = "\r\n".join([*lines, f"Content-Length: {ANNOUNCED}", *filter(None, [headers()]), "", ""])
            writer.write(head.encode() + BODY)
        try:
            yield [reader for reader, _ in opened]
        finally:
            for _, writer in opened:
                writer.transport.abort()

    async def asks(self, token: str) -> list[int]:
        """Ask as somebody who is known, without and with a body; return the statuses."""
        signed = {"Authorization": f"Bearer {token}"}
        async with local_client(base_url=str(self.url), headers=signed, timeout=30) as client:
            replies = await client.get("me"), await client.post("uploads/guarded", json={"text": "x" * 100_000})
        return [reply.status_code for reply in replies]


@pytest.fixture
def beside(hub: RealHub, tmp_path: Path) -> Iterator[Beside]:
    """Start it, for one test: wrong tokens from our address would be counted against the next test's."""
    port = free_port()
    told = {
        "JUPYTERHUB_API_TOKEN": secrets.token_hex(32),
        "JUPYTERHUB_API_URL": f"{hub.gate.url}/hub/api",
        "JUPYTERHUB_SERVICE_NAME": "fastapi",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "SERVICE_ROUTERS": "bench.uploads:router",
        "HUB_TIMEOUT": "60",
    }
    with ExternalService(told, directory=tmp_path):
        yield Beside(hub, port)


async def statuses(readers: list[asyncio.StreamReader]) -> set[bytes]:
    """Read the first line of each answer."""
    async with asyncio.timeout(60):
        lines = await asyncio.gather(*(reader.readline() for reader in readers))
    return {line.strip() for line in lines}


async def test_without_a_credential(beside: Beside) -> None:
    """Each is refused at once, with next to nothing held; who is known is served meanwhile."""
    token = (await beside.hub.user_token("testuser")).value
    assert await beside.asks(token) == [200, 200]
    before = beside.resident

    async with beside.sending("uploads/guarded", lambda: "") as readers:
        served = await beside.asks(token)
        found = await statuses(readers)
        grown = beside.resident - before

    assert served == [200, 200]
    assert found == {b"HTTP/1.1 401 Unauthorized"}
    assert grown < MOST


async def test_with_random_tokens_and_a_slow_hub(beside: Beside) -> None:
    """While the Hub is asked about them nothing more of their bodies is taken; who is known is served meanwhile."""
    token = (await beside.hub.user_token("testuser")).value
    assert await beside.asks(token) == [200, 200]
    before = beside.resident

    with beside.hub.gate.slow():
        async with beside.sending("uploads/guarded", lambda: f"Authorization: Bearer {secrets.token_hex(16)}"):
            served = [await beside.asks(token) for _ in range(3)]
            grown = beside.resident - before

    assert served == [[200, 200]] * 3
    assert grown < MOST


async def test_at_a_route_for_all(beside: Beside) -> None:
    """What is too long for a stranger is refused, and who is known is served."""
    token = (await beside.hub.user_token("testuser")).value
    assert await beside.asks(token) == [200, 200]
    before = beside.resident

    async with beside.sending("uploads/open", lambda: "") as readers:
        served = await beside.asks(token)
        found = await statuses(readers)
        grown = beside.resident - before

    assert served == [200, 200]
    assert found == {b"HTTP/1.1 413 Request Entity Too Large"}
    assert grown < MOST


async def test_the_refusal_comes_through_the_proxy(hub: RealHub) -> None:
    """A client of the Hub's proxy that sends a long body without a token is told so, and not that nobody is there."""
    async with local_client(base_url=hub.service_url, timeout=30) as client:
        for path, status in {"token": 413, "logout": 401}.items():
            replies = [await client.post(path, content=b"x" * SENT, headers=FORM) for _ in range(5)]
            assert {reply.status_code for reply in replies} == {status}
