"""Finds the client address of a request to the Hub.

Tornado's `remote_ip` is not usable: it prefers `X-Real-Ip`, which any client can send, and which the Hub's proxy passes
on.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_network

from tornado.httputil import HTTPServerRequest

from service.addresses import parsed_address

_WITH_PORT = re.compile(r"\[([^]]*)\](?::[0-9]*)?|([0-9.]+):[0-9]*")


class Proxies:
    """The trusted proxies: the Hub's own on the same machine, and those in `JupyterHub.trusted_downstream_ips`.

    Networks are allowed there, too, although the Hub itself only knows addresses. Raises ValueError for anything else.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = [ip_network(each, strict=False) for each in trusted]

    def client_of(self, request: HTTPServerRequest) -> str:
        """Return the address of the client. It may be any text, if a proxy sends something else."""
        context = request.connection.context  # type: ignore[union-attr]  # tornado's HTTP1Connection has one
        address = context.address
        # A unix socket has no address. Its only client is the proxy.
        peer = str(address[0]) if isinstance(address, tuple) else ""
        return self.client(peer, request.headers.get("X-Forwarded-For", ""))

    def client(self, peer: str, forwarded: str) -> str:
        """Return the nearest address that is not a trusted proxy: `peer`, or one in `forwarded`, from its end."""
        hops = [_without_port(hop.strip()) for hop in forwarded.split(",")] if forwarded.strip() else []
        if not hops or not (peer == "" or _is_loopback(peer) or self._are_trusted(peer)):
            return peer
        while len(hops) > 1 and self._are_trusted(hops[-1]):
            hops.pop()
        return hops[-1]

    def _are_trusted(self, text: str) -> bool:
        address = parsed_address(text)
        return address is not None and any(address in network for network in self._trusted)


def _without_port(hop: str) -> str:
    """Return the address without its port. Azure's proxy, for one, writes `192.0.2.1:443` or `[2001:db8::1]:443`."""
    match = _WITH_PORT.fullmatch(hop)
    return match[1] or match[2] if match else hop


def _is_loopback(text: str) -> bool:
    address = parsed_address(text)
    return address is not None and address.is_loopback
