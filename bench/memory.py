"""What a million strangers leave behind in the service's memory, and what they cost the Hub: `python -m bench.memory`.

The application runs in this process, beside a Hub that is a function; requests are ASGI calls. The resident memory is
compared after each crowd with what it was when the first of them had passed.
"""

import argparse
import asyncio
import gc
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address
from itertools import count
from unittest.mock import patch

import httpx
import psutil
from asgi_lifespan import LifespanManager
from pydantic import SecretStr
from starlette.types import ASGIApp, Message

from service.app import create_app
from service.auth.credentials import seal_session
from service.hub.sealing import Sealer
from service.settings import Settings
from service.testing.fake_hub import own_scopes

FIRST = 20_000  # requests that fill what is bounded, before memory is looked at
IDENTITIES = 100_000
LIMITS = {"strangers": 20.0, "identities": 150.0}  # MB of growth

SECRET = secrets.token_hex(16)
SESSION = secrets.token_hex(16)
GOOD = secrets.token_hex(16)
NAVIGATION = [(b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate")]

Headers = list[tuple[bytes, bytes]]


class Hub:
    """Knows every token that begins with `good` or is GOOD, each as another user with all that a user may."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Say who holds the token."""
        self.asked += 1
        token = request.headers["Authorization"].removeprefix("token ")
        if token != GOOD and not token.startswith("good"):
            return httpx.Response(403, content=b'{"status": 403, "message": "Missing or invalid credentials."}')
        name = f"user-{token[:24]}"
        model = {
            "kind": "user",
            "name": name,
            "admin": False,
            "groups": ["students", f"course-{self.asked % 50}"],
            "server": None,
            "pending": None,
            "created": "2026-01-01T00:00:00.000000Z",
            "last_activity": f"2026-01-01T00:00:00.{self.asked:06d}Z",
            "scopes": sorted(own_scopes(name)),
            "token_id": f"a{self.asked}",
            "session_id": SESSION if token == GOOD else None,
        }
        return httpx.Response(200, content=json.dumps(model).encode())


@dataclass(frozen=True)
class Crowd:
    """Requests of one kind: headers and address of each, by its number, and the statuses they may get."""

    title: str
    headers: Callable[[int], Headers]
    statuses: frozenset[int]
    address: Callable[[int], str] = lambda _: "192.0.2.1"
    limit: float = LIMITS["strangers"]


@dataclass(frozen=True)
class Figures:
    """What came of one crowd; memory in MB, time in seconds."""

    crowd: Crowd
    requests: int
    grown: float
    asked: int
    took: float

    def row(self) -> str:
        """One line of a Markdown table."""
        each = 1e6 * self.took / self.requests
        return f"| {self.crowd.title} | {self.requests:,} | {self.grown:+.1f} MB | {self.asked:,} | {each:.0f} µs |"


def bearer(token: str) -> Headers:
    """Sign with a token."""
    return [(b"authorization", f"Bearer {token}".encode())]


def signed_in(session_id: str) -> Headers:
    """Carry the cookie of somebody who is signed in, beside any session id of the Hub."""
    sealer = Sealer(SECRET, purpose="session cookie")
    sealed = seal_session(sealer, GOOD, session_id=SESSION, lifetime=timedelta(days=1))
    return [(b"cookie", f"service-fastapi={sealed}; jupyterhub-session-id={session_id}".encode())]


def crowds() -> Iterator[Crowd]:
    """Those whom the service has to bear."""
    refused = frozenset({401, 429})
    ours = signed_in("")[0][1]
    yield Crowd("random tokens, one address", lambda _: bearer(secrets.token_hex(16)), refused)
    yield Crowd(
        "random tokens, an address each",
        lambda _: bearer(secrets.token_hex(16)),
        frozenset({401}),
        address=lambda number: str(IPv4Address(0x0A000000 + number)),
    )
    yield Crowd(
        "random session ids, good token", lambda _: [(b"cookie", ours + secrets.token_hex(16).encode())], refused
    )
    yield Crowd(
        "random cookies", lambda _: [(b"cookie", b"service-fastapi=" + secrets.token_hex(64).encode())], refused
    )
    yield Crowd("half-finished sign-ins", lambda _: NAVIGATION, frozenset({302}))


def identities() -> Crowd:
    """People, each with a token that the Hub knows."""
    return Crowd(
        "identities cached", lambda number: bearer(f"good{number:028d}"), frozenset({200}), limit=LIMITS["identities"]
    )


@asynccontextmanager
async def serving(hub: Hub, *, size: int = 10_000) -> AsyncIterator[ASGIApp]:
    """Run the application; its questions go to `hub`."""

    async def handle(_transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        return await hub(request)

    settings = Settings(
        api_token=SecretStr(SECRET), service_name="fastapi", access_scopes_given=("access:services",), cache_size=size
    )
    with patch.object(httpx.AsyncHTTPTransport, "handle_async_request", handle):
        async with LifespanManager(create_app(settings)) as manager:
            yield manager.app


async def ask(app: ASGIApp, headers: Headers, *, address: str) -> int:
    """GET /me; return the status."""
    path = "/services/fastapi/me"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"hub.example.org"), *headers],
        "client": (address, 50_000),
        "server": ("hub.example.org", 80),
    }
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


def resident() -> float:
    """This process's memory, in MB."""
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1e6


async def measure(crowd: Crowd, requests: int, *, first: int = FIRST, size: int = 10_000) -> Figures:
    """Let a crowd pass.

    Raises:
        AssertionError: somebody got an answer that they must not get.
    """
    hub, numbers = Hub(), count(1)

    async def some(many: int) -> None:
        for number in (next(numbers) for _ in range(many)):
            status = await ask(app, crowd.headers(number), address=crowd.address(number))
            assert status in crowd.statuses, f"{crowd.title}: {status}"

    async with serving(hub, size=size) as app:
        await some(first)
        before, begun, hub.asked = resident(), time.perf_counter(), 0
        await some(requests)
        took = time.perf_counter() - begun
        return Figures(crowd, requests, resident() - before, hub.asked, took)


async def run(requests: int) -> bool:
    """Print the table; return whether every limit is kept."""
    print("| who | requests | memory | asked of the Hub | each |\n| --- | --- | --- | --- | --- |")
    found = []
    for crowd in crowds():
        found.append(await measure(crowd, requests))
        print(found[-1].row(), flush=True)
    found.append(await measure(identities(), IDENTITIES, first=1, size=IDENTITIES))
    print(found[-1].row())
    return all(figures.grown <= figures.crowd.limit for figures in found)


def main() -> int:
    """Run; the exit status is 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="of each crowd (default: a million)")
    logging.getLogger("service").setLevel(logging.ERROR)
    return 0 if asyncio.run(run(parser.parse_args().requests)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
