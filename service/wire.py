"""What uvicorn leaves open: how long the head of a request may be, and the refusal of a WebSocket's.

httptools takes a head of any length, and takes the square of it to read. `websockets` limits a handshake to 128 headers
of 8192 bytes, but uvicorn does not send what it then answers, and leaves the connection open.
"""

from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_HEAD = 64 * 1024  # bytes; four times what Node, and so the Hub's proxy, passes on

_STATUS = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
_REFUSAL = f"HTTP/1.1 {_STATUS} {_STATUS.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()


class BoundedHttp(HttpToolsProtocol):
    """Answers 431 to a head that goes on and on; what one read of the socket brings (256 kB) may come on top."""

    _head = 0

    def data_received(self, data: bytes) -> None:
        """Read on."""
        scope = cast("dict[str, Any] | None", self.scope)
        if scope is not None and "method" not in scope:  # a head has begun, and is not complete
            self._head += len(data)
            if self._head > MAX_HEAD:
                self.transport.write(_REFUSAL)
                self.transport.close()
                return
        else:
            self._head = 0
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
