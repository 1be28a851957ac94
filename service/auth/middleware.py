"""The one ASGI middleware of an application that signs people in: it gives each request a state of its own.

On the way in it sets the root path, as the Hub's proxy does not strip the prefix. On the way out it adds cookies that
were queued, and what a refusal says in its headers, which many handlers drop. It makes a refused WebSocket a 401 or
403 that says why, and watches what stays open (`service.auth.revalidation`).
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth.opener_policy import opener_policy
from service.auth.problems import problem_response
from service.auth.revalidation import Revalidation
from service.auth.state import AuthState

if TYPE_CHECKING:
    from service.auth.hub import Hub

Header = tuple[bytes, bytes]


class HubMiddleware:
    """Wraps an application; `on_started` is called when it has started, before it serves."""

    def __init__(self, app: ASGIApp, *, hub: "Hub", on_started: Callable[[], None] | None = None) -> None:
        self._app = Revalidation(app)
        self._hub = hub
        self._on_started = on_started

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._check_start(send))
            return
        state = self._hub.bind(scope)
        state.is_wrapped = True
        _set_root_path(scope, state.context.settings.root_path)

        def send_on(message: Message) -> Awaitable[None]:  # a coroutine more would cost every answer
            kind = message["type"]
            if kind in {"http.response.start", "websocket.http.response.start"}:
                if state.set_cookies or state.refusal or state.gives_token:
                    message["headers"] = _completed(message, state, scope)
            elif kind == "websocket.close" and state.refusal and _may_deny(scope, state):
                return _deny(state, send)
            elif kind == "websocket.accept":
                state.refusal = None
            return send(message)

        await self._app(scope, receive, send_on)

    def _check_start(self, send: Send) -> Send:
        async def send_on(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete" and self._on_started is not None:
                self._on_started()
            await send(message)

        return send_on


def _set_root_path(scope: Scope, root: str) -> None:
    """Starlette takes the root path off what it matches. Percent-encoded prefixes arrive here decoded.

    What is not below the prefix did not come through the Hub's proxy, such as a probe, and is left as it is.
    """
    path, present = scope["path"], scope.get("root_path", "")
    if not root or present == root or present.startswith(f"{root}/"):  # or we are mounted deeper
        return
    if path == root:
        scope["path"] = f"{root}/"
    elif not path.startswith(f"{root}/"):
        return
    scope["root_path"] = root


def _completed(message: Message, state: AuthState, scope: Scope) -> list[Header]:
    headers: list[Header] = list(message.get("headers", ()))
    refusal = state.refusal
    if refusal is not None and refusal.status_code == message["status"]:
        given = (refusal.headers or {}).items()
        _add_missing(headers, ((name.lower().encode(), value.encode("latin-1")) for name, value in given))
    if state.gives_token:  # of its session: no other page may look into this one, and no cache may keep it
        _add_missing(
            headers,
            (
                (b"cache-control", b"no-store"),
                (b"cross-origin-opener-policy", opener_policy(scope)),
                (b"x-frame-options", b"DENY"),
            ),
        )
    if state.set_cookies:
        # A cookie that the route itself sets is meant to have the last word.
        set_by_route = {value.split(b"=", 1)[0] for name, value in headers if name == b"set-cookie"}
        encoded = (cookie.encode("latin-1") for cookie in state.set_cookies)
        headers.extend((b"set-cookie", cookie) for cookie in encoded if cookie.split(b"=", 1)[0] not in set_by_route)
    return headers


def _add_missing(headers: list[Header], more: Iterable[Header]) -> None:
    present = {name for name, _ in headers}
    headers.extend(header for header in more if header[0] not in present)


def _may_deny(scope: Scope, state: AuthState) -> bool:
    is_refused = state.refusal is not None and state.refusal.problem is not None
    return is_refused and "websocket.http.response" in scope.get("extensions", {})


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
