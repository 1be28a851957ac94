"""What every request passes first and every response last, as plain ASGI.

Keeps requests to our prefix, adds the headers that all answers carry and the cookies queued on the way, and turns
what nobody caught into an answer and one line in the log: where it happened, never what it was about.
"""

import logging
import secrets
import traceback
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.settings import Settings
from service.web import problems

_log = logging.getLogger("service")

# Set unless a route has said otherwise.
_HEADERS = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    # A page of our origin, such as a notebook's, that opens one of our addresses in a window must not read it there.
    b"cross-origin-opener-policy": b"same-origin-allow-popups",
    b"cross-origin-resource-policy": b"same-origin",
    # The origin only: an address may hold a token. With "no-referrer" the Origin header of our forms would be null.
    b"referrer-policy": b"strict-origin",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}


class Boundary:
    """Wraps the application; nothing is outside of it but the server."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._root = settings.root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        # Who is asking will stand in it, so that one request must not see another's; not every server makes the copy
        # that ASGI asks for (https://asgi.readthedocs.io/en/latest/specs/lifespan.html#lifespan-state).
        scope["state"] = dict(scope.get("state", ()))
        started = finished = False

        async def send_on(message: Message) -> None:
            nonlocal started, finished
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                started = True
                _complete(message, scope)
            finished = finished or (message["type"] == "http.response.body" and not message.get("more_body"))
            await send(message)

        if not f"{scope['path']}/".startswith(f"{self._root}/"):
            await problems.elsewhere()(scope, receive, send_on)
            return
        # Starlette takes the root path off what it matches; percent-encoded prefixes arrive here decoded.
        scope["root_path"] = self._root
        if scope["path"] == self._root:
            scope["path"] = f"{self._root}/"
        if scope.get("method") == "HEAD":  # a GET whose body the server leaves out; it goes by its own scope
            scope = {**scope, "method": "GET"}
        try:
            await self._app(scope, receive, _with_problem_for_413(send_on))
        except Exception as error:  # noqa: BLE001 - the last place to catch anything
            reference = scope["state"].get("reference") or secrets.token_hex(4)
            _log_failure(error, reference)
            if not started and scope["type"] == "http":
                await problems.unexpected(reference)(scope, receive, send_on)
            elif not finished:
                raise ConnectionAbortedError(reference) from None


def _with_problem_for_413(send: Send) -> Send:
    """Put a problem in the place of the plain text of Starlette's own body limit, which no handler of ours sees."""
    instead: Response | None = None

    async def send_on(message: Message) -> None:
        nonlocal instead
        is_413 = message.get("status") == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if is_413 and (b"content-type", b"text/plain; charset=utf-8") in message.get("headers", ()):
            instead = problems.too_large()
            message = {**message, "headers": instead.raw_headers}
        elif instead is not None:
            message = {**message, "body": instead.body}
        await send(message)

    return send_on


def _complete(message: Message, scope: Scope) -> None:
    headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
    present = {name.lower() for name, _ in headers}
    headers.extend((name, value) for name, value in _HEADERS.items() if name not in present)
    cookies: list[str] = scope["state"].get("set_cookies", [])
    # A cookie that the route itself sets is meant to have the last word.
    set_by_route = {value.split(b"=", 1)[0] for name, value in headers if name.lower() == b"set-cookie"}
    headers.extend(
        (b"set-cookie", cookie.encode("latin-1"))
        for cookie in cookies
        if cookie.split("=", 1)[0].encode("latin-1") not in set_by_route
    )
    message["headers"] = headers


def _log_failure(error: Exception, reference: str) -> None:
    """Log kind and place of a failure. Its text is left out: it may quote what the caller sent."""
    frames = traceback.extract_tb(error.__traceback__)
    place = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-6:])
    _log.error("Unexpected %s [%s] at %s", type(error).__name__, reference, place)
