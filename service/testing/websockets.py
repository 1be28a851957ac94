"""A WebSocket client for an application in the same process."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Scope
from starlette.websockets import WebSocketDisconnect

_TIMEOUT = 5  # seconds
_ENDED: Message = {"type": "websocket.close", "code": 1006}  # what a server makes of an application that has ended


class WebSocket:
    """An open WebSocket, made by `Caller.websocket`. `subprotocol` is the one that the application chose."""

    def __init__(self, app: ASGIApp, scope: Scope) -> None:
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._received: asyncio.Queue[Message] = asyncio.Queue()
        self._running = asyncio.ensure_future(app(scope, self._sent.get, self._received.put))
        self._running.add_done_callback(lambda _: self._received.put_nowait(_ENDED))
        self.subprotocol: str | None = None
        self._was_told = False  # whether the test knows of the end

    async def send_text(self, text: str) -> None:
        """Send a message of text."""
        await self._sent.put({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        await self._sent.put({"type": "websocket.receive", "bytes": data})

    async def send_json(self, value: Any) -> None:  # noqa: ANN401
        """Send a value as JSON."""
        await self.send_text(json.dumps(value))

    async def receive_text(self) -> str:
        """Return the next message, which is text.

        Raises:
            WebSocketDisconnect: the application has closed the connection. Its `code` says why. If the application has
                failed, it is 1006, and `__cause__` is what was raised.
            TimeoutError: there is no message within five seconds.
            TypeError: the message is binary.

        """
        text: str | None = (await self._message()).get("text")
        if text is None:
            raise TypeError("The message is binary: receive_bytes returns such ones.")
        return text

    async def receive_bytes(self) -> bytes:
        """Return the next message, which is binary. Raises as `receive_text`; TypeError: the message is text."""
        data: bytes | None = (await self._message()).get("bytes")
        if data is None:
            raise TypeError("The message is text: receive_text returns such ones.")
        return data

    async def receive_json(self) -> Any:  # noqa: ANN401
        """Return the JSON value of the next message. Raises as `receive_text`."""
        return json.loads(await self.receive_text())

    async def open(self, request: httpx.Request) -> None:
        """Do the handshake. Raises httpx.HTTPStatusError, with the response, if it is refused; or what broke it."""
        await self._sent.put({"type": "websocket.connect"})
        first = await self._receive()
        if first["type"] == "websocket.accept":
            self.subprotocol = first.get("subprotocol")
            return
        failure = self._failure()
        if first is _ENDED and failure is not None:
            self._was_told = True
            raise failure
        body, is_complete = b"", first["type"] == "websocket.close"
        while not is_complete:
            part = await self._receive()
            body += part.get("body", b"")
            is_complete = not part.get("more_body", False)
        self._was_told = True
        # A server answers 403 to an application that closes, and 500 to one that ends without a word.
        unsaid = httpx.codes.INTERNAL_SERVER_ERROR if first is _ENDED else httpx.codes.FORBIDDEN
        status, headers = first.get("status", unsaid), first.get("headers", [])
        httpx.Response(status, headers=headers, content=body, request=request).raise_for_status()

    async def close(self, code: int = 1000) -> None:
        """Close the WebSocket, and wait for the application to end. Raises what it has raised, if no message told."""
        await self._sent.put({"type": "websocket.disconnect", "code": code, "reason": ""})
        await asyncio.wait([self._running], timeout=_TIMEOUT)
        self._running.cancel()
        await asyncio.wait([self._running])
        failure = self._failure()
        if failure is not None and not self._was_told and not isinstance(failure, WebSocketDisconnect):
            raise failure

    def _failure(self) -> BaseException | None:
        return self._running.exception() if self._running.done() and not self._running.cancelled() else None

    async def _message(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.close":
            self._was_told = True
            raise WebSocketDisconnect(message.get("code", 1000), message.get("reason")) from self._failure()
        return message

    async def _receive(self) -> Message:
        async with asyncio.timeout(_TIMEOUT):
            return await self._received.get()


@asynccontextmanager
async def connect(
    app: ASGIApp, request: httpx.Request, *, subprotocols: Sequence[str] = ()
) -> AsyncIterator[WebSocket]:
    """Open a WebSocket with the URL and the headers of `request`. It is closed at the end."""
    offered = [(b"sec-websocket-protocol", ", ".join(subprotocols).encode())] if subprotocols else []
    socket = WebSocket(
        app,
        {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "client": ("127.0.0.1", 123),
            "server": (request.url.host, request.url.port or 80),
            "scheme": "wss" if request.url.scheme == "https" else "ws",
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw] + offered,
            "subprotocols": list(subprotocols),
            "extensions": {"websocket.http.response": {}},
        },
    )
    try:
        await socket.open(request)
        yield socket
    finally:
        await socket.close()
