"""A request whose body is sent while its answer is read, as a server passes it on to an ASGI application."""

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from starlette.types import ASGIApp, Message

from tests.support.polling import BUSY, eventually


class Exchange:
    """A context manager that posts to `address`, and at its end hangs up. What it says is sent when it is asked for.

    With `takes` it is a client that takes so many messages of the answer; `take` lets it have more.
    """

    def __init__(self, app: ASGIApp, address: str, *, headers: Mapping[str, str], takes: int | None = None) -> None:
        """Send nothing yet; `address` is a path with its query."""
        path, _, query = address.partition("?")
        sent = {"host": "jupyter.example.org"} | dict(headers)
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
        }
        if not any(name.lower() == "content-length" for name in headers):
            self.scope["headers"].append((b"transfer-encoding", b"chunked"))
        self.messages: list[Message] = []
        self.is_failure_known = False
        self._app = app
        self._unread: asyncio.Queue[Message] = asyncio.Queue()
        self._room = None if takes is None else asyncio.Semaphore(takes)

    async def __aenter__(self) -> Self:
        """Begin."""
        self.task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up, and wait for the application to end."""
        self.take(1_000_000)
        self.hang_up()
        await self.until(self.task.done)
        if error is None and not self.task.cancelled() and not self.is_failure_known:
            self.task.result()

    async def _run(self) -> None:
        await self._app(self.scope, self._unread.get, self._send)

    async def _send(self, message: Message) -> None:
        if self._room is not None:
            await self._room.acquire()
        self.messages.append(message)
        if self.is_complete:
            self.hang_up()
        await asyncio.sleep(0)

    def say(self, *lines: Any, end: bool = False) -> None:  # noqa: ANN401 - JSON, or bytes as they are
        """Send lines."""
        body = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
        self._unread.put_nowait({"type": "http.request", "body": body, "more_body": not end})

    def hang_up(self) -> None:
        """Go."""
        self._unread.put_nowait({"type": "http.disconnect"})

    def take(self, number: int) -> None:
        """Take so many messages more."""
        for _ in range(number if self._room is not None else 0):
            self._room.release()  # type: ignore[union-attr] # see above

    @property
    def unread(self) -> int:
        """How many messages the application has not asked for."""
        return self._unread.qsize()

    async def until(self, check: Any, *, within: float = BUSY) -> None:  # noqa: ANN401 - anything that may be true
        """Wait until `check()` is true."""

        async def checked() -> bool:
            return bool(check())

        await eventually(checked, within=within, every=0.002)

    async def lines(self, number: int) -> list[dict[str, Any]]:
        """Wait for so many lines of the answer; return all there are."""
        await self.until(lambda: len(self._said()) >= number or self.task.done())
        return [json.loads(line) for line in self._said()]

    async def all_lines(self) -> list[dict[str, Any]]:
        """Wait for the end; return all lines."""
        await self.until(self.task.done)
        return [json.loads(line) for line in self._said()]

    def _said(self) -> list[bytes]:
        return b"".join(message.get("body", b"") for message in self.messages).split(b"\n")[:-1]

    @property
    def status(self) -> int:
        """The answer's status."""
        return int(self.messages[0]["status"])

    @property
    def is_complete(self) -> bool:
        """Whether the answer came to its end, rather than being cut."""
        last = self.messages[-1] if self.messages else {}
        return last.get("type") == "http.response.body" and not last.get("more_body")
