"""WebSockets through the Hub's proxy to a real server: who is let in, and how the others are told."""

import json
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.integration.conftest import MIGHTY
from tests.support.hub import RealHub

SUBPROTOCOL = "v1.token.websocket.jupyter.org."
UNKNOWN = "0123456789abcdef0123456789abcdef"


async def greeted(hub: RealHub, query: str = "", *, headers: dict[str, str] | None = None, offers: str = "") -> str:
    """Open the WebSocket, and return what it says first: the caller's name; or what the refusal says."""
    url = f"{hub.service_at(MIGHTY)}talk{query}".replace("http", "ws", 1)
    opening = connect(url, additional_headers=headers, subprotocols=[offers] if offers else None, proxy=None)  # type: ignore[list-item]
    try:
        async with opening as socket:
            said = str(await socket.recv())
            with pytest.raises(ConnectionClosedError):
                await socket.recv()  # this route goes on to fail
            return said
    except InvalidStatus as refusal:
        return f"{refusal.response.status_code} {json.loads(refusal.response.body)['code']}"


async def test_tokens(varied_hub: RealHub) -> None:
    """A token signs a handshake in by header, subprotocol or, where that is on, address; a bad one is told so."""
    token = await varied_hub.user_token("testuser")

    assert await greeted(varied_hub) == "401 not_signed_in"
    assert await greeted(varied_hub, headers=token.bearer) == "testuser"
    assert await greeted(varied_hub, offers=f"{SUBPROTOCOL}{token.value}") == "testuser"
    assert await greeted(varied_hub, f"?token={token.value}") == "testuser"
    assert await greeted(varied_hub, f"?token={UNKNOWN}") == "401 invalid_token"
    assert await greeted(varied_hub, offers=f"{SUBPROTOCOL}{UNKNOWN}") == "401 invalid_token"
    narrow = await varied_hub.user_token("testuser", scopes=["read:users!user"])
    assert await greeted(varied_hub, headers=narrow.bearer) == "403 insufficient_scope"


async def test_cookies(varied_hub: RealHub) -> None:
    """A cookie signs in a handshake that one of our own pages asks for, and no other page's, also on our origin."""
    home = varied_hub.service_at(MIGHTY)
    async with varied_hub.session("testuser") as browser:
        await browser.visit(f"{home}me")
        cookies = "; ".join(f"{name}={value}" for (name, path), value in browser.cookies().items() if path in home)
        xsrf = browser.cookie("_xsrf", path=urlsplit(home).path)
    origin = f"{browser.url.scheme}://{browser.url.netloc.decode()}"

    signed = {"Cookie": cookies, "Origin": origin}
    assert await greeted(varied_hub, f"?_xsrf={xsrf}", headers=signed) == "testuser"
    assert await greeted(varied_hub, headers=signed) == "403 xsrf", "as another user's notebook would ask"
    for elsewhere in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        told = await greeted(varied_hub, f"?_xsrf={xsrf}", headers={"Cookie": cookies, **elsewhere})
        assert told == "403 origin"
