"""`?token=`, where it is turned on and where it is not."""

from urllib.parse import parse_qs, urlsplit

import pytest

from service.testing.callers import NAVIGATION
from tests.integration.conftest import MIGHTY
from tests.support.hub import RealHub

COOKIE = "service-fastapi"
TYPED = {"Sec-Fetch-Site": "none"}  # what a browser says of an address that was typed, or opened by another program
UNKNOWN = "0123456789abcdef0123456789abcdef"


async def test_signs_a_script_in(hub: RealHub) -> None:
    """Where it is on, a token in the address is as good as one in a header, and sets no cookie."""
    token = await hub.user_token("testuser")

    reply = await hub.ask("GET", f"me?token={token.value}")

    assert (reply.status_code, reply.json()["name"]) == (200, "testuser")
    assert "Set-Cookie" not in reply.headers


async def test_signs_a_browser_in_and_goes_away(hub: RealHub) -> None:
    """Who opens a page with a token in its address, and says yes, comes to it without the token, signed in."""
    token = await hub.user_token("testuser")
    async with hub.session() as browser:
        opened = await browser.visit(f"{hub.service_url}me?a=1&token={token.value}&b=%2F", follow=False, headers=TYPED)
        assert (opened.status_code, opened.headers["Location"]) == (303, f"{hub.service_path}login/token")
        assert opened.headers["Referrer-Policy"] == "strict-origin"
        question = await browser.visit(opened.headers["Location"], headers=TYPED)
        assert browser.cookie(COOKIE) is None

        page = await browser.submit(question)

        assert (page.status_code, str(page.url)) == (200, f"{hub.service_url}me?a=1&b=%2F")
        assert "testuser" in page.text
        for step in (opened, question, *page.history, page):
            assert token.value not in f"{step.headers}{step.text}"


async def test_goes_away_under_an_encoded_base_url(varied_hub: RealHub) -> None:
    """Where the browser goes on to is the address it asked for, letter by letter but for the token."""
    token = await varied_hub.user_token("testuser")
    home = varied_hub.service_at(MIGHTY)
    async with varied_hub.session() as browser:
        question = await browser.visit(f"{home}me?token={token.value}&a=%20", headers=TYPED)
        page = await browser.submit(question)

    assert (page.status_code, str(page.url)) == (200, f"{home}me?a=%20")


async def test_does_not_replace_somebody_else(hub: RealHub) -> None:
    """A link with a stranger's token does not sign one in as the stranger."""
    token = await hub.user_token("other")
    async with hub.session("testuser") as browser:
        await browser.visit(f"{hub.service_url}me")
        before = browser.cookie(COOKIE)

        question = await browser.visit(f"{hub.service_url}me?token={token.value}", headers=TYPED)
        page = await browser.visit(f"{hub.service_url}me")

        assert "You are signed in as <strong>testuser</strong> now" in question.text
        assert (page.status_code, "testuser" in page.text) == (200, True)
        assert browser.cookie(COOKIE) == before


@pytest.mark.parametrize("is_on", [True, False], ids=["where it is on", "where it is off"])
async def test_is_not_kept_on_the_way_to_the_hub(request: pytest.FixtureRequest, is_on: bool) -> None:  # noqa: FBT001
    """Whoever must sign in first comes back to the page without the token that did not help."""
    at: RealHub = request.getfixturevalue("hub" if is_on else "varied_hub")
    value = UNKNOWN if is_on else (await at.user_token("testuser")).value
    async with at.session("testuser") as browser:
        page = await browser.visit(f"{at.service_url}me?token={value}&a=1")

    assert (page.status_code, str(page.url)) == (200, f"{at.service_url}me?a=1")
    for step in page.history:
        assert value not in f"{step.headers}{step.text}"


async def test_signs_nobody_in_where_it_is_off(varied_hub: RealHub) -> None:
    """Where nothing was said it is off: a good token in the address counts for nothing."""
    token = await varied_hub.user_token("testuser")

    told = await varied_hub.ask("GET", f"me?token={token.value}")
    shown = await varied_hub.ask("GET", f"me?token={token.value}", headers=NAVIGATION)

    assert (told.status_code, told.json()["code"]) == (401, "not_signed_in")
    assert shown.status_code == 302
    assert urlsplit(shown.headers["Location"]).path.endswith("/hub/api/oauth2/authorize")
    assert token.value not in str(parse_qs(urlsplit(shown.headers["Location"]).query))


async def test_stands_in_no_log(hub: RealHub, varied_hub: RealHub) -> None:
    """On or off, good or bad, however it is spelt: no process of the Hub writes the token down."""
    for at in (hub, varied_hub):
        token = await at.user_token("testuser")
        for query in (f"token={token.value}", f"%74oken={token.value}", f"next=%2Fme%3Ftoken%3D{token.value}"):
            for where in ("me", "", "login", "nothing-here"):
                await at.ask("GET", f"{where}?{query}")
                await at.ask("GET", f"{where}?{query}", headers=NAVIGATION)

        assert token.value not in at.log_text()
        assert "me?[hidden]" in at.log_text(), "the requests themselves are logged"
