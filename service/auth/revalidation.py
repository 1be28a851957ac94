"""Connections that stay open end when the sign-in does: WebSockets, and answers of the types in `_LAST_MESSAGES`.

A router has nothing to do for it. The guards that let a connection in are asked again every `SERVICE_RECHECK_INTERVAL`
seconds, past the cache, with the credential of the opening: it is read from the request each time, and kept nowhere
else. When the token was revoked or has expired, its session at the Hub is over, a scope is gone or a veto has come, a
WebSocket is closed with 1008 and the problem's code for a reason; an event stream gets a last event, `problem`, with
the problem details as its data; lines of JSON get a last one, `{"error": {"code": …, "detail": …}}`. If the Hub cannot
be asked and no earlier answer may serve, the code is 1013, or the problem's status 503. All this takes at most an
interval and the time that the Hub has to answer.

To the handler it looks as if the client had gone: `receive` and `send` of a WebSocket raise WebSocketDisconnect, a
generator is cancelled, and so is whatever sends lines. A handler that still runs after `CLOSE_TIMEOUT` seconds is
cancelled, too. If the client itself goes, the watch ends; a WebSocketDisconnect that nobody catches is no failure. An
error in the handler ends the connection as anywhere. A server that shuts down closes WebSockets with 1012, and waits
for streams as for any answer.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from service.auth.guard import judge_again
from service.auth.identification import credential_of
from service.auth.problems import Problem, close_message, problem_of
from service.auth.state import HEAD_KEY
from service.errors import ServiceError

CLOSE_TIMEOUT = 5.0  # seconds for the client to take the last message, and then for the handler to end
_EARLY = 0.002  # seconds; uvloop's timers count in milliseconds

_GONE: Message = {"type": "websocket.disconnect", "code": 1006}

# Returns the last message, which tells the client why the connection ends.
LastMessage = Callable[[Scope, Problem], Message]

_log = logging.getLogger("service")


class OpenConnection:
    """A connection that stays open, with a task that judges it until it ends.

    `task` is the application's. `close_timeout`: seconds; see CLOSE_TIMEOUT.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        last_message: LastMessage,
        *,
        task: "asyncio.Task[Any] | None",
        interval: float,
        close_timeout: float,
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._last_message = last_message
        self._task = task
        self._interval = interval
        self._close_timeout = close_timeout
        self._watch: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._is_over = False
        self._has_cancelled = False

    # What the application calls

    async def open(self, message: Message) -> None:
        """Send the message that opens it, and begin to watch it. A HEAD request gets nothing else."""
        if message["type"] == "http.response.start":
            message = _never_kept(message)
        await self._send(message)
        if is_head(self._scope):  # the server would wait for an end before it answers anything else
            await self._end({"type": "http.response.body", "body": b"", "more_body": False})
        elif not _is_last(message):
            self.watch()

    def watch(self) -> None:
        """Begin to watch what is open already."""
        self._watch = asyncio.create_task(self._judge_until_over())

    async def receive(self) -> Message:
        """Receive for a WebSocket's handler."""
        message = _GONE if self._is_over else await self._receive()
        if self._is_over:
            return _GONE
        if message["type"] == "websocket.disconnect":
            self._stop_watching()
        return message

    async def send(self, message: Message) -> None:
        """Send for the application. Raises OSError, as servers do, when a WebSocket is closed."""
        if self._is_over:
            await self._refuse_to_send()
        if _is_last(message):
            self._stop_watching()
        await self._send(message)

    async def _refuse_to_send(self) -> None:
        if self._scope["type"] == "websocket":
            raise OSError("the connection is closed")
        await asyncio.Event().wait()  # the server says that the client has gone, and the generator is cancelled

    # What happens meanwhile

    def _stop_watching(self) -> None:
        if self._watch is not None and not self._is_over:  # otherwise the watch is sending the last message
            self._watch.cancel()

    async def _judge_until_over(self) -> None:
        connection = HTTPConnection(self._scope)
        try:
            # All connections with one credential are judged at the same moments, so that they share one question.
            credential = credential_of(connection)
            share = hash(credential and (credential.token, credential.session_id)) % 1000 / 1000
            while True:
                since = await _moment(self._interval, offset=share * self._interval)
                await judge_again(connection, since=since)
        except ServiceError as error:
            _log.info("An open connection has been ended: %s.", error.code)
            await self._end(self._last_message(self._scope, problem_of(error)))
        except Exception:
            self._is_over = True  # a connection that nobody judges any more would stay open for ever
            self._cancel()
            raise

    async def _end(self, last: Message) -> None:
        self._is_over = True
        with contextlib.suppress(OSError, TimeoutError):  # nobody is there, or nobody listens
            async with asyncio.timeout(self._close_timeout):
                await self._send(last)
        if last.get("more_body"):  # the server would not tell the application that it is over
            self._cancel()
            return
        self._deadline = asyncio.get_running_loop().call_later(self._close_timeout, self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._has_cancelled = True
            self._task.cancel()

    # When the application has ended

    def has_cancelled(self) -> bool:
        """Whether a CancelledError of the application is our doing alone."""
        return self._has_cancelled and self._task is not None and self._task.uncancel() == 0

    async def stop(self) -> None:
        """End the watch. Raises what made it fail."""
        if self._watch is not None:
            self._stop_watching()
            await asyncio.wait([self._watch])
        if self._deadline is not None:
            self._deadline.cancel()
        if self._watch is not None and not self._watch.cancelled() and (error := self._watch.exception()):
            raise error


async def _moment(interval: float, *, offset: float) -> datetime:
    """Wait for the next moment, and return it in UTC.

    The moments are `interval` seconds apart, and shifted by `offset` seconds.
    """
    now = monotonic()
    moment = now + interval - (now + offset) % interval
    await asyncio.sleep(moment - now + _EARLY)
    return datetime.now(UTC) - timedelta(seconds=monotonic() - moment)


def last_line(scope: Scope, problem: Problem) -> Message:
    """Return the last line of an answer of JSON lines that ends early.

    The connection is cut after it, so that nobody takes the part for the whole. Behind a proxy it is not: JupyterHub's
    does not pass that on, and the client would wait for ever (configurable-http-proxy 5.3).
    """
    line = json.dumps({"error": {"code": problem.code, "detail": problem.detail}})
    is_direct = not any(name == b"x-forwarded-for" for name, _ in scope["headers"])
    return {"type": "http.response.body", "body": f"{line}\n".encode(), "more_body": is_direct}


def last_message_for(message: Message) -> LastMessage | None:
    """Return how to end the connection that a message opens; None if it does not stay open.

    An answer with a Content-Length is not ended: it has an end of its own, and a server allows no other.
    """
    if message["type"] != "http.response.start":
        return _close if message["type"] == "websocket.accept" else None
    headers = message.get("headers", ())
    for name, value in headers:
        if name == b"content-type":
            found = _LAST_MESSAGES.get(value.lower().partition(b";")[0].strip())
            return None if found and any(name == b"content-length" for name, _ in headers) else found
    return None


def is_head(scope: Scope) -> bool:
    """Whether a HEAD request is served as a GET (`service.web.middleware.gateway`)."""
    return HEAD_KEY in scope


def _is_last(message: Message) -> bool:
    kind = message["type"]
    return kind == "websocket.close" or (kind == "http.response.body" and not message.get("more_body"))


def _never_kept(message: Message) -> Message:
    """Forbid caches and proxies to store or buffer the answer. FastAPI's own "no-cache" allows storing."""
    headers = MutableHeaders(raw=list(message["headers"]))
    headers["Cache-Control"] = "no-store"
    headers["X-Accel-Buffering"] = "no"
    return {**message, "headers": headers.raw}


def _close(_scope: Scope, problem: Problem) -> Message:
    return close_message(problem)


def _last_event(_scope: Scope, problem: Problem) -> Message:
    """It begins with the end of an event, in case one was cut off in its middle."""
    event = f"\n\nevent: problem\ndata: {problem.model_dump_json(exclude_none=True)}\n\n"
    return {"type": "http.response.body", "body": event.encode(), "more_body": False}


_LAST_MESSAGES: Mapping[bytes, LastMessage] = {
    b"text/event-stream": _last_event,
    b"application/x-ndjson": last_line,
    b"application/jsonl": last_line,  # FastAPI's own, of a route that yields
}
