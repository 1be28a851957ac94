"""The Hub's page to change a password, in a browser; and what a thief of the old one has left in theirs."""

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Place, place_of
from tests.conftest import MakeHub
from tests.support.polling import eventually

if TYPE_CHECKING:
    from tests.conftest import Browse

FIRST, SECOND = "first of all passwords", "second to none of them"
# Each test changes the password of one of them.
NAMES = ("admin", "testuser", "other", "colleague")


@pytest.fixture(scope="module")
def accounts(make_shared_hub: MakeHub) -> Place:
    """A Hub with accounts, and the service, which asks the Hub anew after half a second."""
    config = f"""
c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"
c.PasswordAuthenticator.first_users = {dict.fromkeys(NAMES, FIRST)!r}
"""
    return place_of(make_shared_hub(users=NAMES, register={"environment": {"HUB_CACHE_TTL": "0.5"}}, config=config))


async def fill_in(page: Page, *, old: str = "", new: str = SECOND) -> None:
    """Fill in the form for a password, and send it."""
    if old:
        await page.get_by_label("Old password").fill(old)
    await page.get_by_label("New password", exact=True).fill(new)
    await page.get_by_label("New password again").fill(new)
    await page.get_by_role("button", name="Change the password").click()


async def test_a_thief_loses_their_session(accounts: Place, browse: "Browse") -> None:
    """A change in one browser ends the other's session at the service; one's own tab there stays as it is."""
    owner, thief = await browse(accounts.origin), await browse(accounts.origin)
    me = f"{accounts.service_url}me"
    tab, theirs = await owner.page(), await thief.page()
    for browser, page in ((owner, tab), (thief, theirs)):
        await page.goto(me)
        await browser.sign_in(page, password=FIRST)
        await page.wait_for_url(me)

    page = await owner.page()
    await page.goto(f"{accounts.hub_url}change-password")
    await expect(page.get_by_label("Delete my API tokens")).not_to_be_checked()
    await owner.save(page, "change-password")
    await fill_in(page, old=FIRST)
    await expect(page.get_by_role("status")).to_contain_text("signed out everywhere except in this browser")
    await owner.save(page, "change-password-done")

    async def is_asked_for_a_password() -> bool:
        await theirs.goto(me)
        return theirs.url.startswith(f"{accounts.hub_url}login")

    await eventually(is_asked_for_a_password)
    await tab.reload()
    await expect(tab).to_have_url(me)
    await expect(tab.get_by_text("testuser").first).to_be_visible()


async def test_all_tokens_with_it(accounts: Place, browse: "Browse") -> None:
    """With the box ticked the page says how many API tokens are gone, and one's own tab signs in again by itself."""
    owner = await browse(accounts.origin)
    me = f"{accounts.service_url}me"
    tab = await owner.page()
    await tab.goto(me)
    await owner.sign_in(tab, "other", password=FIRST)
    await tab.wait_for_url(me)
    token = await accounts.hub.user_token("other")

    page = await owner.page()
    await page.goto(f"{accounts.hub_url}change-password")
    await page.get_by_label("Delete my API tokens").check()
    await fill_in(page, old=FIRST)
    await expect(page.get_by_role("status")).to_contain_text("1 API token was deleted")

    assert (await accounts.hub.api("GET", "/user", token=token)).status_code == 403
    await tab.reload()
    await expect(tab).to_have_url(me)
    await expect(tab.get_by_text("other").first).to_be_visible()


async def test_an_administrators_page(accounts: Place, browse: "Browse") -> None:
    """An administrator reads whose sessions end before the password is set, and afterwards that they have."""
    admin = await browse(accounts.origin)
    page = await admin.page()
    await page.goto(f"{accounts.hub_url}login?next=/hub/change-password/colleague")
    await admin.sign_in(page, "admin", password=FIRST)
    await expect(page.get_by_text("A new password signs colleague out everywhere.")).to_be_visible()
    await admin.save(page, "set-password")

    await fill_in(page)
    await expect(page.get_by_role("status")).to_contain_text("colleague is signed out everywhere.")
