"""Reads the body of a request only once the sender is known, and only as much as there is room for.

FastAPI reads a body before it calls the guards of a route. So this middleware identifies the caller when the
application asks for the first piece of the body. If that fails, nothing is read. The server keeps what has arrived with
the head, and stops reading (`service.server.protocol`).

Routes without a guard also read bodies of unknown senders, called strangers here. Strangers have a smaller budget of
their own, so they cannot use up the budget of callers. Every body has a deadline, which depends on its length.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from time import monotonic
from typing import Any, NamedTuple

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth.context import context_of
from service.auth.forms import returns_form
from service.auth.guard import Guard, check_access
from service.auth.identification import SignedInByUrl, address_of, identify_sender
from service.auth.state import find_state, served_scope
from service.errors import ServiceError
from service.hub.models import Identity
from service.hub.throttle import network_of
from service.web.errors import BodyTooSlowError
from service.web.middleware.budget import Budget, Holding

# Bytes that a route takes from strangers if it has no guard and no `max_body_size`, or returns their form to them.
STRANGERS_BODY = 256 * 1024
_KEPT = 64 * 1024  # a connection is closed if more bytes of a body than these are left after the response

_ANNOUNCE = frozenset({b"content-length", b"transfer-encoding"})
_GONE: Message = {"type": "http.disconnect"}


class RefusedBody(HTTPException):
    """Raised when the application reads a body that was refused. The response is the one for `reason`.

    It is an HTTPException, because FastAPI turns all other exceptions into a 400 while it reads a body.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST)
        self.reason = reason


async def streams_body(conn: HTTPConnection) -> None:
    """A dependency for routes that process a body piece by piece: only the current piece counts, without a deadline.

    Such a route must itself limit how long it waits and how much it keeps.
    """
    conn.scope["state"]["streams_body"] = True


def may_have_body(scope: Scope) -> bool:
    """Whether the request may have a body. Up to HTTP/1.1, a header announces it (RFC 9112 section 6)."""
    if scope["type"] != "http":
        return False
    return not scope["http_version"].startswith("1") or not _ANNOUNCE.isdisjoint([name for name, _ in scope["headers"]])


class _RouteInfo(NamedTuple):
    """What matters about a route. `has_limit`: it sets its own limit for bodies.

    `returns_form`: it returns a refused form to its sender, so the form is read even if the sender is refused.
    """

    is_guarded: bool = False
    has_limit: bool = False
    returns_form: bool = False


class Timeouts(NamedTuple):
    """How long to wait for a body: `grace` seconds in all, and one more second for every `pace` bytes that arrived.

    `silence`: seconds to wait for the next piece of a body that is streamed.
    """

    grace: float = 10.0
    pace: int = 10_000
    silence: float = 120.0


TIMEOUTS = Timeouts()


class Bodies:
    """The middleware. It holds at most `size` bytes for callers, and a quarter of that for strangers."""

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute], size: int, timeouts: Timeouts = TIMEOUTS) -> None:
        self._app = app
        self.timeouts = timeouts
        self._routes = _route_infos(iter_route_contexts(routes))
        self.callers = Budget(size, share=size // 4)
        self.strangers = Budget(size // 4, share=size // 16)

    def __call__(
        self, scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[None]:  # no coroutine: it would cost time
        """Serve one request, WebSocket or lifespan."""
        return self._serve_body(scope, receive, send) if may_have_body(scope) else self._app(scope, receive, send)

    async def _serve_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(self, scope, receive, send)
        try:
            await self._app(scope, body.receive, body.send)
        finally:
            body.release()

    def route_info(self, scope: Scope) -> _RouteInfo:
        """Return what matters about the route that was found. An unknown route counts as one without a guard."""
        return self._routes.get(id(scope.get("route")), _RouteInfo())


def _route_infos(contexts: Iterable[RouteContext]) -> Mapping[int, _RouteInfo]:
    """Return what matters about each route, by its id().

    A route that is included several times counts as guarded only if it is guarded each time. Otherwise it counts as not
    guarded; its guards still run, but after the body was read.
    """
    infos: dict[int, _RouteInfo] = {}
    for context in contexts:
        if isinstance(context.original_route, APIRoute):
            calls = list(calls_of(context.dependant))
            is_guarded = any(isinstance(call, Guard) for call in calls)
            info = _RouteInfo(is_guarded, context.max_body_size is not None, returns_form in calls)
            other = infos.get(id(context.original_route), info)
            infos[id(context.original_route)] = _RouteInfo(*map(all, zip(info, other, strict=True)))
    return infos


def calls_of(dependant: Dependant) -> Iterator[object]:
    """Yield everything that a route depends on, at any depth."""
    for part in dependant.dependencies:
        yield part.call
        yield from calls_of(part)


class _Body:
    """The body of one request, and the response to it."""

    def __init__(self, bodies: Bodies, scope: Scope, receive: Receive, send: Send) -> None:
        self._bodies = bodies
        self._scope = scope
        self._receive = receive
        self._send = send
        self._length = _content_length(scope)
        self._holding: Holding | None = None
        self._is_of_stranger = False
        self._reason: Exception | None = None  # why the sender is refused, if their form is read all the same
        self._refusal: HTTPException | None = None
        self._read = 0  # bytes
        self._waited = 0.0  # seconds
        self._is_complete = self._is_response_started = False

    def release(self) -> None:
        """Release the room for the body, as the request is finished."""
        if self._holding is not None:
            self._holding.release()

    # Reading

    async def receive(self) -> Message:
        """Return the next piece of the body.

        Raises:
            RefusedBody: the body must not be read.
            HTTPException: the body is too long for a stranger.
        """
        if self._is_complete:
            return await self._receive()
        try:
            return await self._next()
        except HTTPException as refusal:
            self._refusal = refusal
            if self._is_response_started:  # too late for an error response
                return _GONE
            raise

    async def _next(self) -> Message:
        if self._refusal is not None:
            raise self._refusal
        if self._holding is None:
            self._holding = await self._admit()
        is_stream = "streams_body" in self._state
        grace, pace, silence = self._bodies.timeouts
        message = await self._receive_within(silence if is_stream else grace + self._read / pace - self._waited)
        size = len(message.get("body", b""))
        self._read += size
        self._is_complete = not message.get("more_body", False)
        if is_stream:
            self._holding.release()
        if self._is_of_stranger and self._is_too_long(self._read):
            self._holding.release()
            self._holding = await self._identify_late()
            size = self._read
        try:
            self._holding.take(size)
        except ServiceError as error:
            raise RefusedBody(error) from None
        return message

    async def _receive_within(self, seconds: float) -> Message:
        start = monotonic()
        try:
            async with asyncio.timeout(max(seconds, 0)):
                return await self._receive()
        except TimeoutError:
            raise RefusedBody(BodyTooSlowError()) from None
        finally:
            self._waited += monotonic() - start

    # The sender

    async def _admit(self) -> Holding:
        state = find_state(self._route_scope)
        identity = state.identity if state else None
        if identity is None and self._bodies.route_info(self._route_scope).is_guarded:
            try:
                identity = await self._sender()
            except (ServiceError, SignedInByUrl) as error:
                if not self._bodies.route_info(self._route_scope).returns_form:
                    raise RefusedBody(error) from None
                self._reason = error
        if identity is not None and not self._is_anonymous(identity):
            return self._holding_of_caller(identity)
        if self._length is not None and self._is_too_long(self._length):
            return await self._identify_late()
        self._is_of_stranger = True
        return self._bodies.strangers.open(network_of(address_of(HTTPConnection(self._scope))))

    async def _identify_late(self) -> Holding:
        """Identify the sender of a body that is too long for a stranger.

        The Hub is asked only now, because the token may be for another service.
        """
        with suppress(ServiceError, SignedInByUrl):
            if not self._is_anonymous(identity := await self._sender()):
                return self._holding_of_caller(identity)
        if self._reason is not None:
            raise RefusedBody(self._reason)
        detail = f"Without a sign-in or a token, this route accepts at most {STRANGERS_BODY} bytes."
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)

    def _is_anonymous(self, identity: Identity) -> bool:
        """Whether nobody signs in here. All callers are strangers then, and each address has its share."""
        state = find_state(self._route_scope)
        return state is not None and identity is state.policy.anonymous

    async def _sender(self) -> Identity:
        conn = HTTPConnection(self._route_scope)
        identity = await identify_sender(conn)
        # A caller without access counts as a stranger; the guards check other rights.
        check_access(identity, context_of(conn).settings)
        return identity

    def _holding_of_caller(self, identity: Identity) -> Holding:
        self._is_of_stranger = False
        return self._bodies.callers.open(f"{identity.kind} {identity.name}")

    def _is_too_long(self, size: int) -> bool:
        # A route's own limit is for those whom it serves. A refused sender only gets the form back.
        has_limit = self._bodies.route_info(self._route_scope).has_limit and self._reason is None
        return size > STRANGERS_BODY and not has_limit

    @property
    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._scope["state"]
        return state

    @property
    def _route_scope(self) -> Scope:
        return served_scope(self._scope)

    # The response

    async def send(self, message: Message) -> None:
        """Send the response. If much of the body is left, tell the server to close the connection after it."""
        if message["type"] == "http.response.start":
            self._is_response_started = True
            if self._has_long_rest() and any(name == b"content-length" for name, _ in message["headers"]):
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await self._send(message)

    def _has_long_rest(self) -> bool:
        if self._is_complete or not self._scope["http_version"].startswith("1"):
            return False
        if not self._read and any(name == b"expect" for name, _ in self._scope["headers"]):
            return True  # the client waits for 100 Continue, and may send its next request instead of the body
        return self._length is None or self._length - self._read > _KEPT


def _content_length(scope: Scope) -> int | None:
    """Return the Content-Length; None for a chunked body."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None
