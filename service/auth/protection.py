"""`Hub.protect`: any ASGI application behind the sign-in, such as Starlette's, Litestar's, Dash, gradio, static files.

The scripts of such an application send no XSRF token. If users' notebooks share our origin, nobody can tell their
requests from those of the application, so it accepts tokens only. If the service has a host of its own, it accepts our
cookie, too, if the browser says that a page of our origin sends the request, or that somebody opens a page.
"""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from service.auth.context import context_of
from service.auth.credentials import Source
from service.auth.errors import OriginError
from service.auth.fetch_metadata import Purpose, purpose_of
from service.auth.guard import Guard
from service.auth.hosts import has_own_host
from service.auth.identification import SignedInByUrl, identify_own_page, speaking
from service.auth.refusals import answer_of, refused
from service.auth.state import state_of
from service.errors import ServiceError
from service.hub.models import Identity
from service.settings import Settings

if TYPE_CHECKING:
    from service.auth.hub import Hub

_NO_HOST = (
    "hub.protect(…, cookies=True): this service has no host of its own, so that the pages of users' notebooks have its "
    "origin, and what they send could not be told from what the protected application's pages send. Give the service a "
    "host: PUBLIC_HOST, and JUPYTERHUB_HOST with the Hub's; or leave cookies out, and tokens alone are good there."
)
_READING = {"GET", "HEAD", "OPTIONS"}


class TokenOnlyError(OriginError):
    """A cookie came where tokens alone are good."""

    code = "token_only"
    default = (
        "This part of the service takes tokens alone: Authorization: Bearer <token>. Browsers could sign in to it "
        "if the service had a host of its own; whoever runs it can give it one."
    )


def problem_with_frames(settings: Settings) -> str:
    """Say why no page may frame ours (SERVICE_FRAME_ORIGINS); an empty string if the named origins may.

    Without a host of our own, a notebook of any user could open the portal in a window, and read our page in its frame,
    which has the notebook's origin. Cross-Origin-Opener-Policy does not apply to frames.
    """
    if not settings.frame_origins or has_own_host(settings):
        return ""
    return (
        "SERVICE_FRAME_ORIGINS: all users' notebooks share this service's origin, and could read what is in the frame."
        " It takes a host of the service's own: PUBLIC_HOST, and JUPYTERHUB_HOST with the Hub's"
        " (JupyterHub.subdomain_host)."
    )


class Protected:
    """Wraps an ASGI application; `cookies` as in `Hub.protect`."""

    def __init__(self, hub: "Hub", app: ASGIApp, guard: Guard, *, cookies: bool | None) -> None:
        self._hub = hub
        self.app = app
        self._guard = guard
        self._cookies = cookies

    def problem_with(self, settings: Settings) -> str:
        """Say what keeps the application from starting; an empty string if nothing does."""
        return _NO_HOST if self._cookies and not has_own_host(settings) else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        self._hub.bind(scope)
        conn = HTTPConnection(scope)  # without the body, which is the application's to read
        try:
            await judge(conn, self._guard, cookies=self._cookies is not False)
        except (ServiceError, SignedInByUrl) as error:
            refusal = await refused(conn, error)
            if "starlette.exception_handlers" in scope:  # the handlers of the application that it is mounted in
                raise refusal from None
            await _answer(conn, refusal, receive, send)
            return
        await self.app(scope, receive, send)


async def judge(conn: HTTPConnection, guard: Guard, *, cookies: bool = True) -> Identity:
    """Let `guard` judge a request to an application whose pages send no XSRF token, and return who sends it.

    `cookies`: whether our cookie is accepted, if we have a host of our own.

    Raises:
        TokenOnlyError: a cookie came, but is not accepted.
        OriginError: a cookie came, but not from a page of ours.
    """
    # Kept: if another credential counted by now, such as the cookie, the guard would take it without our look at it.
    credential, known = state_of(conn).spoken = await speaking(conn)
    if known is None and credential is not None and credential.source is Source.COOKIE:
        settings = context_of(conn).settings
        if not cookies or not has_own_host(settings):
            raise TokenOnlyError
        check_own_page(conn, settings)
        await identify_own_page(conn, credential)
    return await guard(conn)


async def _answer(
    conn: HTTPConnection, refusal: HTTPException | WebSocketException, receive: Receive, send: Send
) -> None:
    """Answer a refusal if there is no application around this one that could."""
    if isinstance(refusal, WebSocketException):
        await WebSocket(conn.scope, receive, send).close(refusal.code, refusal.reason)
        return
    response = answer_of(conn, refusal)
    assert response is not None  # noqa: S101 - it is no WebSocket
    await response(conn.scope, receive, send)


def check_own_page(conn: HTTPConnection, settings: Settings) -> None:
    """Raises OriginError unless a page of our own origin asks, or somebody opens a page.

    A page of another service on a sibling host is of the same site and not of the same origin, so that SameSite does
    not hold back our cookie there. Browsers that do not say where a request comes from are refused. So is a request
    by way of the Hub's own host, where users' notebooks could read the answer.
    """
    site, origin = conn.headers.get("sec-fetch-site"), conn.headers.get("origin")
    if conn.headers.get("host", "").lower() != urlsplit(settings.public_origin).netloc:
        raise OriginError
    if conn.scope["type"] == "websocket":
        if not settings.allow_websocket_cookie or origin != settings.public_origin or site not in {None, "same-origin"}:
            raise OriginError
        return
    if conn.scope["method"] not in _READING:
        # A form of a page that sends no referrer has the origin "null", as a sandboxed frame of any site has. What the
        # browser says of its site tells them apart.
        is_own_form = origin == "null" and conn.headers.get("sec-fetch-mode") == "navigate"
        if site != "same-origin" or not (origin == settings.public_origin or is_own_form):
            raise OriginError
        return
    is_opened = purpose_of(conn) is Purpose.PAGE
    if origin not in {None, settings.public_origin} or not (is_opened or site == "same-origin"):
        raise OriginError
