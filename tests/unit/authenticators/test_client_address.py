"""The client address of a request to the Hub, with proxies and clients that lie."""

import pytest

pytest.importorskip("nativeauthenticator", reason="no JupyterHub installed: pip install '.[hub]'")

from service.authenticators.client_address import Proxies

CLIENT, FORGED, FRONT = "203.0.113.5", "198.51.100.9", "192.0.2.7"


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "found"),
    [
        ([], "127.0.0.1", CLIENT, CLIENT),
        ([], "::ffff:127.0.0.1", CLIENT, CLIENT),
        ([], "", CLIENT, CLIENT),
        ([], "127.0.0.1", "", "127.0.0.1"),
        ([], "127.0.0.1", f"{FORGED}, {CLIENT}", CLIENT),
        ([], "127.0.0.1", f"{FORGED},127.0.0.1", "127.0.0.1"),
        ([FRONT], "127.0.0.1", f"{FORGED}, {CLIENT}, {FRONT}", CLIENT),
        ([FRONT], "127.0.0.1", f"{CLIENT}, ::ffff:{FRONT}", CLIENT),
        (["192.0.2.0/24"], "127.0.0.1", f"{CLIENT}, {FRONT}", CLIENT),
        ([FRONT], "127.0.0.1", FRONT, FRONT),
        ([FRONT], FRONT, CLIENT, CLIENT),
        ([], FRONT, FORGED, FRONT),
        ([FRONT], CLIENT, FORGED, CLIENT),
        ([], "127.0.0.1", f"{FORGED}, nonsense", "nonsense"),
        ([FRONT], "127.0.0.1", f"{CLIENT}:50123, {FRONT}:443", CLIENT),
        ([FRONT], "127.0.0.1", f"[2001:db8::1]:50123, {FRONT}", "2001:db8::1"),
        ([], "127.0.0.1", f"{FORGED}, ", ""),
    ],
    ids=[
        "the Hub's proxy",
        "by IPv6",
        "by a socket",
        "a program on the machine",
        "a forged address before the true one",
        "a proxy that nobody named",
        "another proxy before the Hub's",
        "by IPv6, too",
        "named by its network",
        "the proxy itself",
        "the Hub's proxy elsewhere",
        "somebody past the proxy",
        "somebody past a named proxy",
        "no address",
        "with ports",
        "by IPv6 with a port",
        "nothing at all",
    ],
)
def test_the_client_is_the_last_who_is_no_proxy(trusted: list[str], peer: str, forwarded: str, found: str) -> None:
    """`X-Forwarded-For` counts from trusted proxies, and from its right end: a client can only write to its left."""
    assert Proxies(trusted).client(peer, forwarded) == found


def test_a_proxy_that_is_none() -> None:
    """A host name, which would never match, is refused when the Hub starts."""
    with pytest.raises(ValueError, match="proxy"):
        Proxies(["proxy.example.org"])
