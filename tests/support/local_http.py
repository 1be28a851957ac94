"""HTTP to what runs on this machine."""

import ssl
from typing import Any

import httpx

# A server may close a connection that is idle just when the next request is sent. On a busy machine that happens.
_EACH_ITS_OWN = httpx.Limits(max_keepalive_connections=0)
# Trusts nobody, and needs to: all of it is plain HTTP. httpx's own would read every CA's certificate, 60 ms a client.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def local_client(**options: Any) -> httpx.AsyncClient:  # noqa: ANN401 (httpx checks them)
    """Return a client that nothing in the environment leads elsewhere, with half a minute of patience."""
    usual: dict[str, Any] = {"trust_env": False, "timeout": 30, "verify": _NO_TLS, "limits": _EACH_ITS_OWN}
    return httpx.AsyncClient(**(usual | options))


def transport_at(address: str) -> httpx.AsyncHTTPTransport:
    """Return what connects from another address of this machine, such as 127.0.0.2."""
    return httpx.AsyncHTTPTransport(verify=_NO_TLS, limits=_EACH_ITS_OWN, local_address=address)
