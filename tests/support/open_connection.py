"""A WebSocket or a streamed answer, opened on an ASGI application as a server opens it, and kept open."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from starlette.types import ASGIApp, Message

from tests.support.polling import BUSY, eventually


class OpenConnection:
    """A context manager that opens a connection, and at its end hangs up; `said` is all that the client was sent.

    It tells the application, as servers do, when the connection is over, whichever side ended it. With `deaf` it never
    takes what is sent to end it.
    """

    def __init__(
        self, app: ASGIApp, kind: str, address: str, *, headers: Mapping[str, str] | None = None, deaf: bool = False
    ) -> None:
        """Open nothing yet; `kind` is `http` or `websocket`, `address` a path with its query."""
        path, _, query = address.partition("?")
        sent = {"host": "jupyter.example.org"} | dict(headers or {})
        self.scope: dict[str, Any] = {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "scheme": "ws" if kind == "websocket" else "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
        }
        if kind == "websocket":
            self.scope |= {"subprotocols": [], "extensions": {"websocket.http.response": {}}}
        else:
            self.scope |= {"method": "GET", "http_version": "1.1"}
        self.messages: list[Message] = []
        self._app = app
        self._kind = kind
        self._deaf = deaf
        self._is_failure_known = False
        self._arriving: asyncio.Queue[Message] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        """Open it; return when it is open or refused."""
        first: Message = {"type": "websocket.connect"} if self._kind == "websocket" else {"type": "http.request"}
        self._arriving.put_nowait(first)
        self.task = asyncio.create_task(self._run())
        await self.until(lambda: self.messages or self.task.done())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up, and wait for the application to end."""
        self.hang_up()
        await self.until(self.task.done)
        if error is None and not self.task.cancelled() and not self._is_failure_known:
            self.task.result()

    def failure(self) -> BaseException | None:
        """What the application ended with; it is not raised at the end then."""
        self._is_failure_known = True
        return self.task.exception()

    async def _run(self) -> None:
        await self._app(self.scope, self._arriving.get, self._take)

    async def _take(self, message: Message) -> None:
        is_last = message["type"] == "websocket.close" or (
            message["type"] == "http.response.body" and not message.get("more_body")
        )
        if is_last and self._deaf:
            await asyncio.Event().wait()
        self.messages.append(message)
        if is_last:
            self.hang_up()
        await asyncio.sleep(0)

    def say(self, text: str) -> None:
        """Send a text, as the client."""
        self._arriving.put_nowait({"type": "websocket.receive", "text": text})

    def hang_up(self) -> None:
        """Let the application know that nobody is there any more."""
        gone = (
            {"type": "websocket.disconnect", "code": 1001} if self._kind == "websocket" else {"type": "http.disconnect"}
        )
        self._arriving.put_nowait(gone)

    async def until(self, check: Any, *, within: float = BUSY) -> None:  # noqa: ANN401 - anything that may be true
        """Wait until `check()` is true."""

        async def checked() -> bool:
            return bool(check())

        await eventually(checked, within=within, every=0.002)

    async def until_over(self) -> None:
        """Wait until the application has ended."""
        await self.until(self.task.done)

    @property
    def said(self) -> str:
        """All text or body that the client was sent."""
        return "".join(m.get("text") or m.get("body", b"").decode() for m in self.messages)

    @property
    def headers(self) -> dict[str, str]:
        """The first message's headers."""
        return {name.decode().lower(): value.decode() for name, value in self.messages[0].get("headers", ())}

    @property
    def closed(self) -> tuple[int, str] | None:
        """Code and reason with which a WebSocket was closed by the application."""
        found = (m for m in self.messages if m["type"] == "websocket.close")
        return next(((m["code"], m["reason"]) for m in found), None)

    @property
    def is_complete(self) -> bool:
        """Whether an answer came to its end."""
        return any(m["type"] == "http.response.body" and not m.get("more_body") for m in self.messages)
