"""What is kept of every request: its id, one line in the log, and figures for `/metrics`.

Around everything else, so that nothing is answered without it. Of an address the line has the path alone: a query may
hold anything, a token or a patient's name.
"""

import logging
import re
import secrets
from collections.abc import Awaitable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.logs import REQUEST_ID, RequestRecord

if TYPE_CHECKING:
    from service.hub.models import Identity
    from service.metrics import Metrics

HEADER = b"x-request-id"

_log = logging.getLogger("service.request")

# What proxies and tracing make of an id: uuid4, ULID, nginx's $request_id, a traceparent.
_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LONGEST_PATH = 1024  # characters that are logged
_OPENED, _CLOSED = 101, 403  # how the opening of a WebSocket is answered, and one that is closed instead
_ELSEWHERE = "other"  # the route of what none answers


class AccessLog:
    """Wraps the application; nothing is outside of it but the server. `routes` are the application's."""

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._templates = _templates(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        entry = _Entry(scope, send, self._templates)
        REQUEST_ID.set(entry.id)  # for the task that serves this request, and those that it begins
        try:
            await self._app(scope, receive, entry.send)
        finally:
            entry.close()


class _Entry:
    """One request, up to its last byte."""

    __slots__ = ("_began", "_is_closed", "_metrics", "_scope", "_send", "_status", "_templates", "id")

    def __init__(self, scope: Scope, send: Send, templates: Mapping[int, str]) -> None:
        self._began = perf_counter()
        self._scope = scope
        self._send = send
        self._templates = templates
        self._status = 0  # none yet
        self._is_closed = False
        self._metrics: Metrics = scope["state"]["context"].metrics
        self._metrics.open[scope["type"]] += 1
        self.id = _id_of(scope)

    def send(self, message: Message) -> Awaitable[None]:  # a coroutine more would cost every answer
        """Pass a message on to the server."""
        kind = message["type"]
        if kind == "http.response.body":
            if not message.get("more_body"):
                self.close()  # before it is sent: who has the answer finds the line in the log
        elif not self._status:
            self._answer(message)
        return self._send(message)

    def _answer(self, message: Message) -> None:
        """Note how the request is answered, and since when; its id goes along."""
        self._status = message.get("status") or (_OPENED if message["type"] == "websocket.accept" else _CLOSED)
        message["headers"] = [*message.get("headers", ()), (HEADER, self.id.encode())]
        scope = self._scope["state"].get("scope", self._scope)
        found = scope.get("route") or scope.get("endpoint")
        self._metrics.count_response(
            method=self._scope.get("method", "GET"),
            route=self._templates.get(id(found), _ELSEWHERE),
            status=self._status,
            seconds=perf_counter() - self._began,
        )

    def close(self) -> None:
        """Write the line, once."""
        if self._is_closed:
            return
        self._is_closed = True
        scope = self._scope
        self._metrics.open[scope["type"]] -= 1
        if not _log.isEnabledFor(logging.INFO):
            return
        fields = {
            "method": scope.get("method", "WEBSOCKET"),
            "path": scope.get("raw_path", b"").decode("latin-1")[:_LONGEST_PATH]
            + ("?[hidden]" if scope["query_string"] else ""),
            "status": self._status or None,  # null where the client went before it was answered
            "duration_ms": round((perf_counter() - self._began) * 1000, 1),
            "client": (scope.get("client") or ("",))[0],
        }
        identity: Identity | None = scope["state"].get("identity")
        if identity is not None:
            fields["service" if identity.kind == "service" else "user"] = identity.name
        _log.handle(RequestRecord(fields))


def _id_of(scope: Scope) -> str:
    """The request's own id where it is of a form that a log takes, else a new one."""
    for name, value in scope["headers"]:
        if name == HEADER:
            return value.decode() if _ID.fullmatch(value) else secrets.token_hex(16)
    return secrets.token_hex(16)


def _templates(routes: Sequence[BaseRoute]) -> dict[int, str]:
    """The path of each route as it was declared, by the identity of what serves it: a path as sent can be anything."""
    mounts = {id(route.app): f"{route.path}/{{path}}" for route in routes if isinstance(route, Mount)}
    return mounts | {id(context.original_route): context.path or "" for context in iter_route_contexts(routes)}
