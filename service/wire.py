"""What uvicorn leaves open: how long a request may be besides its body, the refusal of a WebSocket's, unix sockets.

httptools takes a head of any length, and trailers, and takes the square of it to read. `websockets` limits a handshake
to 128 headers of 8192 bytes, but uvicorn does not send what it then answers, and leaves the connection open. Who
connects to a unix socket has no address, so that no list of proxies can name them.
"""

import asyncio
import socket
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_HEAD = 64 * 1024  # bytes; four times what Node, and so the Hub's proxy, passes on
_FIRST_REQUEST = 1  # seconds that it may take to come when the server is stopped; others are on their way for less
_PER_BYTE = 16  # bytes, one of a body and what may come around it

_STATUS = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_REFUSAL = f"HTTP/1.1 {_STATUS} {_STATUS.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()


UNIX = "unix"  # the address of all who connect to a unix socket


def _address(transport: asyncio.BaseTransport, client: tuple[str, int] | None) -> tuple[str, int] | None:
    return (UNIX, 0) if transport.get_extra_info("socket").family == socket.AF_UNIX else client


class BoundedHttp(HttpToolsProtocol):
    """Answers 431 to a head or trailers that go on and on; two reads of the socket (256 kB each) may come on top."""

    _besides = 0  # bytes of a request, as far as it has been read, that are not its body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's
        """Begin a connection."""
        super().connection_made(transport)
        self.client = _address(transport, self.client)

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

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; with it comes the size of its chunk, five bytes even for a chunk of one."""
        self._besides = max(0, self._besides - _PER_BYTE * len(body))
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._besides > MAX_HEAD:
            self.transport.write(_REFUSAL)
            self.transport.close()
            return
        self._besides += len(data)  # what of it is body, `on_body` takes off
        super().data_received(data)


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Sends the refusal of a handshake that is too large, and closes."""

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


def options() -> dict[str, Any]:
    """The arguments of uvicorn; what proxies say is for `service.proxies`."""
    return {"http": BoundedHttp, "ws": BoundedWebSocket, "proxy_headers": False}
