"""The access log: gives each request an id, writes one line for it, and counts it for `/metrics`.

The line contains the path, but not the query, because a query may contain a token or the name of a patient.
"""

import logging
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth.request_path import raw_path
from service.auth.state import find_state, served_scope
from service.logs import REQUEST_ID, RequestRecord

if TYPE_CHECKING:
    from service.metrics import Metrics

HEADER = b"x-request-id"

_log = logging.getLogger("service.request")

# The ids that proxies and tracing use: uuid4, ULID, nginx's $request_id, traceparent.
_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LONGEST_PATH = 1024  # characters
_OPENED, _CLOSED = 101, 403  # the status of a WebSocket handshake that is accepted, or refused
_NO_ROUTE = "other"  # for requests without a route


class AccessLog:
    """The middleware. `routes` are the routes of the application.

    `metrics` returns those of the process; None while it is not open, and then nothing is logged.
    """

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute], metrics: Callable[[], "Metrics | None"]) -> None:
        self._app = app
        self._metrics = metrics
        self._declared_paths = _declared_paths(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        metrics = self._metrics()
        if metrics is None:
            await self._app(scope, receive, send)
            return
        entry = _Entry(scope, send, self._declared_paths, metrics)
        REQUEST_ID.set(entry.id)  # for the task of this request, and for tasks that it starts
        try:
            await self._app(scope, receive, entry.send)
        finally:
            entry.close()


class _Entry:
    """The line for one request, which ends with the last byte of its response."""

    __slots__ = ("_began", "_declared_paths", "_is_closed", "_metrics", "_scope", "_send", "_status", "id")

    def __init__(self, scope: Scope, send: Send, declared_paths: Mapping[int, str], metrics: "Metrics") -> None:
        self._began = perf_counter()
        self._scope = scope
        self._send = send
        self._declared_paths = declared_paths
        self._status = 0  # none yet
        self._is_closed = False
        self._metrics = metrics
        self._metrics.open[scope["type"]] += 1
        self.id = _id_of(scope)

    def send(self, message: Message) -> Awaitable[None]:  # not a coroutine: another one would slow down every response
        """Pass a message on to the server."""
        kind = message["type"]
        if kind == "http.response.body":
            if not message.get("more_body"):
                self.close()  # before the message is sent: the line is there once the client has the response
        elif not self._status:
            self._start_response(message)
        return self._send(message)

    def _start_response(self, message: Message) -> None:
        """Record the status and the time of the response, and add the request id to its headers."""
        self._status = message.get("status") or (_OPENED if message["type"] == "websocket.accept" else _CLOSED)
        message["headers"] = [*message.get("headers", ()), (HEADER, self.id.encode())]
        scope = served_scope(self._scope)
        found = scope.get("route") or scope.get("endpoint")
        self._metrics.count_response(
            method=self._scope.get("method", "GET"),
            route=self._declared_paths.get(id(found), _NO_ROUTE),
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
            "path": raw_path(scope)[:_LONGEST_PATH] + ("?[hidden]" if scope["query_string"] else ""),
            "status": self._status or None,  # null if the client left before the response
            "duration_ms": round((perf_counter() - self._began) * 1000, 1),
            "client": (scope.get("client") or ("",))[0],
        }
        state = find_state(served_scope(scope))
        identity = state.identity if state is not None else None
        if state is not None and identity is not None and identity is not state.policy.anonymous:
            fields["service" if identity.kind == "service" else "user"] = identity.name
        _log.handle(RequestRecord(fields))


def _id_of(scope: Scope) -> str:
    """Return the id that the request brings, if it is safe for a log, or a new one.

    Clients may choose it, so a new one need not be hard to guess: it costs no system call.
    """
    for name, value in scope["headers"]:
        if name == HEADER and _ID.fullmatch(value):
            return str(value, "ascii")
    return f"{random.getrandbits(128):032x}"


def _declared_paths(routes: Sequence[BaseRoute]) -> dict[int, str]:
    """Return the declared path of each route, by the id() of the route. Metrics need it: clients can send any path."""
    mounts = {id(route.app): f"{route.path}/{{path}}" for route in routes if isinstance(route, Mount)}
    return mounts | {id(context.original_route): context.path or "" for context in iter_route_contexts(routes)}
