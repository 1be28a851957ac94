"""Reads addresses of the Internet Protocol from texts, and writes paths of URLs."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote

DEFAULT_PORTS = {"http": 80, "https": 443}
# https://url.spec.whatwg.org/#path-percent-encode-set
_KEPT_BY_BROWSERS = "!$%&'*+()[],/:;=@|~"
# The last label must not be a number: a mistyped IP address is not a host name (https://url.spec.whatwg.org).
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+\.?$){_LABEL}\.?", re.IGNORECASE)
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address, as IPv4 if it is one that is mapped to IPv6; None if the text is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_host(host: str) -> bool:
    """Whether this is a host name or an IP address, as `urlsplit` returns it: IPv6 without brackets."""
    return bool(_HOST_NAME.fullmatch(host)) or (parsed_address(host) is not None and "%" not in host)


def origin_at(scheme: str, host: str, port: int | None) -> str:
    """Return an origin as in the Origin header: IPv6 compressed and in brackets, and no default port.

    `host`: as `urlsplit` returns it, in lower case and without brackets. Raises ValueError for IPv6 that is wrong.
    """
    written = f"[{IPv6Address(host)}]" if ":" in host else host
    return f"{scheme}://{written}" if port in {None, DEFAULT_PORTS[scheme]} else f"{scheme}://{written}:{port}"


def encoded_path(path: str) -> str:
    """Percent-encode a path as browsers do, so that cookies for it come back. What is encoded already stays."""
    return quote(_LONE_PERCENT.sub("%25", path), safe=_KEPT_BY_BROWSERS)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host: `localhost`, or an address of the loopback interface."""
    address = parsed_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)
