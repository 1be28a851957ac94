"""Ways in which a Hub fails. Each function takes a request, and returns or raises what httpx would."""

from collections.abc import Callable, Mapping

import httpx

Outage = Callable[[httpx.Request], httpx.Response]
"""What a Hub that is out of order answers; `FakeHub.outage` takes one."""


def down(request: httpx.Request) -> httpx.Response:
    """The connection is refused."""
    raise httpx.ConnectError("All connection attempts failed", request=request)


def slow(request: httpx.Request) -> httpx.Response:
    """There is a connection, but no answer in time."""
    raise httpx.ReadTimeout("", request=request)


def cut_off(request: httpx.Request) -> httpx.Response:
    """The connection ends before the end of the body."""
    raise httpx.RemoteProtocolError("peer closed connection without sending complete message body", request=request)


def half_body(_: httpx.Request) -> httpx.Response:
    """A proxy has cut off the answer."""
    return httpx.Response(200, content=b'{"kind": "user", "na', headers={"Content-Type": "application/json"})


def html(_: httpx.Request) -> httpx.Response:
    """A proxy answers instead of the Hub."""
    return httpx.Response(200, html="<!doctype html><title>Welcome to the Wi-Fi</title>")


def error_500(_: httpx.Request) -> httpx.Response:
    """The Hub has an internal error."""
    return httpx.Response(500, json={"status": 500, "message": "Internal Server Error"})


OUTAGES: Mapping[str, Outage] = {
    outage.__name__: outage for outage in (down, slow, cut_off, half_body, html, error_500)
}
"""Ways in which a Hub, or a proxy in front of it, fails, by name."""
