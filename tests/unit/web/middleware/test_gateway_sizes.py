"""Limits for URLs, headers and cookies."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import APIRouter, WebSocket

from service.auth.guard import CurrentUser
from service.auth.hardening import MAX_BODY
from service.server.protocol import MAX_HEAD, MAX_MESSAGE, MAX_PIPELINED
from service.testing.callers import NAVIGATION
from service.web.middleware.bodies import STRANGERS_BODY
from tests.unit.conftest import PREFIX, Service, connect

PROTOCOL = "v1.token.websocket.jupyter.org"
FORM = "application/x-www-form-urlencoded"
KB = 1024

router = APIRouter()


@router.websocket("/ws")
async def greet(websocket: WebSocket, user: CurrentUser) -> None:
    """Return the name of the caller."""
    await websocket.accept()
    await websocket.send_text(user.name)


@router.get("/open")
async def answer() -> str:
    """Answer everybody."""
    return "open"


SERVICE: Mapping[str, Any] = {"allow_token_in_url": True, "app": {"routers": [router]}}


@pytest.mark.parametrize(
    ("where", "headers", "status", "code"),
    [
        pytest.param("me", {"Authorization": f"Bearer {'x' * 1025}"}, 401, "invalid_token", id="token"),
        pytest.param("me", {"Authorization": f"Bearer {'x' * 200 * KB}"}, 401, "invalid_token", id="authorization"),
        pytest.param("me", {"Authorization": f"Bearer {' ' * 200 * KB}x"}, 401, "invalid_token", id="spaces"),
        pytest.param(f"me?token={'x' * 1025}", {}, 401, "invalid_token", id="token in address"),
        pytest.param(f"me?token={'x' * 16 * KB}", {}, 414, "uri_too_long", id="query"),
        pytest.param("x" * 16 * KB, {}, 414, "uri_too_long", id="path"),
        pytest.param(f"open?x={'x' * 16 * KB}", {}, 414, "uri_too_long", id="query of an open route"),
        pytest.param(f"oauth_callback?state=hub.{'x' * 15 * KB}&code=x", {}, 403, "sign_in_state", id="state"),
        pytest.param("me", {"Cookie": "a=b; " * 4 * KB}, 431, "request_header_fields_too_large", id="cookies"),
        pytest.param(
            "login", {"Cookie": "a=b; " * 4 * KB}, 431, "request_header_fields_too_large", id="cookies at sign-in"
        ),
        pytest.param(
            "oauth_callback?code=x&state=hub.x",
            {"Cookie": "a=b; " * 4 * KB},
            403,
            "sign_in_state",
            id="cookies at the callback, whose state is looked at first",
        ),
        pytest.param("me", {"Cookie": f"service-fastapi={'x' * 15 * KB}"}, 401, "not_signed_in", id="one cookie"),
    ],
)
async def test_too_long(service: Service, where: str, headers: dict[str, str], status: int, code: str) -> None:
    """A request that is too long gets a problem, and the Hub is not asked."""
    service.hub.requests.clear()
    async with service.api(headers=headers) as api:
        reply = await api.get(where)

    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert service.hub.requests == []


@pytest.mark.parametrize(
    ("where", "subprotocols", "headers", "status"),
    [
        pytest.param("ws", [PROTOCOL, f"{PROTOCOL}.{'x' * 1025}"], {}, 401, id="token"),
        pytest.param("ws", [PROTOCOL] * KB, {}, 431, id="many subprotocols"),
        pytest.param("ws", [f"{PROTOCOL}.{'x' * 9 * KB}"], {}, 431, id="one subprotocol"),
        pytest.param("ws", [], {"Cookie": "a=b; " * 4 * KB}, 431, id="cookies"),
        pytest.param(f"ws?token={'x' * 16 * KB}", [], {}, 414, id="address"),
    ],
)
async def test_too_long_for_a_handshake(
    service: Service, where: str, subprotocols: list[str], headers: dict[str, str], status: int
) -> None:
    """A WebSocket handshake is refused in the same way."""
    service.hub.requests.clear()
    handshake = await connect(service, where, subprotocols=subprotocols, headers=headers)

    assert handshake.status == status
    assert service.hub.requests == []


async def test_a_browser_with_too_many_cookies(service: Service) -> None:
    """The browser gets a page that says what to do, and no redirect loop."""
    async with service.api(headers=NAVIGATION | {"Cookie": "a=b; " * 4 * KB}) as browser:
        reply = await browser.get("me")

    assert reply.status_code == 431
    assert "Delete this site" in reply.text


async def test_a_long_next_goes_to_the_start_page(service: Service) -> None:
    """A `next` that is too long is dropped before it is parsed, sealed or sent to the Hub."""
    async with service.api(headers=NAVIGATION) as browser:
        short = await browser.get("login")
        long = await browser.get("login", params={"next": f"{PREFIX}{'x' * 2000}"})

    assert long.status_code == 302
    assert abs(len(long.headers["Location"]) - len(short.headers["Location"])) < 50


async def test_a_long_session_id(service: Service) -> None:
    """Our cookie belongs to the Hub session it was made in, so with another session id it signs nobody in."""
    token = service.hub.issue("testuser", session_id=None)
    sealed = service.sealed(token)
    async with service.api(
        headers={"Cookie": f"service-fastapi={sealed}; jupyterhub-session-id={'x' * 8 * KB}"}
    ) as api:
        reply = await api.get("me")

    assert (reply.status_code, reply.json()["code"]) == (400, "cookie_conflict")


@pytest.mark.parametrize(
    "cookies",
    [
        pytest.param("_xsrf=x; " * 1700, id="xsrf"),
        pytest.param("a=b; " * 3200, id="others"),
        pytest.param("service-fastapi=x; " * 800, id="ours"),
        pytest.param("service-fastapi-oauth-state=x; " * 500, id="sign-ins under way"),
        pytest.param("".join(f"service-fastapi-oauth-state-{number}=x; " for number in range(450)), id="many sign-ins"),
        pytest.param("jupyterhub-session-id=x; " * 600, id="sessions"),
        pytest.param(";" * 16_000, id="nothing"),
        pytest.param("=" * 16_000, id="equals"),
    ],
)
@pytest.mark.parametrize("where", ["me", "login", "oauth_callback?state=hub.x&code=x"])
async def test_many_cookies_cost_little(service: Service, where: str, cookies: str) -> None:
    """Any number of cookies is handled quickly and without an error."""
    async with service.api(headers=NAVIGATION | {"Cookie": cookies}) as browser:
        begun = time.process_time()
        reply = await browser.get(where)
        took = time.process_time() - begun

    assert reply.status_code < 500
    assert took < 1


@pytest.mark.parametrize("fields", ["_xsrf=x&" * 100_000, "a&" * 400_000, "%" * 900_000, "_xsrf=" + "x" * 900_000])
async def test_a_form_of_many_fields_is_no_failure(service: Service, fields: str) -> None:
    """A form with many fields, where the XSRF token is searched, causes no error."""
    browser = await service.signed_in()
    begun = time.process_time()
    reply = await browser.fetch("POST", f"{service.home}logout", content=fields, headers={"Content-Type": FORM})
    took = time.process_time() - begun

    assert reply.status_code in {400, 403}
    assert took < 5


def test_the_sizes_are_those_of_the_manual() -> None:
    """They are those that docs/operate.md names: with more, strangers could fill the memory."""
    assert (MAX_HEAD, MAX_BODY, STRANGERS_BODY, MAX_MESSAGE) == (64 * KB, KB * KB, 256 * KB, KB * KB)
    assert MAX_PIPELINED == 16
