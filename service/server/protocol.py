"""What uvicorn leaves open: how long a head may be and take, when a body is read, WebSockets' beginnings, unix sockets.

It waits for a head for ever, and begins to read a body, or a WebSocket's messages, before the application asks for it.
It waits for ever for a client to take its answer.
Of requests that are sent without waiting for answers it keeps any number, and reads on after each answer; and when such
a connection is lost, the request that is being answered is not told.
httptools takes a head of any length, and trailers, and takes the square of it to read. `websockets` limits a handshake
to 128 headers of 8192 bytes, but uvicorn does not send what it then answers, and leaves the connection open. Who
connects to a unix socket has no address, so that no list of proxies can name them.
"""

import asyncio
import socket
from http import HTTPStatus
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_HEAD = 64 * 1024  # bytes; four times what Node, and so the Hub's proxy, passes on
MAX_WAITING = 16  # requests of one connection that wait for the answer to another; hardly a client sends any ahead
MAX_MESSAGE = 1024 * 1024  # bytes of a WebSocket's message; uvicorn would hold 16 MB
_FIRST_REQUEST = 1  # seconds that it may take to come when the server is stopped; others are on their way for less
_PER_BYTE = 16  # bytes, one of a body and what may come around it

UNIX = "unix"  # the address of all who connect to a unix socket


def _address(transport: asyncio.BaseTransport, client: tuple[str, int] | None) -> tuple[str, int] | None:
    return (UNIX, 0) if transport.get_extra_info("socket").family == socket.AF_UNIX else client


class BoundedHttp(HttpToolsProtocol):
    """Answers 431 to a head or trailers that go on and on, and 408 to a head that does not come to its end.

    A connection with more than `MAX_WAITING` requests waiting is closed.

    Of a body it takes what one read of the socket brings, and more when the application asks. Where a connection is to
    be closed after an answer, the rest of the request's body is thrown away for a moment: a server that closes while
    data arrives takes its answer back (RFC 9112 section 9.6).
    """

    patience = 30.0  # seconds for a head to be complete, and for the rest of a body after the answer
    last_patience = 2.0  # seconds for the rest of a body after which the connection is to be closed
    # Seconds in which some of an answer must be taken. The system's buffer of up to 4 MB is refilled by thirds.
    reading_patience = 300.0

    _besides = 0  # bytes of a request, as far as it has been read, that are not its body
    _is_in_head = False
    _is_lingering = False
    _deadline: asyncio.TimerHandle | None = None
    _reading_deadline: asyncio.TimerHandle | None = None
    _served: RequestResponseCycle | None = None  # the request that is being answered; `cycle` is the last that has come

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's
        """Begin a connection."""
        super().connection_made(transport)
        self.client = _address(transport, self.client)
        self._set_deadline(self.patience)

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._clear_deadline()
        self._clear_reading_deadline()
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._served is not None and not self._served.response_complete:
            self._served.disconnected = True
            self._served.message_event.set()

    def shutdown(self) -> None:
        """End, as the server does; but who has just connected is on the point of asking, and is heard first."""
        if self.cycle is None:
            self.loop.call_later(_FIRST_REQUEST, super().shutdown)  # type: ignore[unreachable]  # it may be None
        else:
            super().shutdown()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._besides = 0
        self._is_in_head = True

    def on_headers_complete(self) -> None:
        """Begin to serve it, or have it wait for its turn. Raises OverflowError, which ends the reading."""
        self._is_in_head = False
        self._clear_deadline()
        if len(self.pipeline) >= MAX_WAITING:
            raise OverflowError
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; with it comes the size of its chunk, five bytes even for a chunk of one."""
        self._besides = max(0, self._besides - _PER_BYTE * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._clear_deadline()
        super().on_message_complete()
        if self._is_lingering:
            self.transport.close()

    def on_response_complete(self) -> None:
        """End an answer."""
        super().on_response_complete()
        if self._has_rest and not self.transport.is_closing():
            self._set_deadline(self.patience)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._besides > MAX_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        self._besides += len(data)  # what of it is body, `on_body` takes off
        super().data_received(data)
        if self._is_in_head:
            self._set_deadline(self.patience)
        elif self._is_reading_body:
            self.cycle.transport = _Lingering(self)  # type: ignore[assignment]  # what uvicorn needs of one
            if self.cycle.body:  # else the application may be waiting for some
                self.flow.pause_reading()  # its next `receive()` resumes it, and so does the answer's end

    def pause_writing(self) -> None:
        """Wait for a client that takes its answer slowly, but not for one that takes nothing."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        self._clear_reading_deadline()

    def _watch_reader(self, left: int | None = None) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent == left:
            self.transport.abort()
        else:
            self._reading_deadline = self.loop.call_later(self.reading_patience, self._watch_reader, unsent)

    def _clear_reading_deadline(self) -> None:
        if self._reading_deadline is not None:
            self._reading_deadline.cancel()
            self._reading_deadline = None

    def linger(self) -> None:
        """Close, but not while the rest of a body comes whose request has been answered."""
        if self._has_rest:
            self._is_lingering = True
            self._set_deadline(self.last_patience)
        else:
            self.transport.close()

    @property
    def _is_reading_body(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.more_body and not cycle.response_complete

    @property
    def _has_rest(self) -> bool:
        """Whether a body is still to come of a request that has been answered; uvicorn throws it away."""
        return self.cycle.response_complete and self.cycle.more_body

    def _set_deadline(self, patience: float) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(patience, self._give_up)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if self._is_in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode())
        self.transport.close()


class _Lingering:
    """The transport that a request is answered by while its body still comes."""

    def __init__(self, protocol: BoundedHttp) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        """Close it when the answer has arrived."""
        self._protocol.linger()


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Sends the refusal of a handshake that is too large, and closes; reads no message before the handshake is over."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a connection."""
        super().connection_made(transport)
        self.client = _address(transport, self.client)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_complete:
            self.handshake_complete = True
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
        elif self.handshake_initiated and not (self.handshake_complete or self.read_paused):
            self.read_paused = True  # the application's first `receive()` resumes it
            self.transport.pause_reading()


def options() -> dict[str, Any]:
    """The arguments of uvicorn; what proxies say is for `service.server.proxies`."""
    return {"http": BoundedHttp, "ws": BoundedWebSocket, "ws_max_size": MAX_MESSAGE, "proxy_headers": False}
