"""The gateway: refuses requests outside our prefix, completes the headers of responses, and catches every exception.

Responses get the headers that all of them carry. An exception that nobody caught becomes a 500 and one line in the log,
which says where it happened and never quotes its text.
"""

import logging
import secrets
from collections.abc import Awaitable
from http import HTTPStatus

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth.hardening import MAX_BODY, secured
from service.auth.state import HEAD_KEY
from service.logs import where_raised
from service.settings import Settings
from service.web import problems
from service.web.framing import is_closed, openable
from service.web.middleware.bodies import may_have_body

_log = logging.getLogger("service")

# Bytes of path and query. Node has the same limit, and so has the Hub's proxy.
_MAX_ADDRESS = 16 * 1024

_POLICY = (
    b"content-security-policy",
    b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
)


class Gateway:
    """The middleware. `app` is the application with its revalidation of open connections."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._limited = RequestBodyLimitMiddleware(app, max_body_size=MAX_BODY)
        self._framed_by = settings if settings.frame_origins else None
        self._root = settings.root_path
        self._base = f"{self._root}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        # Each request needs a copy of its own. ASGI asks the server to make it, but not every server does
        # (https://asgi.readthedocs.io/en/latest/specs/lifespan.html#lifespan-state).
        scope["state"] = dict(scope.get("state", ()))
        response = _Response(scope, send, self._framed_by)
        if len(scope["path"]) + len(scope["query_string"]) > _MAX_ADDRESS:
            await problems.url_too_long()(scope, receive, response.send)
            return
        if not self._is_below_prefix(scope):
            await problems.not_below_prefix()(scope, receive, response.send)
            return
        # Starlette removes the root path before it matches. A percent-encoded prefix arrives here decoded.
        scope["root_path"] = self._root
        if scope.get("method") == "HEAD":  # handled as a GET; the server leaves the body out
            served = {**scope, "method": "GET", HEAD_KEY: True}
            scope[HEAD_KEY] = served  # where the other middleware finds the route
            scope = served
        try:
            if may_have_body(scope):
                await self._limited(scope, receive, _with_problem_for_413(response.send))
            else:
                await self._app(scope, receive, response.send)
        except Exception as error:  # noqa: BLE001 - the last place to catch anything
            reference = scope["state"].get("reference") or secrets.token_hex(4)
            _log_error(error, reference)
            if not response.is_started and scope["type"] == "http":
                await problems.unexpected(reference)(scope, receive, response.send)
            elif not response.is_finished:
                raise ConnectionAbortedError(reference) from None

    def _is_below_prefix(self, scope: Scope) -> bool:
        if scope["path"] == self._root:
            scope["path"] = self._base
        # Starlette's patterns ignore a line end at the end of a path, so that /me%0a would be the same as /me.
        return scope["path"].startswith(self._base) and not scope["path"].endswith("\n")


class _Response:
    """Completes the headers of a response, and records whether it has started and finished."""

    __slots__ = ("_framed_by", "_scope", "_send", "is_finished", "is_started")

    def __init__(self, scope: Scope, send: Send, framed_by: Settings | None) -> None:
        self._scope = scope
        self._framed_by = framed_by
        self._send = send
        self.is_started = self.is_finished = False

    def send(self, message: Message) -> Awaitable[None]:  # not a coroutine: another one would slow down every response
        """Pass a message on to the server."""
        if message["type"] == "http.response.body":
            self.is_finished = not message.get("more_body")
        elif message["type"] in {"http.response.start", "websocket.http.response.start"}:
            self.is_started = True
            given = [*message.get("headers", ())]
            message["headers"] = secured(given, self._scope, policy=_POLICY)
            if self._framed_by is not None and not is_closed(given):
                message["headers"] = openable(message["headers"], self._scope, self._framed_by)
        return self._send(message)


def _with_problem_for_413(send: Send) -> Send:
    """Replace the plain text of Starlette's own body limit, which no exception handler sees, with a problem."""
    start: Message | None = None  # kept until the body shows whether the 413 is Starlette's

    async def send_on(message: Message) -> None:
        nonlocal start
        if message.get("status") == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            start = message
            return
        if start is not None:
            if message.get("body") == b"Content Too Large" and not message.get("more_body"):
                problem = problems.body_too_large()
                start, message = {**start, "headers": problem.raw_headers}, {**message, "body": problem.body}
            await send(start)
            start = None
        await send(message)

    return send_on


def _log_error(error: Exception, reference: str) -> None:
    """Log the type of an error and where it happened."""
    _log.error("Unexpected %s [%s] at %s", type(error).__name__, reference, where_raised(error))
