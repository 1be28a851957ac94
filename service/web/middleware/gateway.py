"""What every request passes first and every response last, as plain ASGI.

Keeps requests to our prefix, adds the headers that all answers carry, and turns what nobody caught into an answer and
one line in the log: where it happened, never what it was about.
"""

import logging
import secrets
from http import HTTPStatus

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth.hardening import MAX_BODY, secured
from service.logs import place_of
from service.settings import Settings
from service.web import problems
from service.web.middleware.bodies import may_have_body

_log = logging.getLogger("service")

# Bytes of path and query: what Node, and so the Hub's proxy, lets pass.
_MAX_ADDRESS = 16 * 1024

_POLICY = (
    b"content-security-policy",
    b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
)


class Gateway:
    """Wraps the application; nothing is outside of it but the server, and CORS where it is on."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._limited = RequestBodyLimitMiddleware(app, max_body_size=MAX_BODY)
        self._root = settings.root_path
        self._base = f"{self._root}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        # What a request leaves in it, another must not see; not every server makes the copy that ASGI asks for
        # (https://asgi.readthedocs.io/en/latest/specs/lifespan.html#lifespan-state).
        scope["state"] = dict(scope.get("state", ()))
        answer = _Answer(scope, send)
        if len(scope["path"]) + len(scope["query_string"]) > _MAX_ADDRESS:
            await problems.too_long()(scope, receive, answer.send)
            return
        if not self._is_ours(scope):
            await problems.elsewhere()(scope, receive, answer.send)
            return
        # Starlette takes the root path off what it matches; percent-encoded prefixes arrive here decoded.
        scope["root_path"] = self._root
        if scope.get("method") == "HEAD":  # a GET whose body the server leaves out; it goes by its own scope
            scope = {**scope, "method": "GET"}
            scope["state"].update(
                is_head=True, scope=scope
            )  # `service.web.middleware.access_log` looks there for the route
        try:
            if may_have_body(scope):
                await self._limited(scope, receive, _with_problem_for_413(answer.send))
            else:
                await self._app(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 - the last place to catch anything
            reference = scope["state"].get("reference") or secrets.token_hex(4)
            _log_failure(error, reference)
            if not answer.is_started and scope["type"] == "http":
                await problems.unexpected(reference)(scope, receive, answer.send)
            elif not answer.is_finished:
                raise ConnectionAbortedError(reference) from None

    def _is_ours(self, scope: Scope) -> bool:
        if scope["path"] == self._root:
            scope["path"] = self._base
        # Starlette's patterns overlook a line end at the end: /me%0a would be another name of /me.
        return scope["path"].startswith(self._base) and not scope["path"].endswith("\n")


class _Answer:
    """Completes an answer on its way out, and knows how far it has come."""

    __slots__ = ("_scope", "_send", "is_finished", "is_started")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.is_started = self.is_finished = False

    async def send(self, message: Message) -> None:
        """Pass a message on to the server."""
        if message["type"] == "http.response.body":
            self.is_finished = not message.get("more_body")
        elif message["type"] in {"http.response.start", "websocket.http.response.start"}:
            self.is_started = True
            message["headers"] = secured(message.get("headers", ()), self._scope, policy=_POLICY)
        await self._send(message)


def _with_problem_for_413(send: Send) -> Send:
    """Put a problem in the place of the plain text of Starlette's own body limit, which no handler of ours sees."""
    start: Message | None = None  # held back until the body shows whose it is

    async def send_on(message: Message) -> None:
        nonlocal start
        if message.get("status") == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            start = message
            return
        if start is not None:
            if message.get("body") == b"Content Too Large" and not message.get("more_body"):
                problem = problems.too_large()
                start, message = {**start, "headers": problem.raw_headers}, {**message, "body": problem.body}
            await send(start)
            start = None
        await send(message)

    return send_on


def _log_failure(error: Exception, reference: str) -> None:
    """Log kind and place of a failure."""
    _log.error("Unexpected %s [%s] at %s", type(error).__name__, reference, place_of(error))
