"""Trusted proxies, by address, network or host name: their X-Forwarded headers say where a request comes from."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Network, ip_network
from time import monotonic
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.server.protocol import UNIX

_log = logging.getLogger("service")
_INTERVAL = 10.0  # seconds between two lookups of a name
_TIMEOUT = 5.0  # seconds for one lookup

Resolve = Callable[[str], Awaitable[set[str]]]


async def addresses_of(name: str) -> set[str]:
    """Return the IP addresses of a host.

    Raises:
        OSError: there is no such host, or the lookup failed.
    """
    async with asyncio.timeout(_TIMEOUT):
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return {str(address[0]) for *_, address in found}


class BehindProxies:
    """Gives each request the client address and the scheme that trusted proxies name, by uvicorn's middleware.

    The middleware takes the last address in X-Forwarded-For that is not a proxy, so it must know every proxy. In a
    cluster a proxy gets a new address whenever it restarts. Trusting its whole network would trust everything in it,
    such as notebooks. So a proxy may be given by its host name here, which is looked up again while requests arrive.

    `proxies`: addresses, networks and host names, or `*` for all. Clients of a unix socket are always trusted.
    """

    def __init__(
        self, app: ASGIApp, proxies: Sequence[str], *, resolve: Resolve = addresses_of, interval: float = _INTERVAL
    ) -> None:
        self._app = app
        self._trusts_all = "*" in proxies
        self._names = [] if self._trusts_all else [proxy for proxy in proxies if _is_name(proxy)]
        self._fixed = [proxy for proxy in proxies if proxy not in self._names]
        self._resolve, self._interval = resolve, interval
        self._known: dict[str, set[str]] = {}
        self._failed = set[str]()  # names whose last lookup failed
        self._lookup: asyncio.Task[None] | None = None
        self._due = 0.0
        self._inside = self._middleware()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if self._names and scope["type"] != "lifespan":
            if self._lookup is None or (self._lookup.done() and monotonic() >= self._due):
                self._lookup = asyncio.create_task(self._look_up())
            if not self._due:  # the first lookup
                await asyncio.shield(self._lookup)
        await self._inside(scope, receive, send)

    def _middleware(self) -> ASGIApp:
        addresses = set[str]().union(*self._known.values())
        known = [*self._fixed, *sorted(addresses)]
        hosts = "*" if self._trusts_all else [*known, *_mapped(known), UNIX]
        return cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", self._app), hosts))

    async def _look_up(self) -> None:
        """Look up all names. A name that cannot be looked up keeps its addresses."""
        before = dict(self._known)
        for name in self._names:
            try:
                self._known[name] = await self._resolve(name)
            except OSError:  # or TimeoutError
                kept = self._known.setdefault(name, set())
                if name not in self._failed:
                    trusted = ", ".join(sorted(kept)) or "nobody"
                    _log.warning("FORWARDED_ALLOW_IPS: %s cannot be looked up; trusting %s", name, trusted)
                self._failed.add(name)
            else:
                self._failed.discard(name)
        if self._known != before:
            self._inside = self._middleware()
        self._due = monotonic() + self._interval


def _mapped(proxies: Iterable[str]) -> list[str]:
    """Return IPv4 addresses and networks as a listener on `::` writes them: `::ffff:10.0.0.1` (RFC 4291 2.5.5.2).

    JupyterHub's proxy listens so by default, and names the peers of its peers in X-Forwarded-For.
    """
    networks = [ip_network(proxy, strict=False) for proxy in proxies if not _is_name(proxy)]
    return [
        f"::ffff:{each.network_address}/{96 + each.prefixlen}" for each in networks if isinstance(each, IPv4Network)
    ]


def _is_name(proxy: str) -> bool:
    try:
        ip_network(proxy)
    except ValueError:
        return True
    return False
