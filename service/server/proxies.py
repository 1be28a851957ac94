"""Whose word counts for where a request comes from: proxies by their address, their network or their host name."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_network
from time import monotonic
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.server.protocol import UNIX

_log = logging.getLogger("service")
_EVERY = 10.0  # seconds between two look-ups of a name
_PATIENCE = 5.0  # seconds for one of them

Resolve = Callable[[str], Awaitable[set[str]]]


async def addresses_of(name: str) -> set[str]:
    """Return the IP addresses of a host.

    Raises:
        OSError: there is no such host, or nobody says.
    """
    async with asyncio.timeout(_PATIENCE):
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return {str(address[0]) for *_, address in found}


class BehindProxies:
    """Gives each request the address and the scheme that the proxies before it say, as uvicorn's middleware does.

    That takes the last address of X-Forwarded-For that is not a proxy's, and so wants to know every proxy. In a cluster
    a proxy has another address whenever it restarts. Naming the whole network would believe everybody in it, such as
    notebooks, so a proxy may have a host name here, which is looked up again while requests come.

    `proxies`: addresses, networks and host names, or `*`. Whoever reaches a unix socket is believed, too.
    """

    def __init__(
        self, app: ASGIApp, proxies: Sequence[str], *, resolve: Resolve = addresses_of, every: float = _EVERY
    ) -> None:
        self._app = app
        self._is_everybody = "*" in proxies
        self._names = [] if self._is_everybody else [proxy for proxy in proxies if _is_name(proxy)]
        self._fixed = [proxy for proxy in proxies if proxy not in self._names]
        self._resolve, self._every = resolve, every
        self._known: dict[str, set[str]] = {}
        self._lost = set[str]()  # names whose last look-up failed
        self._lookup: asyncio.Task[None] | None = None
        self._due = 0.0
        self._inside = self._believing()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if self._names and scope["type"] != "lifespan":
            if self._lookup is None or (self._lookup.done() and monotonic() >= self._due):
                self._lookup = asyncio.create_task(self._look_up())
            if not self._due:  # the first look-up
                await asyncio.shield(self._lookup)
        await self._inside(scope, receive, send)

    def _believing(self) -> ASGIApp:
        addresses = set[str]().union(*self._known.values())
        hosts = "*" if self._is_everybody else [*self._fixed, *sorted(addresses), UNIX]
        return cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", self._app), hosts))

    async def _look_up(self) -> None:
        """Look all names up; one that cannot be found keeps the addresses that it had."""
        before = dict(self._known)
        for name in self._names:
            try:
                self._known[name] = await self._resolve(name)
            except OSError:  # TimeoutError, too
                kept = self._known.setdefault(name, set())
                if name not in self._lost:
                    believed = ", ".join(sorted(kept)) or "nobody"
                    _log.warning("FORWARDED_ALLOW_IPS: %s cannot be looked up; believing %s", name, believed)
                self._lost.add(name)
            else:
                self._lost.discard(name)
        if self._known != before:
            self._inside = self._believing()
        self._due = monotonic() + self._every


def _is_name(proxy: str) -> bool:
    try:
        ip_network(proxy)
    except ValueError:
        return True
    return False
