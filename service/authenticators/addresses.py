"""Whence a request to the Hub comes.

Tornado's `remote_ip` will not do: it prefers `X-Real-Ip`, which any client can send and the Hub's proxy passes on.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tornado.httputil import HTTPServerRequest

Network = IPv4Network | IPv6Network

_WITH_PORT = re.compile(r"\[([^]]*)\](?::[0-9]*)?|([0-9.]+):[0-9]*")


class Proxies:
    """The proxies that are believed: the Hub's own on its machine, and those in `JupyterHub.trusted_downstream_ips`.

    Networks may be named there, too, though the Hub's log knows addresses only. Raises ValueError for anything else.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = [ip_network(each, strict=False) for each in trusted]

    def client_of(self, request: HTTPServerRequest) -> str:
        """Return the address of whoever asks; it may be no address where a proxy names none."""
        context = request.connection.context  # type: ignore[union-attr]  # tornado's HTTP1Connection has one
        address = context.address
        # A unix socket has no address: whoever may enter its folder is the proxy.
        peer = str(address[0]) if isinstance(address, tuple) else ""
        return self.client(peer, request.headers.get("X-Forwarded-For", ""))

    def client(self, peer: str, forwarded: str) -> str:
        """Return the first address, counted from the connection's own back, that no trusted proxy has."""
        hops = [_without_port(hop.strip()) for hop in forwarded.split(",")] if forwarded.strip() else []
        if not hops or not (peer == "" or _is_loopback(peer) or self._are_trusted(peer)):
            return peer
        while len(hops) > 1 and self._are_trusted(hops[-1]):
            hops.pop()
        return hops[-1]

    def _are_trusted(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return any(address in network for network in self._trusted)


def _without_port(hop: str) -> str:
    """The address alone: some proxies, such as Azure's, write `192.0.2.1:443` or `[2001:db8::1]:443`."""
    found = _WITH_PORT.fullmatch(hop)
    return found[1] or found[2] if found else hop


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
