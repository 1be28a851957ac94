"""What uvicorn leaves open: how long a request may be besides its body, and the refusal of a WebSocket's.

httptools takes a head of any length, and trailers, and takes the square of it to read. `websockets` limits a handshake
to 128 headers of 8192 bytes, but uvicorn does not send what it then answers, and leaves the connection open.
"""

from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_HEAD = 64 * 1024  # bytes; four times what Node, and so the Hub's proxy, passes on
_PER_BYTE = 16  # bytes, one of a body and what may come around it

_STATUS = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_REFUSAL = f"HTTP/1.1 {_STATUS} {_STATUS.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()


class BoundedHttp(HttpToolsProtocol):
    """Answers 431 to a head or trailers that go on and on; two reads of the socket (256 kB each) may come on top."""

    _besides = 0  # bytes of a request, as far as it has been read, that are not its body

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

    def data_received(self, data: bytes) -> None:
        """Read on."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_complete:
            self.handshake_complete = True
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()


OPTIONS: dict[str, Any] = {"http": BoundedHttp, "ws": BoundedWebSocket}
"""Arguments of uvicorn."""
