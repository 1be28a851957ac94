"""The ASGI middleware of the sign-in. It gives each request a state of its own, and completes the response.

It sets the root path, because the Hub's proxy does not remove the prefix from paths. It adds queued cookies to the
response, and the headers of a refusal, which many handlers leave out. A refused WebSocket gets a 401 or 403 that says
why. Starlette's redirect to a path with or without a slash at its end stays on the host, and loses a token. Connections
that stay open are watched (`service.auth.revalidation`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import URL
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from service.auth.hosts import has_own_host
from service.auth.opener_policy import opener_policy
from service.auth.problems import problem_response
from service.auth.request_path import on_this_host, other_spelling
from service.auth.revalidation import CLOSE_TIMEOUT, LastMessage, OpenConnection, is_head, last_message_for
from service.auth.state import STATE_KEY, AuthState

if TYPE_CHECKING:
    from service.auth.hub import Hub

Header = tuple[bytes, bytes]


class HubMiddleware:
    """Wraps an application. `sign_in`: serves the paths of signing in and out, where the application does not.

    `on_started` is called when the application has started, before it serves. `close_timeout`: seconds; see
    `service.auth.revalidation`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hub: "Hub",
        sign_in: ASGIApp | None = None,
        on_started: Callable[[], None] | None = None,
        close_timeout: float = CLOSE_TIMEOUT,
    ) -> None:
        self._app = app
        self._hub = hub
        self._sign_in = sign_in
        self._sign_in_paths = hub.policy.served_paths if sign_in else frozenset()
        self._on_started = on_started
        self._close_timeout = close_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._check_start(send))
            return
        if not self._hub.is_open:  # as in tests that override `hub.user`; any other guard fails
            await self._app(scope, receive, send)
            return
        state = self._hub.bind(scope)
        state.is_wrapped = True
        path = _path_below(scope, state.context.settings.root_path)
        exchange = _Exchange(state, scope, receive, send, close_timeout=self._close_timeout)
        if path in self._sign_in_paths and self._sign_in is not None:
            await self._sign_in({**scope}, receive, exchange.send)
            return
        try:
            await self._app(scope, exchange.receive if scope["type"] == "websocket" else receive, exchange.send)
        except WebSocketDisconnect:
            return  # the client has gone, or its connection was ended
        except BaseExceptionGroup as group:  # in a task group of the handler
            if group.split(WebSocketDisconnect)[1] is not None:
                raise
        except asyncio.CancelledError:
            if not exchange.has_cancelled():
                raise
        finally:
            if exchange.connection is not None:
                await exchange.connection.stop()

    def _check_start(self, send: Send) -> Send:
        async def send_on(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete" and self._on_started is not None:
                self._on_started()
            await send(message)

        return send_on


class _Exchange:
    """One request and its answer; `connection` is there once it stays open and has to be watched."""

    __slots__ = ("_close_timeout", "_last_message", "_receive", "_scope", "_send", "_state", "_task", "connection")

    def __init__(self, state: AuthState, scope: Scope, receive: Receive, send: Send, *, close_timeout: float) -> None:
        self._state = state
        self._scope = scope
        self._receive = receive
        self._send = send
        self._close_timeout = close_timeout
        self._task = asyncio.current_task()
        self._last_message: LastMessage | None = None  # set when it opens; the handler may call a guard later
        self.connection: OpenConnection | None = None

    def send(self, message: Message) -> Awaitable[None]:  # not a coroutine: another one would slow down every answer
        """Send for the application."""
        if self.connection is not None:
            return self.connection.send(message)
        state = self._state
        if message["type"] != "http.response.body":
            if state.refusal is not None or state.set_cookies or state.gives_token or state.is_by_cookie:
                if self._last_message is None and _may_deny(message, self._scope, state):
                    return _deny(state, self._send)
                message = _completed(message, state, self._scope)
            if message.get("status") == HTTPStatus.TEMPORARY_REDIRECT:
                message = _redirected(message, self._scope)
            self._last_message = self._last_message or last_message_for(message)
        if self._last_message is not None and (state.guards or is_head(self._scope)):
            return self._begin(self._last_message).open(message)
        return self._send(message)

    async def receive(self) -> Message:
        """Receive for a WebSocket's handler."""
        if self.connection is None and self._last_message is not None and self._state.guards:
            self._begin(self._last_message).watch()
        return await (self._receive() if self.connection is None else self.connection.receive())

    def _begin(self, last_message: LastMessage) -> OpenConnection:
        interval = self._state.context.settings.recheck_interval
        scope = {**self._scope, STATE_KEY: self._state}  # a mounted application may have put its own Hub's there
        self.connection = OpenConnection(
            scope,
            self._receive,
            self._send,
            last_message,
            task=self._task,
            interval=interval,
            close_timeout=self._close_timeout,
        )
        return self.connection

    def has_cancelled(self) -> bool:
        """Whether a CancelledError of the application is our doing alone."""
        return self.connection is not None and self.connection.has_cancelled()


def _path_below(scope: Scope, root: str) -> str:
    """Set the root path, which Starlette takes off what it matches, and return the rest of the path.

    Percent-encoded prefixes arrive here decoded. What is not below the prefix did not come through the Hub's proxy, as
    a probe does not, and is left as it is.
    """
    path: str = scope["path"]
    present: str = scope.get("root_path", "")
    if present:  # we are mounted, or set it already
        return path[len(present) :] if path.startswith(f"{present}/") else path
    if path == root and root:
        path = scope["path"] = f"{root}/"
    if not path.startswith(f"{root}/"):
        return path
    scope["root_path"] = root
    return path[len(root) :]


def _completed(message: Message, state: AuthState, scope: Scope) -> Message:
    """Add the missing headers to the start of an answer. If a WebSocket is accepted, an earlier refusal is void."""
    if message["type"] == "websocket.accept":
        state.refusal = None
    if "status" not in message:
        return message
    headers: list[Header] = list(message.get("headers", ()))
    refusal = state.refusal
    if refusal is not None and refusal.status_code == message["status"]:
        given = (refusal.headers or {}).items()
        _add_missing(headers, ((name.lower().encode(), value.encode("latin-1")) for name, value in given))
    if state.gives_token or state.is_by_cookie:
        _add_missing(headers, _closing(state, scope))
    if state.set_cookies:
        # A cookie that the route itself sets is meant to have the last word.
        set_by_route = {value.split(b"=", 1)[0] for name, value in headers if name == b"set-cookie"}
        encoded = (cookie.encode("latin-1") for cookie in state.set_cookies)
        headers.extend((b"set-cookie", cookie) for cookie in encoded if cookie.split(b"=", 1)[0] not in set_by_route)
    return {**message, "headers": headers}


def _redirected(message: Message, scope: Scope) -> Message:
    """Change the Location of Starlette's redirect to the other spelling of the path; leave all others.

    Starlette repeats a token in the address, and names a host that the client has chosen.
    """
    url = URL(scope={**scope, "path": other_spelling(scope["path"]), "query_string": b""})
    theirs = RedirectResponse(url).headers["location"]

    def changed(name: bytes, value: bytes) -> Header:
        address, _, query = value.decode("latin-1").partition("?")
        is_theirs = name.lower() == b"location" and address == theirs
        return name, on_this_host(urlsplit(theirs).path, query).encode("latin-1") if is_theirs else value

    return {**message, "headers": [changed(*header) for header in message.get("headers", ())]}


def _closing(state: AuthState, scope: Scope) -> Iterator[Header]:
    """Yield what keeps other pages out of an answer to our cookie, or of one that may contain the XSRF token.

    Where another user's notebook has our origin, it can open an address of ours in a window. Without these headers it
    could look into the window, or have a script fetch the answer from the browser's cache.
    """
    yield b"cross-origin-opener-policy", opener_policy(scope)
    no_store = state.gives_token or not has_own_host(state.context.settings)
    # Otherwise a shared cache could keep a file, and the browser's could show it to the next person without a question.
    yield b"cache-control", b"no-store" if no_store else b"private, no-cache"
    if state.gives_token:
        yield b"x-frame-options", b"DENY"


def _add_missing(headers: list[Header], more: Iterable[Header]) -> None:
    present = {name for name, _ in headers}
    headers.extend(header for header in more if header[0] not in present)


def _may_deny(message: Message, scope: Scope, state: AuthState) -> bool:
    """Whether a WebSocket is refused, and the server can say why."""
    if message["type"] != "websocket.close" or state.refusal is None or state.refusal.problem is None:
        return False
    return "websocket.http.response" in scope.get("extensions", {})


async def _deny(state: AuthState, send: Send) -> None:
    """Answer the handshake of a WebSocket that is refused. A bare close would be a 403 without a reason."""
    refusal, state.refusal = state.refusal, None
    assert refusal is not None  # noqa: S101 - see `_may_deny`
    assert refusal.problem is not None  # noqa: S101 - likewise
    response = problem_response(refusal.problem, {"Cache-Control": "no-store", **(refusal.headers or {})})
    headers: list[Header] = [*response.raw_headers]
    headers.extend((b"set-cookie", cookie.encode("latin-1")) for cookie in state.set_cookies)
    await send({"type": "websocket.http.response.start", "status": refusal.status_code, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": response.body})
