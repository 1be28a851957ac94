"""Datasette behind a proxy that asks our service who is calling, beside a Hub on another host."""

import contextlib
import secrets
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from tests.support import tls_front
from tests.support.caddy import Caddy
from tests.support.datasette import Datasette
from tests.support.external import ExternalService
from tests.support.hub import RealHub
from tests.support.nginx import FORWARD, Nginx
from tests.support.ports import free_port
from tests.support.session import Session
from tests.support.tls_front import OTHER_HOSTS, TlsFront

HOST = OTHER_HOSTS[0]  # of the application; no other's of the Hub's site
NAME = "data"
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
    registration = {
        "name": NAME,
        "managed": False,
        "api_token": api_token,
        "url": f"http://{service}",
        "oauth_redirect_uri": f"{proxy.origin}{PREFIX}oauth_callback",
    }
    hub = RealHub(register=registration, config=GROUPS)
    told = {
        "JUPYTERHUB_API_TOKEN": api_token,
        "JUPYTERHUB_API_URL": hub.api_url,
        "JUPYTERHUB_SERVICE_NAME": NAME,
        "JUPYTERHUB_SERVICE_URL": f"http://{service}",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_HOST": front.origin,
        "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": "1",
        "PUBLIC_HOST": proxy.origin,
        "SERVICE_FORWARD_AUTH": "1",
        "HUB_CACHE_TTL": "0.001",  # what a test changes at the Hub holds at once
    }
    with (
        ExternalService(told, directory=folder),
        hub,
        front.before(hub.url),
        app.running(),
        proxy.before(service=service, app=app.address),
    ):
        yield ForwardSite(hub, front, proxy)


# A name that would be two groups, and a header more, where it is not encoded.
TRICKY = "staff,admins\r\nX-Admin: 1"
GROUPS = f"c.JupyterHub.load_groups = {{'readers': {{'users': ['testuser']}}, {TRICKY!r}: {{'users': ['testuser']}}}}"


def nginx() -> Nginx:
    """Return an nginx for it."""
    return Nginx(FORWARD, host=HOST)


def caddy() -> Caddy:
    """Return a Caddy for it."""
    return Caddy(host=HOST)
