"""Security headers, and a limit for bodies: `Hub.install(app, harden=True)`."""

from collections.abc import Iterable

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth.opener_policy import opener_policy

MAX_BODY = 1024 * 1024  # bytes, unless a route says otherwise

Header = tuple[bytes, bytes]

# Set unless a route has said otherwise. ASGI has names in lower case.
COMMON_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # The origin only: an address may hold a token. With "no-referrer" the Origin header of our forms would be null.
    (b"referrer-policy", b"strict-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_NAMES = frozenset({*(name for name, _ in COMMON_HEADERS), b"content-security-policy", b"cross-origin-opener-policy"})
# Scripts and styles of an application that is not ours may come from anywhere, as those of FastAPI's /docs do.
_POLICY = (
    b"content-security-policy",
    b"frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
)


def harden(app: FastAPI) -> None:
    """Add the headers to all answers, and the limit where the application has none.

    Raises:
        RuntimeError: FastAPI is too old to limit bodies.
    """
    if not hasattr(app, "max_body_size"):
        raise RuntimeError("harden=True limits request bodies: that needs FastAPI 0.164 or later.")
    if app.max_body_size is None:
        app.max_body_size = MAX_BODY
    app.add_middleware(SecurityHeaders)


class SecurityHeaders:
    """The middleware that adds the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_on(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                message["headers"] = secured(message.get("headers", ()), scope, policy=_POLICY)
            await send(message)

        await self._app(scope, receive, send_on)


def secured(given: Iterable[Header], scope: Scope, *, policy: Header) -> list[Header]:
    """Return the headers of an answer, and the common ones that are missing; `policy` is the security policy."""
    headers = [*given]
    present = {name for name, _ in headers}
    more = (*COMMON_HEADERS, policy, (b"cross-origin-opener-policy", opener_policy(scope)))
    headers += more if present.isdisjoint(_NAMES) else [header for header in more if header[0] not in present]
    return headers
