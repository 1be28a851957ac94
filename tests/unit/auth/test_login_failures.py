"""Sign-ins that fail: a page says what went wrong, and nobody is signed in."""

import time
from collections.abc import Mapping

import httpx
import pytest
from pydantic import SecretStr

from service.hub import oauth
from service.hub.sealing import Sealer
from service.testing import OUTAGES
from tests.support.session import Session
from tests.unit.conftest import API_TOKEN, AUTH_COOKIE, PREFIX, STATE_COOKIE, Serve, Service

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


async def test_another_api_token_ends_everything(serve: Serve) -> None:
    """After a restart with another API token, sessions and sign-ins under way begin again, without a failure."""
    before, after = await serve(), await serve(api_token="another-token")
    begun = await (newcomer := before.browser()).visit("me", follow=False)
    callback = before.authorized(begun)
    (late := after.browser()).client.cookies.update(newcomer.client.cookies)
    (known := after.browser()).client.cookies.update((await before.signed_in()).client.cookies)

    assert (await late.visit(callback, follow=False)).status_code == 403
    assert (await known.visit("me", follow=False)).headers["Location"].startswith("/hub/api/oauth2/authorize?")
