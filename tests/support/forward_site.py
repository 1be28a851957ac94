"""Datasette behind a proxy that asks our service who is calling, beside a Hub on another host."""

import contextlib
import secrets
import ssl
import textwrap
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from tests.support import tls_front
from tests.support.caddy import Caddy
from tests.support.datasette import SEEN, Datasette
from tests.support.external import ExternalService
from tests.support.hub import RealHub
from tests.support.markdown import blocks
from tests.support.nginx import FORWARD, Nginx
from tests.support.node import REPOSITORY
from tests.support.ports import free_port
from tests.support.session import Session
from tests.support.tls_front import OTHER_HOSTS, TlsFront

HOST = OTHER_HOSTS[0]  # of the application; no other's of the Hub's site
PAGE = REPOSITORY / "docs/operate/forward-auth.md"  # which says how all of it is set up
PREFIX = "/_hub/"
COOKIE = "__Host-service-data"


@dataclass(frozen=True)
class ForwardSite:
    """Where the Hub and the application are found, and the proxy before the latter."""

    hub: RealHub
    front: TlsFront
    proxy: Nginx | Caddy

    @property
    def origin(self) -> str:
        """The application's."""
        return self.proxy.origin

    @contextlib.asynccontextmanager
    async def browser(self, user: str | None = None) -> AsyncIterator[Session]:
        """Give a browser, signed in to the application as `user`, or not."""
        async with Session(f"{self.front.origin}/", transport=tls_front.transport()) as session:
            if user is not None:
                await session.sign_in(user)
                (await session.visit(f"{self.origin}/")).raise_for_status()
            yield session

    def cookies_of(self, session: Session) -> str:
        """Return the cookies that a browser sends to the application."""
        return str(session.client.build_request("GET", self.origin).headers.get("Cookie", ""))

    async def arrived(self, session: Session, headers: Mapping[str, str] | None = None) -> dict[str, list[str]]:
        """Let a script of the application's pages ask it what arrives; return the values of each header."""
        reply = (await session.fetch("GET", self.origin + SEEN, headers=dict(headers or {}))).raise_for_status()
        found: dict[str, list[str]] = {}
        for name, value in reply.json()["headers"]:
            found.setdefault(name, []).append(value)
        return found

    def websocket(self, headers: dict[str, str]) -> connect:
        """Return a WebSocket of the application's to be opened."""
        address = urlsplit(self.origin)
        context: ssl.SSLContext = tls_front.trusting()
        return connect(
            f"wss://{address.netloc}/-/echo",
            host="127.0.0.1",
            port=address.port,
            ssl=context,
            server_hostname=HOST,
            additional_headers=headers,
            proxy=None,
        )


@contextlib.contextmanager
def forward_site(proxy: Nginx | Caddy, folder: Path) -> Iterator[ForwardSite]:
    """Run all of it; `folder` is for the application's files."""
    front, app = TlsFront(), Datasette(folder)
    service, api_token = f"127.0.0.1:{free_port()}", secrets.token_hex(32)
    changes = {
        "THE-TOKEN": api_token,
        "127.0.0.1:10201": service,
        "https://data.example.org": proxy.origin,
        "https://hub.example.org": front.origin,
    }
    registration = _shown("python", changes)
    hub = RealHub(register=None, config=f"{GROUPS}\n{registration}")
    lines = _shown("ini", {**changes, "http://127.0.0.1:8081/hub/api": hub.api_url}).splitlines()
    told = dict(line.split("=", 1) for line in lines)
    told["HUB_CACHE_TTL"] = "0.001"  # what a test changes at the Hub holds at once
    with (
        ExternalService(told, directory=folder),
        hub,
        front.before(hub.url),
        app.running(),
        proxy.before(service=service, app=app.address),
    ):
        yield ForwardSite(hub, front, proxy)


def _shown(language: str, changes: Mapping[str, str]) -> str:
    """Return what the page for operators shows, with what they also change."""
    [block] = blocks(PAGE, language)
    text = textwrap.dedent(block.code)
    for old, new in changes.items():
        assert old in text or language == "python", old
        text = text.replace(old, new)
    return text


# A name that would be two groups, and a header more, where it is not encoded.
TRICKY = "staff,admins\r\nX-Admin: 1"
GROUPS = f"c.JupyterHub.load_groups = {{'readers': {{'users': ['testuser']}}, {TRICKY!r}: {{'users': ['testuser']}}}}"


def nginx() -> Nginx:
    """Return an nginx for it."""
    return Nginx(FORWARD, host=HOST)


def caddy() -> Caddy:
    """Return a Caddy for it."""
    return Caddy(host=HOST)
