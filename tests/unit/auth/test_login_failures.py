"""Sign-ins that fail: a page says what went wrong, and nobody is signed in."""

import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from service.hub import oauth
from service.hub.sealing import Sealer
from service.testing import OUTAGES
from tests.support.session import Session
from tests.unit.conftest import API_TOKEN, AUTH_COOKIE, ORIGIN, PREFIX, STATE_COOKIE, Serve, Service

CALLBACK = f"{PREFIX}oauth_callback"


def at(reply: httpx.Response) -> tuple[int, str]:
    """Return status and target of a redirect."""
    return reply.status_code, reply.headers.get("Location", "")


def state_cookies(browser: Session) -> set[str]:
    """Return the names of the sign-ins under way in a browser."""
    return {name for name, _path in browser.cookies() if name.startswith(STATE_COOKIE)}


async def test_replay(service: Service) -> None:
    """A callback's address works once. The browser that used it goes on, and no other browser gets in by it."""
    browser = service.browser()
    begun = await browser.visit("me", follow=False)
    callback = service.authorized(begun)
    await browser.visit(callback, follow=False)
    exchanges = service.hub.count("POST", "/oauth2/token")
    again, elsewhere = await browser.visit(callback, follow=False), await service.browser().visit(callback)

    assert at(again) == (302, f"{PREFIX}me")
    assert (elsewhere.status_code, "sign_in_state" in elsewhere.text) == (403, True)
    assert service.hub.count("POST", "/oauth2/token") == exchanges


async def test_a_state_from_another_browser(service: Service) -> None:
    """Nobody is signed in as somebody else by being sent to the callback of a sign-in that another browser began."""
    eve, victim, busy = service.browser(), service.browser(), service.browser()
    callback = service.authorized(await eve.visit("me", follow=False))
    await busy.visit("me", follow=False)
    refused, anew = await victim.visit(callback, follow=False), await busy.visit(callback, follow=False)

    assert (refused.status_code, victim.cookie(AUTH_COOKIE)) == (403, None)
    assert "Sign in with JupyterHub" in refused.text
    assert (anew.headers["Location"].startswith("/hub/api/oauth2/authorize?"), busy.cookie(AUTH_COOKIE)) == (True, None)


async def test_an_attempt_takes_ten_minutes_at_most(service: Service) -> None:
    """A sign-in begun more than ten minutes ago cannot be finished, even where the browser kept the cookie."""
    attempt = oauth.begin(
        oauth.Client("service-fastapi", CALLBACK, "/hub/api/oauth2/authorize", SecretStr("x")),
        sealer=Sealer(API_TOKEN, purpose="oauth state", now=lambda: time.time() - 601),
        next_url=PREFIX,
        cookie_base=STATE_COOKIE,
    )
    browser = service.browser()
    service.keep(browser, attempt.cookie_name, attempt.cookie_value)
    reply = await browser.visit(service.hub.authorize(attempt.url))

    assert (reply.status_code, "sign_in_state" in reply.text) == (403, True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, (400, "sign_in_incomplete"), id="nothing"),
        pytest.param({"code": "abc"}, (400, "sign_in_incomplete"), id="no state"),
        pytest.param({"state": "{state}"}, (400, "sign_in_incomplete"), id="no code"),
        pytest.param({"state": "{state}", "error": "access_denied"}, (400, "sign_in_refused"), id="refused"),
        pytest.param({"error": "invalid_scope"}, (400, "sign_in_refused"), id="refused, no state"),
        pytest.param({"state": "{state}", "code": "wrong"}, (400, "sign_in_failed"), id="wrong code"),
        pytest.param({"state": "hub.forged", "code": "abc"}, (403, "sign_in_state"), id="forged state"),
        pytest.param({"state": "hub.", "code": "abc"}, (403, "sign_in_state"), id="empty state"),
        pytest.param({"state": "{state}x", "code": "abc"}, (403, "sign_in_state"), id="changed state"),
    ],
)
async def test_callbacks_that_fail(service: Service, query: Mapping[str, str], expected: tuple[int, str]) -> None:
    """A callback that fails shows a page with the reason and a link to start again, and signs nobody in."""
    browser = service.browser()
    begun = await browser.visit("me", follow=False)
    state = httpx.URL(begun.headers["Location"]).params["state"]
    reply = await browser.visit("oauth_callback", params={k: v.format(state=state) for k, v in query.items()})

    assert (reply.status_code, expected[1] in reply.text) == (expected[0], True)
    assert f'href="{PREFIX}login">Sign in with JupyterHub' in reply.text
    assert browser.cookie(AUTH_COOKIE) is None


async def test_the_hubs_words_are_not_repeated(service: Service) -> None:
    """An error that is not OAuth's is not shown: anybody can write one into a link."""
    reply = await service.browser().visit("oauth_callback?error=<b>call+0900-EVIL</b>&state=hub.x")

    assert (reply.status_code, "EVIL" in reply.text) == (400, False)


@pytest.mark.parametrize(("outage", "status"), [("down", 503), ("slow", 503), ("error_500", 503), ("html", 503)])
async def test_an_outage_in_between(serve: Serve, outage: str, status: int) -> None:
    """If the Hub fails during a sign-in, the same callback works once the Hub is back."""
    service = await serve()
    browser = service.browser()
    callback = service.authorized(await browser.visit("me", follow=False))
    service.hub.outage = OUTAGES[outage]
    failed = await browser.visit(callback, follow=False)
    service.hub.outage = None
    again = await browser.visit(callback, follow=False)

    assert (failed.status_code, browser.cookie(AUTH_COOKIE) is not None) == (status, True)
    assert at(again) == (302, f"{PREFIX}me")


async def test_a_session_that_changed_on_the_way(service: Service) -> None:
    """If the session at the Hub has changed during a sign-in, the reader gets a page, and not endless redirects."""
    browser = service.browser()
    callback = service.authorized(await browser.visit("me", follow=False), session_id="a" * 32)
    reply = await browser.visit(callback, follow=False)

    assert (reply.status_code, "sign_in_failed" in reply.text, browser.cookie(AUTH_COOKIE)) == (400, True, None)
    assert state_cookies(browser) == set()


OWN_HOST: Mapping[str, Any] = {"public_host": ORIGIN, "hub_host": "http://hub.example.org"}


async def came_back(service: Service, *, challenge: bool) -> tuple[Session, httpx.Response]:
    """Finish a sign-in without the Hub's session cookie, with a code of its own or one without a challenge."""
    browser = service.browser(session_id=None)
    begun = await browser.visit("me", follow=False)
    callback = service.authorized(begun, session_id="a" * 32)
    if not challenge:
        service.hub.add_user("victim")
        stolen = service.hub.grant("victim", session_id="a" * 32)
        callback = str(httpx.URL(callback).copy_set_param("code", stolen))
    return browser, await browser.visit(callback, follow=False)


@pytest.mark.parametrize("challenge", [True, False], ids=["its own code", "a stolen one"])
async def test_without_the_hubs_session(service: Service, challenge: bool) -> None:  # noqa: FBT001 - a table
    """Where we share the Hub's host, its session cookie comes with each sign-in: without it no code is exchanged."""
    before = service.hub.count("POST", "/oauth2/token")
    browser, reply = await came_back(service, challenge=challenge)

    assert (reply.status_code, "session cookie must come" in reply.text) == (400, True)
    assert (browser.cookie(AUTH_COOKIE), state_cookies(browser)) == (None, set())
    assert service.hub.count("POST", "/oauth2/token") == before


@pytest.mark.parametrize(("challenge", "status"), [(True, 302), (False, 400)], ids=["its own code", "a stolen one"])
async def test_where_the_hubs_session_does_not_come(serve: Serve, challenge: bool, status: int) -> None:  # noqa: FBT001
    """On a host of our own, a sign-in without that cookie works with a code for which the Hub demands the verifier."""
    service = await serve(**OWN_HOST)
    browser, reply = await came_back(service, challenge=challenge)

    assert (reply.status_code, browser.cookie(AUTH_COOKIE) is not None) == (status, challenge)


async def test_a_hub_that_checks_no_verifier(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """There JupyterHub 5, which takes every code without a verifier, does not end sign-ins."""
    monkeypatch.setattr("service.testing.fake_hub.api.VERSION", "5.5.0")
    service = await serve(**OWN_HOST)
    browser, reply = await came_back(service, challenge=False)

    assert (reply.status_code, browser.cookie(AUTH_COOKIE) is not None) == (302, True)


async def test_another_api_token_ends_everything(serve: Serve) -> None:
    """After a restart with another API token, sessions and sign-ins under way begin again, without a failure."""
    before, after = await serve(), await serve(api_token="another-token")
    begun = await (newcomer := before.browser()).visit("me", follow=False)
    callback = before.authorized(begun)
    (late := after.browser()).client.cookies.update(newcomer.client.cookies)
    (known := after.browser()).client.cookies.update((await before.signed_in()).client.cookies)

    assert (await late.visit(callback, follow=False)).status_code == 403
    assert (await known.visit("me", follow=False)).headers["Location"].startswith("/hub/api/oauth2/authorize?")
