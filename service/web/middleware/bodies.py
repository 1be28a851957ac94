"""Reads the body of a request only when it is known who sends it, and no more of it than there is room for.

FastAPI reads a body before it asks a route's guards. So the guard's first question is put here, when the application
asks for the first piece of the body: whose is the credential? Without an answer nothing is read. The server keeps what
has come with the head, and stops reading (`service.server.protocol`).

Routes without a guard read bodies of strangers. These have less room, of their own, so that strangers leave the room
of callers alone. Every body must come at a pace, and so has a deadline by its length.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from service.auth.state import find_state
from service.errors import ServiceError
from service.hub.models import Identity
from service.hub.throttle import network_of
from service.web.errors import BodyTooSlowError
from service.web.middleware.budget import Budget, Holding

STRANGERS_BODY = 256 * 1024  # bytes that a route without a guard and a `max_body_size` takes of who is not known
_KEPT = 64 * 1024  # bytes of a rest for which a connection is not closed

_GONE: Message = {"type": "http.disconnect"}


class RefusedBody(HTTPException):
    """Raised where a body is read, which is not to be read; the answer is that of `reason`.

    FastAPI makes a 400 of all other exceptions that it meets there.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST)
        self.reason = reason


async def streams_body(conn: HTTPConnection) -> None:
    """A dependency of routes that do not keep the body they read: only the piece at hand counts, and no pace holds.

    Such a route limits by itself how long it waits, and what it keeps.
    """
    conn.scope["state"]["streams_body"] = True


def may_have_body(scope: Scope) -> bool:
    """Whether a body may come: up to HTTP/1.1 a header announces it (RFC 9112 section 6)."""
    if scope["type"] != "http":
        return False
    if not scope["http_version"].startswith("1"):
        return True
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])


class _Kind(NamedTuple):
    """What is known of a route. `has_limit`: it says itself how long a body may be.

    `returns_form`: a form that is refused goes back to who has sent it, and so is read all the same.
    """

    is_guarded: bool = False
    has_limit: bool = False
    returns_form: bool = False


class Patience(NamedTuple):
    """How long a body is waited for: `grace` seconds in all, and a second more for every `pace` bytes that have come.

    `silence`: seconds for the next piece of a stream. The batch has a shorter patience of its own.
    """

    grace: float = 10.0
    pace: int = 10_000
    silence: float = 120.0


PATIENCE = Patience()


class Bodies:
    """Wraps the application, whose `routes` these are; for callers `size` bytes are held, and a quarter for others."""

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute], size: int, patience: Patience = PATIENCE) -> None:
        self._app = app
        self.patience = patience
        self._kinds = _kinds(iter_route_contexts(routes))
        self.callers = Budget(size, share=size // 4)
        self.strangers = Budget(size // 4, share=size // 16)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if not may_have_body(scope):
            await self._app(scope, receive, send)
            return
        body = _Body(self, scope, receive, send)
        try:
            await self._app(scope, body.receive, body.send)
        finally:
            body.release()

    def kind(self, scope: Scope) -> _Kind:
        """Return what is known of the route that was found; of one that we do not know, that it has no guard."""
        return self._kinds.get(id(scope.get("route")), _Kind())


def _kinds(contexts: Iterable[RouteContext]) -> Mapping[int, _Kind]:
    """Return the kinds of routes by identity; one that is included several times has a guard if it has one each time.

    Otherwise it is taken for one without: its guard, where it has one, is asked all the same, after the body was read.
    """
    kinds: dict[int, _Kind] = {}
    for context in contexts:
        if isinstance(context.original_route, APIRoute):
            calls = list(_calls(context.dependant))
            is_guarded = any(isinstance(call, Guard) for call in calls)
            kind = _Kind(is_guarded, context.max_body_size is not None, returns_form in calls)
            other = kinds.get(id(context.original_route), kind)
            kinds[id(context.original_route)] = _Kind(*map(all, zip(kind, other, strict=True)))
    return kinds


def _calls(dependant: Dependant) -> Iterator[object]:
    for part in dependant.dependencies:
        yield part.call
        yield from _calls(part)


class _Body:
    """The body of one request, and the answer to it."""

    def __init__(self, bodies: Bodies, scope: Scope, receive: Receive, send: Send) -> None:
        self._bodies = bodies
        self._scope = scope
        self._receive = receive
        self._send = send
        self._length = _announced(scope)
        self._holding: Holding | None = None
        self._is_strangers = False
        self._refusal: HTTPException | None = None
        self._read = 0  # bytes
        self._waited = 0.0  # seconds
        self._is_complete = self._is_answered = False

    def release(self) -> None:
        """The request is over."""
        if self._holding is not None:
            self._holding.release()

    # Reading

    async def receive(self) -> Message:
        """Return the next piece.

        Raises:
            RefusedBody: it is not to be read.
            HTTPException: it is too long for somebody who is not known.
        """
        if self._is_complete:
            return await self._receive()
        try:
            return await self._next()
        except HTTPException as refusal:
            self._refusal = refusal
            if self._is_answered:  # too late for another answer
                return _GONE
            raise

    async def _next(self) -> Message:
        if self._refusal is not None:
            raise self._refusal
        if self._holding is None:
            self._holding = await self._admit()
        is_stream = "streams_body" in self._state
        grace, pace, silence = self._bodies.patience
        message = await self._in_time(silence if is_stream else grace + self._read / pace - self._waited)
        size = len(message.get("body", b""))
        self._read += size
        self._is_complete = not message.get("more_body", False)
        if is_stream:
            self._holding.release()
        if self._is_strangers and self._is_too_long(self._read):
            self._holding.release()
            self._holding = await self._caller_after_all()
            size = self._read
        try:
            self._holding.take(size)
        except ServiceError as error:
            raise RefusedBody(error) from None
        return message

    async def _in_time(self, patience: float) -> Message:
        begun = monotonic()
        try:
            async with asyncio.timeout(max(patience, 0)):
                return await self._receive()
        except TimeoutError:
            raise RefusedBody(BodyTooSlowError()) from None
        finally:
            self._waited += monotonic() - begun

    # Whose it is

    async def _admit(self) -> Holding:
        state = find_state(self._route_scope)
        identity = state.identity if state else None
        if identity is None and self._bodies.kind(self._route_scope).is_guarded:
            try:
                identity = await self._sender()
            except (ServiceError, SignedInByUrl) as error:
                if not self._bodies.kind(self._route_scope).returns_form:
                    raise RefusedBody(error) from None
        if identity is not None:
            return self._of_caller(identity)
        if self._length is not None and self._is_too_long(self._length):
            return await self._caller_after_all()
        self._is_strangers = True
        return self._bodies.strangers.open(network_of(address_of(HTTPConnection(self._scope))))

    async def _caller_after_all(self) -> Holding:
        """Ask who sends what is too long for a stranger. The Hub is asked only then: the token may be for another."""
        try:
            return self._of_caller(await self._sender())
        except (ServiceError, SignedInByUrl):
            detail = f"This route takes {STRANGERS_BODY} bytes of somebody who is not known. Sign in, or send a token."
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail) from None

    async def _sender(self) -> Identity:
        conn = HTTPConnection(self._route_scope)
        identity = await identify_sender(conn)
        check_access(identity, context_of(conn).settings)  # who may not call has no room of callers
        return identity

    def _of_caller(self, identity: Identity) -> Holding:
        self._is_strangers = False
        return self._bodies.callers.open(f"{identity.kind} {identity.name}")

    def _is_too_long(self, size: int) -> bool:
        return size > STRANGERS_BODY and not self._bodies.kind(self._route_scope).has_limit

    @property
    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._scope["state"]
        return state

    @property
    def _route_scope(self) -> Scope:
        """Where the router writes which route it has found: the gateway has made a GET of a HEAD."""
        scope: Scope = self._state.get("scope", self._scope)
        return scope

    # Answering

    async def send(self, message: Message) -> None:
        """Send the answer; after it the connection is closed where much of the body would still have to come."""
        if message["type"] == "http.response.start":
            self._is_answered = True
            if self._leaves_much() and any(name == b"content-length" for name, _ in message["headers"]):
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await self._send(message)

    def _leaves_much(self) -> bool:
        if self._is_complete or not self._scope["http_version"].startswith("1"):
            return False
        if not self._read and any(name == b"expect" for name, _ in self._scope["headers"]):
            return True  # its client was not asked for it, and may send the next request in its place
        return self._length is None or self._length - self._read > _KEPT


def _announced(scope: Scope) -> int | None:
    """Return the length that the head announces; None for a body in chunks."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None
