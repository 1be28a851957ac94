"""How much of a body a server on a real socket reads before it is asked for, and how long it waits."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from starlette.types import Message, Receive, Scope, Send

from service.server.protocol import MAX_MESSAGE, BoundedHttp
from tests.unit.server.test_protocol import UPGRADE, head, serving

LENGTH = 20_000_000  # bytes; more than all buffers on the way hold
BUFFER = 64 * 1024  # bytes of the network at either end; what a client takes, the server soon knows
READ = 256 * 1024  # bytes that one read of the socket takes at most
POST = head(b"Content-Length: %d" % LENGTH)


class Impatient(BoundedHttp):
    """A protocol with short timeouts, but not so short that a busy machine misses them."""

    timeout = 1.0
    closing_timeout = 1.0
    reading_timeout = 1.0


class Application:
    """Waits for `may_go_on`, then reads `pieces` of a body and answers. `closes` sends Connection: close."""

    def __init__(self, *, pieces: int = 0, closes: bool = False, answer: bytes = b"") -> None:
        """Wait for `may_go_on`."""
        self.has_ended = asyncio.Event()
        self._answer = answer
        self.has_begun = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.received: list[Message] = []
        self._pieces = pieces
        self._headers = [(b"connection", b"close")] if closes else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a WebSocket."""
        self.has_begun.set()
        await self.may_go_on.wait()
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            self.received.append(await receive())
            return
        for _ in range(self._pieces):
            self.received.append(await receive())
        await send({"type": "http.response.start", "status": 200 if self._answer else 204, "headers": self._headers})
        if self._answer:
            await send({"type": "http.response.body", "body": self._answer, "more_body": True})
        await send({"type": "http.response.body"})
        self.has_ended.set()


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(application: Application) -> AsyncIterator[Connection]:
    """Start a server with short timeouts, and connect to it."""
    async with serving(application, Impatient) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        client.connect(("127.0.0.1", listening.getsockname()[1]))
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            async with asyncio.timeout(20):
                yield reader, writer
        finally:
            application.may_go_on.set()
            writer.close()


@asynccontextmanager
async def used(requests: int) -> AsyncIterator[Connection]:
    """Connect, and have so many requests answered."""
    application = Application()
    application.may_go_on.set()
    async with connected(application) as (reader, writer):
        for _ in range(requests):
            writer.write(head())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
        yield reader, writer


async def until_it_stops(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send until nothing more is accepted for a moment."""
    with contextlib.suppress(TimeoutError):
        for start in range(0, len(data), READ):
            writer.write(data[start : start + READ])
            async with asyncio.timeout(0.5):
                await writer.drain()


async def test_a_body_waits_until_it_is_asked_for() -> None:
    """Before the application asks for the body, the server reads the socket once. The rest stays in the network."""
    application = Application(pieces=1)
    async with connected(application) as (_, writer):
        writer.write(POST)
        await application.has_begun.wait()
        await until_it_stops(writer, bytes(LENGTH))
        application.may_go_on.set()
        while not application.received:  # noqa: ASYNC110 - what happens next is the server's
            await asyncio.sleep(0.01)

    assert 0 < len(application.received[0]["body"]) <= READ


async def test_a_piece_at_a_time() -> None:
    """Between two pieces that the application asks for, the server reads the socket once."""
    application = Application(pieces=20)
    async with connected(application) as (reader, writer):
        application.may_go_on.set()
        writer.write(POST)
        await until_it_stops(writer, bytes(LENGTH))
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")

    assert max(len(message["body"]) for message in application.received) <= READ


async def test_a_whole_body_with_its_head() -> None:
    """A request that arrives in one piece is complete when it is read. The connection stays open."""
    application = Application(pieces=1)
    application.may_go_on.set()
    async with connected(application) as (reader, writer):
        for _ in range(3):
            writer.write(head(b"Content-Length: 5") + b"abcde")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")

    assert application.received == [{"type": "http.request", "body": b"abcde", "more_body": False}] * 3


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(head()[:-2], b"HTTP/1.1 408 Request Timeout", id="half a head"),
    ],
)
async def test_a_head_that_does_not_come(sent: bytes, answer: bytes) -> None:
    """The connection is closed. If a head has started, the client gets a 408."""
    async with connected(Application()) as (reader, writer):
        writer.write(sent)

        assert (await reader.read()).partition(b"\r\n")[0] == answer


async def test_a_second_head_that_does_not_come() -> None:
    """The same happens for a later request of a connection."""
    async with used(1) as (reader, writer):
        writer.write(head()[:-2])

        assert (await reader.read()).startswith(b"HTTP/1.1 408")


async def test_an_idle_connection_stays() -> None:
    """An idle connection stays open between requests, because the Hub's proxy reuses it."""
    application = Application()
    application.may_go_on.set()
    async with connected(application) as (reader, writer):
        for _ in range(2):
            writer.write(head())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
            await asyncio.sleep(2 * Impatient.timeout)


@pytest.mark.parametrize("requests", [0, 1], ids=["new", "used"])
async def test_an_idle_websocket_stays(requests: int) -> None:
    """An open WebSocket has no limit of time, also on a connection that has served a request."""
    async with used(requests) as (reader, writer):
        writer.write(head(*UPGRADE))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * Impatient.timeout):
                await reader.read()


@pytest.mark.parametrize("answers", [0, 1], ids=["new", "used"])
async def test_an_empty_line_is_no_request(answers: int) -> None:
    """A client that sends one, which servers ignore (RFC 9112 section 2.2), does not keep a connection for ever."""
    async with used(answers) as (reader, writer):
        writer.write(b"\r\n")

        assert await reader.read() == b""


async def test_an_answer_reaches_who_is_still_sending() -> None:
    """A client that reads only after sending everything gets the response, even if the connection then closes."""
    application = Application(closes=True)
    application.may_go_on.set()
    async with connected(application) as (reader, writer):
        writer.write(head(b"Content-Length: 3000000") + bytes(3_000_000))
        await writer.drain()

        said = await reader.read()

    assert said.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"connection: close" in said


@pytest.mark.parametrize("closes", [True, False])
async def test_the_rest_of_a_body_that_does_not_come(closes: bool) -> None:  # noqa: FBT001 - a table
    """The connection is closed if the rest of the body does not arrive."""
    application = Application(closes=closes)
    application.may_go_on.set()
    async with connected(application) as (reader, writer):
        writer.write(POST)

        assert (await reader.read()).startswith(b"HTTP/1.1 204")


async def test_a_websocket_is_not_read_before_it_is_open() -> None:
    """Before the handshake is complete, no message is read, not even one that is too large."""
    application = Application()
    async with connected(application) as (reader, writer):
        writer.write(head(*UPGRADE))
        await application.has_begun.wait()
        writer.write(b"\x82\xff" + (MAX_MESSAGE + 1).to_bytes(8) + bytes(4))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await reader.read(1)
        application.may_go_on.set()

        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        assert (await reader.readexactly(1)) == b"\x88"


async def test_a_message_that_is_too_large() -> None:
    """A WebSocket message that is too large closes the connection with 1009."""
    application = Application()
    application.may_go_on.set()
    async with connected(application) as (reader, writer):
        writer.write(head(*UPGRADE))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x82\xff" + (MAX_MESSAGE + 1).to_bytes(8) + bytes(4))
        frame = await reader.readexactly(4)

    assert frame[:1] == b"\x88"
    assert int.from_bytes(frame[2:4]) == 1009


async def test_an_answer_that_nobody_takes() -> None:
    """If a client does not read its response, the connection is closed and the rest is dropped."""
    application = Application(answer=b"x" * LENGTH)
    application.may_go_on.set()
    async with connected(application) as (reader, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(head())
        await application.has_ended.wait()  # as it is told only when there is nobody to send to
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        received = b""
        with contextlib.suppress(ConnectionError):
            while some := await reader.read(READ):
                received += some

    assert len(received) < LENGTH


async def test_an_answer_that_is_taken_slowly() -> None:
    """A client that reads slowly gets the whole response."""
    length = LENGTH // 4
    application = Application(answer=b"x" * length)
    application.may_go_on.set()
    async with connected(application) as (reader, writer):
        writer.write(head())
        await reader.readuntil(b"\r\n\r\n")
        received = b""
        since = monotonic()
        while not received.endswith(b"\r\n0\r\n\r\n") and (some := await reader.read(BUFFER // 2)):
            received += some
            await asyncio.sleep(0.01)

    assert received.count(b"x") == length
    assert monotonic() - since > Impatient.reading_timeout
