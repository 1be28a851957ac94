"""How a Hub fails to answer: each takes a request and returns, or raises, what httpx would."""

from collections.abc import Callable, Mapping

import httpx

Outage = Callable[[httpx.Request], httpx.Response]


def down(request: httpx.Request) -> httpx.Response:
    """Nobody listens."""
    raise httpx.ConnectError("All connection attempts failed", request=request)


def slow(request: httpx.Request) -> httpx.Response:
    """The connection stands and no answer comes in time."""
    raise httpx.ReadTimeout("", request=request)


def cut_off(request: httpx.Request) -> httpx.Response:
    """The connection ends before the announced end of the body."""
    raise httpx.RemoteProtocolError("peer closed connection without sending complete message body", request=request)


def half_body(_: httpx.Request) -> httpx.Response:
    """Something in between has shortened the answer."""
    return httpx.Response(200, content=b'{"kind": "user", "na', headers={"Content-Type": "application/json"})


def html(_: httpx.Request) -> httpx.Response:
    """Something in between answers in the Hub's place."""
    return httpx.Response(200, html="<!doctype html><title>Welcome to the Wi-Fi</title>")


def error_500(_: httpx.Request) -> httpx.Response:
    """The Hub has an error of its own."""
    return httpx.Response(500, json={"status": 500, "message": "Internal Server Error"})


OUTAGES: Mapping[str, Outage] = {
    outage.__name__: outage for outage in (down, slow, cut_off, half_body, html, error_500)
}
