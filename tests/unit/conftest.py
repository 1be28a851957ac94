"""The service and its Hub, both in memory, and those who call: scripts, browsers and WebSockets."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import pytest
from starlette.types import Message

from service import testing
from service.auth.cookies import auth_cookie_name
from service.hub.sealing import Sealer
from service.settings import Settings
from service.testing import Caller, FakeHub
from service.testing.callers import sealed_cookie
from tests.support.session import Session

ORIGIN = "http://jupyter.example.org"
PREFIX = "/services/fastapi/"
AUTH_COOKIE = "service-fastapi"
STATE_COOKIE = "service-fastapi-oauth-state"
SESSION_ID = "0123456789abcdef0123456789abcdef"
# Two texts that must never leave the service.
HUB_HOST = "internal-hub"
API_TOKEN = "canary-api-token-of-the-service"

_numbers = count(1)


class Service(testing.Service):
    """A running service, the Hub beside it, and ways to call it; `browser` is for tests that sign in themselves."""

    @property
    def home(self) -> str:
        """The address of our prefix."""
        return self.url

    def api(self, token: str | None = None, **options: Any) -> httpx.AsyncClient:  # noqa: ANN401
        """Return a script's client for paths below our prefix; with `token` it signs its requests."""
        return Caller(self, token=token or "", **options)

    def browser(self, *, session_id: str | None = SESSION_ID) -> Session:
        """Return somebody's browser, signed in to the Hub with `session_id`."""
        browser = Session(self.home, transport=httpx.ASGITransport(self.app))
        if session_id:
            self.keep(browser, "jupyterhub-session-id", session_id, path="/")
        return browser

    def keep(self, browser: Session, name: str, value: str, *, path: str | None = None) -> None:
        """Put a cookie into a browser."""
        browser.client.cookies.set(name, value, domain=httpx.URL(self.home).host, path=path or self.settings.prefix)

    async def signed_in(self, user: str = "testuser", *, session_id: str | None = SESSION_ID) -> Session:
        """Return a browser that has signed in through the Hub."""
        browser = self.browser(session_id=session_id)
        begun = await browser.visit("login", follow=False)
        await browser.visit(self.authorized(begun, user=user, session_id=session_id), follow=False)
        return browser

    def token_of(self, browser: Session) -> str:
        """Return the Hub token in a browser's cookie."""
        sealer = Sealer(self.settings.api_token.get_secret_value(), purpose="session cookie")
        return (sealer.open(browser.cookie(auth_cookie_name(self.settings)) or "") or "").partition(" ")[0]

    def sealed(self, token: str, *, session_id: str = SESSION_ID) -> str:
        """Return a token as our cookie holds it, given in a session at the Hub."""
        return sealed_cookie(self.settings, token, session_id=session_id)

    def authorized(self, reply: httpx.Response, *, user: str = "testuser", session_id: str | None = SESSION_ID) -> str:
        """Follow a redirect to the Hub's authorize page; return where that sends the browser."""
        return self.hub.authorize(reply.headers["Location"], user=user, session_id=session_id)


class Serve:
    """Starts services."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def __call__(
        self,
        *,
        hub: FakeHub | None = None,
        app: Mapping[str, Any] | None = None,
        **changed: Any,  # noqa: ANN401
    ) -> Service:
        """Start a service: beside a Hub of its own or that of another, with arguments for `create_app` and settings."""
        changed.setdefault("api_url", str(hub.api_url) if hub else f"http://{HUB_HOST}-{next(_numbers)}.test/hub/api")
        opened = testing.open_service(settings=settings_of(**changed), hub=hub, **(app or {}))
        service = await self._stack.enter_async_context(opened)
        return Service(service.app, service.settings, service.hub)


def settings_of(**changed: Any) -> Settings:  # noqa: ANN401
    """Return what a Hub tells a service that it starts, with some fields changed."""
    told = {
        "api_token": API_TOKEN,
        "service_name": "fastapi",
        "client_id_given": "service-fastapi",
        "service_prefix": PREFIX,
        "access_scopes_given": ("access:services", "access:services!service=fastapi"),
    }
    return Settings(**(told | changed))


@asynccontextmanager
async def serving() -> AsyncIterator[Serve]:
    """Start services, and end them all; nothing but their Hubs can be reached."""
    async with AsyncExitStack() as stack:
        yield Serve(stack)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start services for this test alone."""
    async with serving() as start:
        yield start


@pytest.fixture(scope="module")
async def service(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """A service shared by the tests of a module that leave it as it was; the module's SERVICE says how to start it."""
    async with serving() as start:
        yield await start(**getattr(request.module, "SERVICE", {}))


@dataclass
class Handshake:
    """How the opening of a WebSocket was answered: by 101 and what was said then, or by a refusal."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    closed: int | None = None


async def connect(
    service: Service,
    where: str,
    *,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    extensions: Sequence[str] = ("websocket.http.response",),
) -> Handshake:
    """Open a WebSocket below our prefix, as a server does."""
    path, _, query = where.partition("?")
    offered = {"sec-websocket-protocol": ", ".join(subprotocols)} if subprotocols else {}
    sent = {"host": httpx.URL(service.home).host, "sec-fetch-mode": "websocket"} | offered | dict(headers or {})
    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": f"{PREFIX}{path}",
        "raw_path": f"{PREFIX}{path}".encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
        "subprotocols": list(subprotocols),
        "extensions": {name: {} for name in extensions},
    }
    arriving: Iterator[Message] = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}])
    answers: list[Message] = []

    async def receive() -> Message:
        return next(arriving)

    async def send(message: Message) -> None:
        answers.append(message)

    await service.app(scope, receive, send)
    return _handshake(answers)


def _handshake(answers: Sequence[Message]) -> Handshake:
    first, *rest = answers
    headers = {name.decode().lower(): value.decode() for name, value in first.get("headers", ())}
    headers.pop("x-request-id", None)  # of all answers, and of no two the same; see test_journal
    if first["type"] == "websocket.accept":
        said = "".join(message.get("text", "") for message in rest)
        closed = next((message["code"] for message in rest if message["type"] == "websocket.close"), None)
        return Handshake(101, headers, said, closed)
    if first["type"] == "websocket.close":  # before it was accepted: a server makes this a bare 403
        return Handshake(403)
    body = b"".join(message.get("body", b"") for message in rest)
    return Handshake(first["status"], headers, body.decode())
