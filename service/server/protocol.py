"""Limits that uvicorn lacks: for heads, pipelined requests, bodies, WebSocket messages and slow clients.

What uvicorn does without this module:

- It waits for the head of a request for ever, and for ever for a client that does not read its response.
- It starts to read a body, or the messages of a WebSocket, before the application asks for them.
- It keeps any number of pipelined requests, and reads more after each response. If such a connection is lost, the
  request that is being handled is not told.
- httptools accepts a head of any length, and trailers, and needs quadratic time for them.
- `websockets` limits a handshake to 128 headers of 8192 bytes. But uvicorn does not send its refusal, and leaves the
  connection open.
- A client of a unix socket has no address, so no list of trusted proxies can name it.
"""

import asyncio
import socket
from http import HTTPStatus
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_HEAD = 64 * 1024  # bytes; four times the limit of Node, and so of the Hub's proxy
MAX_PIPELINED = 16  # pipelined requests of a connection; hardly any client pipelines
MAX_MESSAGE = 1024 * 1024  # bytes of a WebSocket message; uvicorn's own limit is 16 MB
_FIRST_REQUEST = 1  # seconds to wait for the first request of a new connection when the server stops
_PER_BYTE = 16  # bytes on the wire for one byte of a body, in the smallest chunks

UNIX = "unix"  # the address of all clients of a unix socket


def _address(transport: asyncio.BaseTransport, client: tuple[str, int] | None) -> tuple[str, int] | None:
    return (UNIX, 0) if transport.get_extra_info("socket").family == socket.AF_UNIX else client


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol for HTTP/1.1, with limits.

    It answers 431 to a head or trailers that are too long, and 408 to a head that is not complete in time. A connection
    with more than `MAX_PIPELINED` requests is closed.

    It takes as much of a body as one read of the socket returns, and reads more when the application asks for it.
    Before it closes a connection after a response, it discards the rest of the body for a moment: closing while data
    arrives could destroy the response on its way (RFC 9112 section 9.6).
    """

    timeout = 30.0  # seconds for a complete head, and for the rest of a body after the response
    closing_timeout = 2.0  # seconds for the rest of a body, if the connection is closed after it
    # Seconds within which the client must read some of a response. The system's buffer of up to 4 MB empties by thirds.
    reading_timeout = 300.0

    _overhead = 0  # bytes of this request so far that are not its body
    _is_in_head = False
    _is_lingering = False
    _deadline: asyncio.TimerHandle | None = None
    _reading_deadline: asyncio.TimerHandle | None = None
    _served: RequestResponseCycle | None = None  # the request that is being handled; `cycle` is the last one received

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start a connection."""
        super().connection_made(transport)
        self.client = _address(transport, self.client)
        self._set_deadline(self.timeout)

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
        """Close the connection as the server stops. A client that has just connected may still send one request."""
        if self.cycle is None:
            self.loop.call_later(_FIRST_REQUEST, super().shutdown)  # type: ignore[unreachable]  # it may be None
        else:
            super().shutdown()

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self._overhead = 0
        self._is_in_head = True

    def on_headers_complete(self) -> None:
        """Handle the request or queue it. Raises OverflowError if too many wait, which closes the connection."""
        self._is_in_head = False
        self._clear_deadline()
        if len(self.pipeline) >= MAX_PIPELINED:
            raise OverflowError
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body. The header of a chunk, five bytes even for a chunk of one, is no overhead."""
        self._overhead = max(0, self._overhead - _PER_BYTE * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._clear_deadline()
        super().on_message_complete()
        if self._is_lingering:
            self.transport.close()

    def on_response_complete(self) -> None:
        """End a response."""
        super().on_response_complete()
        if self._has_rest and not self.transport.is_closing():
            self._set_deadline(self.timeout)

    def data_received(self, data: bytes) -> None:
        """Process what the socket has received."""
        if self._overhead > MAX_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        self._overhead += len(data)  # `on_body` subtracts the body
        super().data_received(data)
        if self._is_in_head:
            self._set_deadline(self.timeout)
        elif self._is_reading_body:
            self.cycle.transport = _Lingering(self)  # type: ignore[assignment]  # has what uvicorn uses
            if self.cycle.body:  # otherwise the application may be waiting for it
                self.flow.pause_reading()  # the next `receive()` resumes it, and so does the end of the response
        elif self._is_idle:
            # What begins no request, such as an empty line, has ended uvicorn's own wait for the next one.
            self._set_deadline(self.timeout)

    def pause_writing(self) -> None:
        """Wait for a client that reads slowly, but not for one that does not read at all."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Continue writing."""
        super().resume_writing()
        self._clear_reading_deadline()

    def _watch_reader(self, left: int | None = None) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent == left:
            self.transport.abort()
        else:
            self._reading_deadline = self.loop.call_later(self.reading_timeout, self._watch_reader, unsent)

    def _clear_reading_deadline(self) -> None:
        if self._reading_deadline is not None:
            self._reading_deadline.cancel()
            self._reading_deadline = None

    def linger(self) -> None:
        """Close the connection, but first discard the rest of the body of the answered request."""
        if self._has_rest:
            self._is_lingering = True
            self._set_deadline(self.closing_timeout)
        else:
            self.transport.close()

    @property
    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        # A connection that has become a WebSocket has another protocol.
        return (cycle is None or cycle.response_complete) and self.transport.get_protocol() is self

    @property
    def _is_reading_body(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.more_body and not cycle.response_complete

    @property
    def _has_rest(self) -> bool:
        """Whether more of the body of an answered request will arrive. uvicorn discards it."""
        return self.cycle.response_complete and self.cycle.more_body

    def _set_deadline(self, timeout: float) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(timeout, self._give_up)

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
    """The transport for the response to a request whose body is still arriving."""

    def __init__(self, protocol: BoundedHttp) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        """Close the connection once the client can have read the response."""
        self._protocol.linger()


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Refuses a handshake that is too large, and reads no message before the handshake is complete."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start a connection."""
        super().connection_made(transport)
        self.client = _address(transport, self.client)

    def data_received(self, data: bytes) -> None:
        """Process what the socket has received."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_complete:
            self.handshake_complete = True
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
        elif self.handshake_initiated and not (self.handshake_complete or self.read_paused):
            self.read_paused = True  # the first `receive()` of the application resumes it
            self.transport.pause_reading()


def options() -> dict[str, Any]:
    """Return the options of uvicorn. `service.server.proxies` handles the headers of proxies."""
    return {"http": BoundedHttp, "ws": BoundedWebSocket, "ws_max_size": MAX_MESSAGE, "proxy_headers": False}
