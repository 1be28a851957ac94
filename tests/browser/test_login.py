"""Signing in and out by cookie, wherever the service is."""

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Place

if TYPE_CHECKING:
    from tests.conftest import Browse

# Popups, cookies and what other sites try: in a browser as people have it.
pytestmark = pytest.mark.usefixtures("whole_chromium")

COOKIE = "service-fastapi"


async def test_in_and_out(place: Place, browse: "Browse") -> None:
    """The start page's link leads to the Hub and back; one click signs out here and there, and the cookies are gone."""
    browser = await browse(place.origin)
    page = await browser.page()
    await page.goto(place.service_url)
    await page.get_by_role("link", name="Sign in", exact=True).click()
    await browser.sign_in(page)
    await expect(page.get_by_text("You are signed in as testuser")).to_be_visible()
    signed_in_at, signed_in = page.url, await browser.cookies()

    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url(f"{place.hub_url}**")
    signed_out = await browser.cookies()
    await page.goto(f"{place.service_url}me")

    await expect(page.get_by_label("Username")).to_be_visible()
    assert page.url.startswith(f"{place.hub_url}login?")
    assert signed_in_at == place.service_url
    cookie = signed_in[COOKIE, place.hub.service_path]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    is_secure = place.origin.startswith("https:")
    assert {each["secure"] for (_, path), each in signed_in.items() if path == place.hub.service_path} == {is_secure}
    assert not [path for _, path in signed_out if path.startswith(place.hub.service_path)]
    assert (browser.foreign, browser.errors) == ([], [])


async def test_goes_on(plain: Place, browse: "Browse") -> None:
    """A protected page that is visited asks to sign in, and is what one sees afterwards, query included."""
    browser = await browse(plain.origin)
    page = await browser.page()
    await page.goto(f"{plain.service_url}me?so=%20me&and=%26")

    await browser.sign_in(page)

    await expect(page.get_by_role("heading", name="testuser")).to_be_visible()
    assert page.url == f"{plain.service_url}me?so=%20me&and=%26"
    assert (browser.foreign, browser.errors) == ([], [])


async def test_old_cookie(plain: Place, browse: "Browse") -> None:
    """A cookie kept from before signing out signs nobody in."""
    browser = await browse(plain.origin)
    page = await browser.page()
    await page.goto(f"{plain.service_url}me")
    await browser.sign_in(page)
    await page.wait_for_url(f"{plain.service_url}me")
    kept = (await browser.cookies())[COOKIE, plain.hub.service_path]
    await page.goto(f"{plain.service_url}logout")
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url(f"{plain.hub_url}**")

    await page.context.add_cookies([{"name": COOKIE, "value": str(kept["value"]), "url": plain.service_url}])
    await page.goto(f"{plain.service_url}me")

    await expect(page.get_by_label("Username")).to_be_visible()


async def test_somebody_else_afterwards(plain: Place, browse: "Browse") -> None:
    """Whoever signs in after another on the same browser is who the pages say they are."""
    browser = await browse(plain.origin)
    page = await browser.page()
    for user in ("testuser", "other"):
        await page.goto(f"{plain.service_url}me")
        await browser.sign_in(page, user)
        await expect(page.get_by_role("heading", name=user)).to_be_visible()
        # Out at the Hub alone: our cookie stays, and must not speak for the one before.
        await page.goto(f"{plain.hub_url}logout")
