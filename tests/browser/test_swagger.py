"""Swagger UI signs in through the Hub and asks as whoever is signed in, wherever the service is."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Place
from tests.browser.swagger import Swagger
from tests.support.browser import Browser

if TYPE_CHECKING:
    from tests.conftest import Browse

# Popups, cookies and what other sites try: in a browser as people have it.
pytestmark = pytest.mark.usefixtures("whole_chromium")

# Chromium's line for each such answer.
UNAUTHORIZED = "{}me: Failed to load resource: the server responded with a status of 401 (Unauthorized)"


async def test_authorize(place: Place, browse: "Browse") -> None:
    """Authorize leads to the Hub's login in a window of its own, and Try it out then has a token: /me answers 200."""
    browser = await browse(place.origin)
    swagger = await Swagger.open(await browser.page(), place.service_url)

    await swagger.sign_in(browser.sign_in)
    me = await swagger.execute("/me")

    assert (me.status, (await me.json())["name"]) == (200, "testuser")
    assert "authorization" in await me.request.all_headers()
    assert not [name for name, path in await browser.cookies() if path == place.hub.service_path]
    assert (browser.foreign, browser.errors) == ([], [])


async def test_by_cookie(place: Place, browse: "Browse") -> None:
    """For somebody signed in Try it out answers 200 at once: its requests carry the XSRF token, which stays unseen."""
    browser = await browse(place.origin)
    page = await browser.page()
    await page.goto(f"{place.service_url}login?next={quote(place.hub.service_path)}docs")
    await browser.sign_in(page)
    await page.wait_for_url(f"{place.service_url}docs")

    swagger = await Swagger.open(page, place.service_url)
    me = await swagger.execute("/me")

    headers = await me.request.all_headers()
    assert (me.status, (await me.json())["name"]) == (200, "testuser")
    assert "authorization" not in headers
    assert headers["x-xsrftoken"] not in await page.locator("body").inner_text()
    assert (browser.foreign, browser.errors) == ([], [])


async def test_both(plain: Place, signed_in: Browser) -> None:
    """Cookie and token do not disturb each other: one can authorize while signed in, and forget the token again."""
    swagger = await Swagger.open(await signed_in.page(), plain.service_url)
    await swagger.open_dialog()
    await swagger.authorize()  # the Hub knows who it is, so its window asks nothing and closes
    await swagger.expect_authorized()
    await signed_in.save(swagger.page, "swagger-authorized")
    await swagger.close_dialog()
    by_token = await swagger.execute("/me")
    await swagger.open_dialog()
    await swagger.dialog.get_by_role("button", name="Remove authorization").click()
    await swagger.close_dialog()
    by_cookie = await swagger.execute("/me")

    assert (by_token.status, (await by_token.json())["name"]) == (200, "testuser")
    assert (by_cookie.status, (await by_cookie.json())["name"]) == (200, "testuser")
    assert "authorization" in await by_token.request.all_headers()
    assert "authorization" not in await by_cookie.request.all_headers()
    assert signed_in.errors == []


async def test_sign_out_by_cookie(plain: Place, browse: "Browse") -> None:
    """POST /logout from Swagger UI ends the session of the cookie, here and at the Hub."""
    browser = await browse(plain.origin)
    page = await browser.page()
    await page.goto(f"{plain.service_url}me")
    await browser.sign_in(page)
    await page.wait_for_url(f"{plain.service_url}me")

    swagger = await Swagger.open(page, plain.service_url)
    signed_out = await swagger.execute("/logout")
    me = await swagger.execute("/me")

    assert (signed_out.status, me.status) == (303, 401)
    assert await browser.cookies() == {}
    await page.goto(f"{plain.service_url}me")
    await expect(page.get_by_label("Username")).to_be_visible()


async def test_sign_out_by_token(plain: Place, browse: "Browse") -> None:
    """POST /logout with a token of one's own deletes the token: the next request with it is refused."""
    token = await plain.hub.user_token("testuser")
    browser = await browse(plain.origin)
    swagger = await Swagger.open(await browser.page(), plain.service_url)
    await swagger.enter_token(token.value)

    before, signed_out, after = [await swagger.execute(path) for path in ("/me", "/logout", "/me")]

    assert (before.status, signed_out.status, after.status) == (200, 204, 401)
    assert browser.errors == [UNAUTHORIZED.format(plain.service_url)]


async def test_not_authorized(plain: Place, browse: "Browse") -> None:
    """When the Hub refuses the page says so, when its window is closed the page waits, and the next attempt works."""
    browser = await browse(plain.origin)
    swagger = await Swagger.open(await browser.page(), plain.service_url)
    await swagger.open_dialog()

    window = await swagger.authorize()
    await window.wait_for_url("**/hub/login**")
    asked = parse_qs(urlsplit(parse_qs(urlsplit(window.url).query)["next"][0]).query)
    answer = f"{plain.service_url}oauth_callback?error=access_denied&state={quote(asked['state'][0])}"
    async with window.expect_event("close"):
        await window.evaluate("address => { window.location = address; }", answer)
    await expect(swagger.dialog).to_contain_text("access_denied")
    window = await swagger.authorize()
    await window.close()
    window = await swagger.authorize()
    await browser.sign_in(window)
    await swagger.expect_authorized()
    await swagger.close_dialog()
    me = await swagger.execute("/me")

    assert me.status == 200
    assert browser.errors == []
