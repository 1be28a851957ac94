"""Limits for heads, trailers and pipelined requests, on a server with a real socket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from service.server.protocol import MAX_HEAD, MAX_PIPELINED, BoundedHttp, options
from tests.unit.hub.conftest import settle

UPGRADE = [
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
]
READ = 256 * 1024  # bytes that one read of the socket takes at most
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large"
TOO_LONG = b"HTTP/1.1 414 Request-URI Too Long"
BODY = b"x" * (MAX_HEAD + READ)


class Patient(BoundedHttp):
    """A protocol that ends nothing because of time: what it closes, it closes at once."""

    timeout = closing_timeout = reading_timeout = 3600.0


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole body."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def serving(app: ASGIApp, protocol: type[BoundedHttp]) -> AsyncIterator[socket.socket]:
    """Start a server. Yields the socket on which it listens."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, **options() | {"http": protocol})
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0]
    finally:
        await server.shutdown()


@asynccontextmanager
async def connected(app: ASGIApp = application) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Start a server and connect to it."""
    async with serving(app, Patient) as listening:
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
        try:
            yield reader, writer
        finally:
            writer.close()


def head(*headers: bytes, path: bytes = b"/") -> bytes:
    """Return the head of a request."""
    return b"\r\n".join([b"GET " + path + b" HTTP/1.1", b"Host: a", *headers, b"", b""])


CHUNKED = head(b"Transfer-Encoding: chunked")


async def answer(sent: bytes, *, piece: int = READ, closes: bool = False) -> bytes:
    """Send bytes piece by piece. Return the first line of the response. `closes`: once the server has closed."""
    async with asyncio.timeout(20), connected() as (reader, writer):
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(sent), piece):
                writer.write(sent[start : start + piece])
                await writer.drain()
        line = await reader.readline()
        if closes:
            with contextlib.suppress(ConnectionError):
                await reader.read()
        return line.strip()


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        pytest.param([], b"/", id="short"),
        pytest.param([b"Cookie: " + b"x" * 15_000], b"/" + b"x" * 15_000, id="as long as the Hub's proxy passes"),
        pytest.param([b"Content-Length: %d" % len(BODY), b"X: y"], b"/", id="a long body"),
    ],
)
@pytest.mark.parametrize("piece", [READ, 1000], ids=["at once", "in pieces"])
async def test_what_is_meant_well_passes(headers: Sequence[bytes], path: bytes, piece: int) -> None:
    """Normal requests pass, in any pieces. The limit does not apply to bodies."""
    body = BODY if any(name.startswith(b"Content-Length") for name in headers) else b""

    assert await answer(head(*headers, path=path) + body, piece=piece) == b"HTTP/1.1 204 No Content"


@pytest.mark.parametrize("piece", [READ, 1000], ids=["at once", "in pieces"])
@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"1\r\nx\r\n" * MAX_HEAD + b"0\r\n\r\n", id="small chunks"),
        pytest.param(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY), id="a large chunk"),
        pytest.param(b"1\r\nx\r\n0\r\nExpires: never\r\n\r\n", id="a trailer"),
    ],
)
async def test_chunks_pass(rest: bytes, piece: int) -> None:
    """Chunk headers do not count, even if most of what is sent are chunk headers."""
    assert await answer(CHUNKED + rest, piece=piece) == b"HTTP/1.1 204 No Content"


async def test_a_head_that_a_body_follows_at_once() -> None:
    """The end of a head may arrive with a long piece of the body, which does not count."""
    sent = head(b"Content-Length: %d" % len(BODY)) + BODY
    async with asyncio.timeout(20), connected() as (reader, writer):
        for part in (sent[:30], sent[30:]):
            writer.write(part)
            await settle()
        assert await reader.readline() == b"HTTP/1.1 204 No Content\r\n"


async def test_requests_one_after_another_do_not_add_up() -> None:
    """Each request has its own limit."""
    async with asyncio.timeout(20), connected() as (reader, writer):
        long = head(b"Cookie: " + b"x" * 30_000)
        for _ in range(5):
            for start in range(0, len(long), 10_000):
                writer.write(long[start : start + 10_000])
                await settle()  # or the server reads all pieces at once
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 No Content\r\n")


@pytest.mark.parametrize("piece", [READ, 5000], ids=["at once", "in pieces"])
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head(b"Cookie: " + b"x" * 3_000_000), id="one header"),
        pytest.param(head(*(b"X-%d: y" % number for number in range(200_000))), id="many headers"),
        pytest.param(head(path=b"/" + b"x" * 3_000_000), id="address"),
        pytest.param(head(*UPGRADE, b"Sec-WebSocket-Protocol: " + b"x, " * 1_000_000), id="handshake"),
        pytest.param(head()[:-2] + b"Cookie: " + b"x" * 1_000_000, id="one that never ends"),
        pytest.param(CHUNKED + b"0\r\nX: " + b"x" * 3_000_000 + b"\r\n\r\n", id="one trailer"),
        pytest.param(CHUNKED + b"1\r\nx\r\n0\r\n" + b"X: y\r\n" * 500_000 + b"\r\n", id="many trailers"),
        pytest.param(CHUNKED + b"1;" + b"x" * 3_000_000 + b"\r\nx\r\n0\r\n\r\n", id="what is said of a chunk"),
    ],
)
async def test_what_goes_on_and_on_is_cut_off(sent: bytes, piece: int) -> None:
    """An endless head or trailer gets a 431, even if the client is still sending, and the connection is closed."""
    assert await answer(sent, piece=piece, closes=True) in {TOO_LARGE, b""}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(head(*UPGRADE, b"Cookie: " + b"x" * 9000), TOO_LARGE, id="long header"),
        pytest.param(head(*UPGRADE, b"Sec-WebSocket-Protocol: " + b"x, " * 3000), TOO_LARGE, id="many subprotocols"),
        pytest.param(head(*UPGRADE, *[b"X: y"] * 200), TOO_LARGE, id="many headers"),
        pytest.param(head(*UPGRADE, path=b"/" + b"x" * 9000), TOO_LONG, id="long address"),
        pytest.param(head(*UPGRADE[:-1]), b"HTTP/1.1 400 Bad Request", id="not a handshake"),
    ],
)
async def test_handshakes_that_are_refused(sent: bytes, status: bytes) -> None:
    """A handshake that is too large is refused at once, and the connection is closed."""
    assert await answer(sent, closes=True) == status


async def test_a_good_handshake() -> None:
    """The connection stays open."""
    async with asyncio.timeout(20), connected() as (reader, writer):
        writer.write(head(*UPGRADE))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await reader.read()


async def test_a_few_requests_sent_ahead() -> None:
    """A few pipelined requests are handled in turn."""
    async with asyncio.timeout(20), connected() as (reader, writer):
        writer.write(head() * (MAX_PIPELINED + 1))
        for _ in range(MAX_PIPELINED + 1):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 No Content")


async def test_many_requests_sent_ahead() -> None:
    """With many pipelined requests, the connection is closed."""
    received = b""
    async with asyncio.timeout(20), connected() as (reader, writer):
        writer.write(head() * 5000)
        with contextlib.suppress(ConnectionError):  # for the server leaves the rest unread
            while some := await reader.read(READ):
                received += some

    assert received.count(b"HTTP/1.1 204") <= MAX_PIPELINED + 1


async def test_a_lost_connection_with_requests_sent_ahead() -> None:
    """If the connection is lost, the request that is being handled is told, even if another one follows it."""
    gone = asyncio.Event()

    async def waiting(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    async with asyncio.timeout(20), connected(waiting) as (reader, writer):
        writer.write(head() * 2)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        await gone.wait()
