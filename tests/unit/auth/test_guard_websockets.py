"""Who may open a WebSocket: every credential counts, and the cookie also needs our Origin and the XSRF token."""

import json
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any

import pytest
from fastapi import APIRouter, WebSocket

from service.auth.errors import NotAdmittedError
from service.auth.guard import CurrentUser
from service.testing import OUTAGES
from tests.unit.conftest import ORIGIN, SESSION_ID, Handshake, Serve, Service, connect

router = APIRouter()
PROTOCOL = "v1.token.websocket.jupyter.org"


@router.websocket("/ws")
async def greet(websocket: WebSocket, user: CurrentUser) -> None:
    """Say who is there."""
    offered = websocket.scope["subprotocols"]
    await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    await websocket.send_text(user.name)


@router.websocket("/late")
async def refuse(websocket: WebSocket, _user: CurrentUser) -> None:
    """Find out only afterwards that somebody must go."""
    await websocket.accept()
    raise NotAdmittedError


@router.websocket("/broken")
async def fail(websocket: WebSocket, user: CurrentUser) -> None:
    """Fail in a way that nobody foresaw."""
    await websocket.accept()
    raise RuntimeError(user.name)


SERVICE: Mapping[str, Any] = {"app": {"routers": [router]}}


async def cookies(service: Service, *, session_id: str | None = SESSION_ID) -> dict[str, str]:
    """Return the headers with which a signed-in browser opens a WebSocket from one of our pages."""
    browser = await service.signed_in(session_id=session_id)
    cookies = {name: value for (name, _path), value in browser.cookies().items()}
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "Origin": ORIGIN}


def xsrf_of(headers: Mapping[str, str]) -> str:
    """Return the XSRF token among these cookies."""
    return SimpleCookie(headers["Cookie"])["_xsrf"].value


def refusal(handshake: Handshake) -> tuple[int, str]:
    """Return status and code of a refused handshake."""
    return handshake.status, json.loads(handshake.text)["code"]


async def test_header(service: Service) -> None:
    """A client that can set headers sends its token in one. Its Origin does not matter then."""
    token = service.hub.issue("testuser")
    headers = {"Authorization": f"token {token}", "Origin": "https://elsewhere.test"}

    assert await connect(service, "ws", headers=headers) == Handshake(101, text="testuser")


async def test_subprotocol(service: Service) -> None:
    """A page cannot set headers, so a page of any origin may send a token as a subprotocol. It is not sent back."""
    offered = [PROTOCOL, f"{PROTOCOL}.{service.hub.issue('testuser')}"]
    headers = {"Origin": "https://elsewhere.test"}
    opened = await connect(service, "ws", headers=headers, subprotocols=offered)

    assert opened == Handshake(101, text="testuser")


async def test_token_in_url_follows_its_switch(serve: Serve, service: Service) -> None:
    """`?token=` opens a WebSocket where tokens in URLs are allowed, and is not looked at where they are not."""
    allowing = await serve(allow_token_in_url=True, **SERVICE)
    where = [f"ws?token={each.hub.issue('testuser')}" for each in (allowing, service)]

    assert await connect(allowing, where[0]) == Handshake(101, text="testuser")
    assert refusal(await connect(service, where[1])) == (401, "not_signed_in")


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (ORIGIN, 101),
        (None, 403),
        ("null", 403),
        ("http://elsewhere.test", 403),
        (f"{ORIGIN}:8000", 403),
        ("http://[", 403),
    ],
)
async def test_a_cookie_needs_our_origin(service: Service, origin: str | None, expected: int) -> None:
    """The cookie counts only from our own pages. Browsers send it from any page, but always with the page's origin."""
    headers = await cookies(service) | {"Origin": origin or ""}
    if origin is None:
        del headers["Origin"]
    answered = await connect(service, f"ws?_xsrf={xsrf_of(headers)}", headers=headers)

    assert answered.status == expected
    assert expected == 101 or refusal(answered) == (403, "origin")


@pytest.mark.parametrize("query", ["", "?_xsrf=", "?_xsrf=x", "?_xsrf=x&_xsrf={xsrf}"])
async def test_a_cookie_needs_the_xsrf_token(service: Service, query: str) -> None:
    """The cookie needs the XSRF token in the address: another user's notebook has our origin, but not the token."""
    headers = await cookies(service)
    xsrf = xsrf_of(headers)

    assert refusal(await connect(service, f"ws{query.format(xsrf=xsrf)}", headers=headers)) == (403, "xsrf")
    assert (await connect(service, f"ws?_xsrf={xsrf}", headers=headers)).status == 101


async def test_public_host_says_what_our_origin_is(serve: Serve) -> None:
    """If PUBLIC_HOST is set, its origin is ours, whatever Host header a proxy sends."""
    service = await serve(public_host="https://hub.example.org", **SERVICE)
    headers = await cookies(service)

    for origin, expected in (("https://hub.example.org", 101), ("https://10.0.0.1", 403)):
        sent = headers | {"Origin": origin, "Host": "10.0.0.1"}
        assert (await connect(service, f"ws?_xsrf={xsrf_of(headers)}", headers=sent)).status == expected


async def test_cookies_can_be_turned_off(serve: Serve) -> None:
    """With JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH=0 no cookie opens a WebSocket; a token still does."""
    service = await serve(allow_websocket_cookie=False, **SERVICE)
    token = service.hub.issue("testuser")

    assert refusal(await connect(service, "ws", headers=await cookies(service))) == (403, "origin")
    assert (await connect(service, "ws", headers={"Authorization": f"token {token}"})).status == 101


async def test_the_cookie_is_bound_to_its_session_here_too(service: Service) -> None:
    """In another session of the Hub the cookie does not count."""
    headers = await cookies(service)
    stolen = headers["Cookie"].replace(SESSION_ID, "f" * 32)
    answered = await connect(service, "ws", headers=headers | {"Cookie": stolen})

    assert refusal(answered) == (401, "not_signed_in")


async def test_a_header_cannot_make_a_request_a_websocket(service: Service) -> None:
    """`Sec-Fetch-Mode: websocket` does not make a POST a WebSocket: it still needs the XSRF token."""
    browser = await service.signed_in()
    reply = await browser.fetch("POST", "logout", headers={"Sec-Fetch-Mode": "websocket"})

    assert (reply.status_code, reply.json()["code"]) == (403, "xsrf")


async def test_nobody(service: Service) -> None:
    """Without a credential, or with a bad one, the handshake is answered as an API client's request is."""
    nobody = await connect(service, "ws")
    stranger = await connect(service, "ws", headers={"Authorization": "Bearer wrong", "Accept": "text/html"})

    assert (refusal(nobody), refusal(stranger)) == ((401, "not_signed_in"), (401, "invalid_token"))
    assert nobody.headers["content-type"] == "application/problem+json"
    assert nobody.headers["cache-control"] == "no-store"


async def test_known_but_not_allowed(service: Service) -> None:
    """Scopes hold for WebSockets as for requests."""
    token = service.hub.issue("testuser", scopes=[])

    refused = await connect(service, "ws", headers={"Authorization": f"token {token}"})

    assert refusal(refused) == (403, "insufficient_scope")


async def test_an_outage(serve: Serve) -> None:
    """A Hub that cannot be asked is a 503 here too."""
    service = await serve(**SERVICE)
    service.hub.outage = OUTAGES["error_500"]

    assert refusal(await connect(service, "ws", headers={"Authorization": "token x"})) == (503, "hub_unavailable")


async def test_a_server_that_knows_no_refusal_but_closing(service: Service) -> None:
    """If the server cannot send an HTTP answer to a handshake, the handshake is closed with 403."""
    assert await connect(service, "ws", extensions=()) == Handshake(403)


async def test_a_refusal_after_the_opening(service: Service) -> None:
    """If the route refuses a caller after accepting, the WebSocket is closed with 1008 (RFC 6455 section 7.4.1)."""
    headers = {"Authorization": f"token {service.hub.issue('testuser')}"}

    assert await connect(service, "late", headers=headers) == Handshake(101, closed=1008)


async def test_a_failure_after_the_opening(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """If the route fails, the log has a line without the failure's text, and the server ends the connection."""
    headers = {"Authorization": f"token {service.hub.issue('testuser')}"}

    with pytest.raises(ConnectionAbortedError) as raised:
        await connect(service, "broken", headers=headers)

    assert caplog.messages[0].startswith(f"Unexpected RuntimeError [{raised.value}] at ")
    assert "testuser" not in caplog.text
