"""Strangers who send one made-up token after another are soon refused without asking the Hub; nobody else is."""

import json
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import httpx
import pytest
from fastapi import APIRouter, WebSocket

from service.auth.guard import CurrentUser
from service.hub.throttle import FAILED_CODES_PER_ADDRESS, WRONG_TOKENS_PER_ADDRESS
from service.pkce import pkce_challenge
from tests.unit.conftest import ORIGIN, SESSION_ID, Serve, Service, connect

PROTOCOL = "v1.token.websocket.jupyter.org"

router = APIRouter()


@router.websocket("/ws")
async def greet(websocket: WebSocket, user: CurrentUser) -> None:
    """Say who is there."""
    await websocket.accept()
    await websocket.send_text(user.name)


class Answer(NamedTuple):
    """What a stranger sees."""

    status: int
    code: str
    retry_after: str | None


def seen(status: int, headers: httpx.Headers | dict[str, str], text: str) -> Answer:
    """Return what a stranger sees of an answer."""
    return Answer(status, json.loads(text)["code"], headers.get("retry-after"))


async def by_header(service: Service, token: str) -> Answer:
    """Send a token in a header."""
    async with service.api(token) as api:
        reply = await api.get("me")
    return seen(reply.status_code, reply.headers, reply.text)


async def by_address(service: Service, token: str) -> Answer:
    """Send a token in the address."""
    async with service.api() as api:
        reply = await api.get(f"me?token={token}")
    return seen(reply.status_code, reply.headers, reply.text)


async def by_subprotocol(service: Service, token: str) -> Answer:
    """Send a token as a WebSocket's subprotocol."""
    handshake = await connect(service, "ws", subprotocols=[PROTOCOL, f"{PROTOCOL}.{token}"])
    return seen(handshake.status, handshake.headers, handshake.text)


async def by_signing_out(service: Service, token: str) -> Answer:
    """Have a token delete itself."""
    async with service.api(token) as api:
        reply = await api.post("logout")
    return seen(reply.status_code, reply.headers, reply.text)


@pytest.fixture
async def crowded(serve: Serve) -> Service:
    """A service that takes tokens everywhere."""
    return await serve(allow_token_in_url=True, app={"routers": [router]})


Way = Callable[[Service, str], Awaitable[Answer]]
WAYS = pytest.mark.parametrize("way", [by_header, by_address, by_subprotocol, by_signing_out])


@WAYS
async def test_sixty_wrong_tokens_a_minute(crowded: Service, way: Way) -> None:
    """After sixty wrong tokens in a minute, more get 429 with the time to wait, however they come. No Hub is asked."""
    wrong = [await way(crowded, f"wrong-{number}") for number in range(WRONG_TOKENS_PER_ADDRESS)]
    refused = [await way(crowded, f"another-{number}") for number in range(5)]

    assert {answer[:2] for answer in wrong} == {(401, "invalid_token")}
    assert {answer[:2] for answer in refused} == {(429, "too_many_attempts")}
    assert all(1 <= int(answer.retry_after or 0) <= 60 for answer in refused)
    assert crowded.hub.count("GET", "/user") == WRONG_TOKENS_PER_ADDRESS


async def test_others_behind_the_same_address_notice_nothing(crowded: Service) -> None:
    """Tokens in the cache still work. So do cookies, old ones and new ones, because nobody can make one up."""
    known = crowded.hub.issue("testuser")
    before = await crowded.signed_in()
    async with crowded.api(known) as api:
        (await api.get("me")).raise_for_status()
        for number in range(WRONG_TOKENS_PER_ADDRESS + 1):
            await by_header(crowded, f"wrong-{number}")

        assert (await api.get("me")).status_code == 200
    assert (await by_header(crowded, crowded.hub.issue("testuser"))).status == 429
    assert (await before.visit("me")).status_code == 200
    after = await crowded.signed_in(session_id="f" * 32)
    assert (await after.visit("me")).status_code == 200


async def test_a_browser_gets_a_page(crowded: Service) -> None:
    """A browser gets a page with the same status and header. The start page, which is open to all, still opens."""
    for number in range(WRONG_TOKENS_PER_ADDRESS):
        await by_header(crowded, f"wrong-{number}")
    async with crowded.api("another", headers={"Accept": "text/html"}) as browser:
        refused, start = await browser.get("me"), await browser.get("")

    assert (refused.status_code, refused.headers["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert int(refused.headers["Retry-After"]) >= 1
    assert start.status_code == 200


async def test_made_up_cookies_never_reach_the_hub(crowded: Service) -> None:
    """The Hub is asked neither about a cookie that we did not seal, nor about a good one in another session."""
    browser = await crowded.signed_in()
    name = crowded.settings.client_id
    sealed = browser.cookie(name) or ""
    crowded.hub.requests.clear()
    async with crowded.api() as api:
        for number in range(3 * WRONG_TOKENS_PER_ADDRESS):
            made_up = f"{name}={sealed[:-8]}{number:08d}"
            elsewhere = f"{name}={sealed}; jupyterhub-session-id={number:032x}"
            for cookie in (made_up, elsewhere):
                reply = await api.get("me", headers={"Cookie": cookie})
                assert reply.status_code == 401

    assert crowded.hub.requests == []


async def exchange(service: Service, code: str) -> httpx.Response:
    """Send a code to the token endpoint, as from our own pages."""
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": "v" * 43}
    headers = {"Origin": ORIGIN, "Cookie": f"jupyterhub-session-id={SESSION_ID}"}
    async with service.api(headers=headers) as api:
        return await api.post("token", data=form)


async def come_back(service: Service, code: str) -> httpx.Response:
    """Begin to sign in, and come back with this code."""
    browser = service.browser()
    begun = await browser.visit("me", follow=False)
    state = httpx.URL(begun.headers["Location"]).params["state"]
    return await browser.visit("oauth_callback", params={"state": state, "code": code}, follow=False)


Exchange = Callable[[Service, str], Awaitable[httpx.Response]]


@pytest.mark.parametrize("way", [exchange, come_back])
async def test_sixty_failed_exchanges_a_minute(serve: Serve, way: Exchange) -> None:
    """After sixty failed codes in a minute, the token endpoint and the callback answer 429 without asking the Hub."""
    service = await serve()
    failed = [await way(service, f"junk-{number}") for number in range(FAILED_CODES_PER_ADDRESS)]
    asked = len(service.hub.requests)
    good = service.hub.grant("testuser", challenge=pkce_challenge("v" * 43), session_id=SESSION_ID)
    by_form, by_callback = await exchange(service, good), await come_back(service, good)

    assert {reply.status_code for reply in failed} == {400}
    assert (by_form.status_code, by_form.json()["error"]) == (429, "temporarily_unavailable")
    assert (by_callback.status_code, "Try again" in by_callback.text) == (429, True)
    assert all(1 <= int(reply.headers["Retry-After"]) <= 60 for reply in (by_form, by_callback))
    assert "set-cookie" not in by_callback.headers, "the sign-in can be ended later"
    assert asked == len(service.hub.requests) == FAILED_CODES_PER_ADDRESS


async def test_failed_exchanges_leave_others_alone(serve: Serve) -> None:
    """After many failed codes, sessions and tokens from the same address still work."""
    service = await serve()
    browser = await service.signed_in()
    for number in range(FAILED_CODES_PER_ADDRESS + 1):
        await exchange(service, f"junk-{number}")

    assert (await browser.visit("me")).status_code == 200
    async with service.api(service.hub.issue("testuser")) as api:
        assert (await api.get("me")).status_code == 200


async def test_a_cookie_of_a_token_that_is_void(serve: Serve) -> None:
    """However often a cookie with a revoked token is sent, the Hub is asked about it a few times at most."""
    service = await serve()
    browser = await service.signed_in()
    service.hub.revoke(service.token_of(browser))
    cookie = f"{service.settings.client_id}={browser.cookie(service.settings.client_id)}"
    before = len(service.hub.requests)
    async with service.api() as api:
        for number in range(3 * WRONG_TOKENS_PER_ADDRESS):
            for session in (f"jupyterhub-session-id={SESSION_ID}", f"jupyterhub-session-id={number:032x}", ""):
                await api.get("me", headers={"Cookie": f"{cookie}; {session}"})

    assert len(service.hub.requests) - before <= 4
