"""Each role's first day at an empty desk, with the keyboard alone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, expect

from service.apps.desk.domain.policy import Role
from tests.browser.conftest import Place, place_of
from tests.browser.test_desk import focus, ui
from tests.browser.test_keyboard import tab_to
from tests.browser.test_pages import expect_sound
from tests.conftest import MakeHub
from tests.support.browser import Browser

if TYPE_CHECKING:
    from tests.conftest import Browse

FIRST, SECOND = "first of all passwords", "second to none of them"

NewDesk = Callable[[Role], Place]


@pytest.fixture
def new_desk(make_hub: MakeHub, tmp_path: Path) -> NewDesk:
    """Start a Hub with passwords, and a desk that is empty but for one member of the team, `ann`."""

    def start(role: Role) -> Place:
        team = {} if role is Role.ADMIN else {f"desk-{role}": {"users": ["ann"]}}
        config = f"""
c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"
c.PasswordAuthenticator.first_users = {{"admin": {FIRST!r}, "ann": {FIRST!r}}}
c.JupyterHub.load_groups = {team!r}
"""
        register = {
            "apps": ["desk"],
            "manage_users": True,
            "desk_admins": ["ann"] if role is Role.ADMIN else [],
            "environment": {"SERVICE_STATE": str(tmp_path), "HUB_PASSWORD_PAGE": "change-password"},
        }
        return place_of(make_hub(users=("admin", "ann"), config=config, register=register))

    return start


async def open_desk(desk: Place, browser: Browser) -> Page:
    """Sign ann in, with the keyboard, and open the desk."""
    page = await browser.page()
    await page.goto(f"{desk.service_url}desk")
    await expect(page.get_by_label("Username")).to_be_focused()
    await page.keyboard.type("ann")
    await page.keyboard.press("Tab")
    await page.keyboard.type(FIRST)
    await page.keyboard.press("Enter")
    await page.wait_for_url(ui(desk, "tickets"))
    return page


async def press(page: Page, name: str) -> None:
    """Go to a link or a button by Tab, and press Enter."""
    await tab_to(page, name)
    await page.keyboard.press("Enter")


async def write(page: Page, label: str, text: str) -> None:
    """Go to a field by Tab, and type."""
    await focus(page, label)
    await page.keyboard.type(text)


async def look(browser: Browser, page: Page, name: str) -> None:
    """Check the page, and save it wide and narrow."""
    await expect_sound(page)
    await browser.save(page, f"desk-first-day-{name}")


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.MANAGER])
async def test_the_first_call(new_desk: NewDesk, browse: "Browse", role: Role) -> None:
    """An empty desk leads to the first employee, from there to the first ticket, and that to a comment."""
    desk = new_desk(role)
    browser = await browse(desk.origin)
    page = await open_desk(desk, browser)
    await look(browser, page, f"{role}-1-empty")
    await press(page, "New employee")
    await page.wait_for_url(ui(desk, "employees/new"))
    await write(page, "First name", "Zoë")
    await write(page, "Last name", "Okonkwo")
    await look(browser, page, f"{role}-2-employee")
    await press(page, "Create employee")
    await expect(page.get_by_role("status")).to_have_text("Created.")
    await look(browser, page, f"{role}-3-created")
    await press(page, "New ticket")
    await page.wait_for_url(ui(desk, "tickets/new?employee=1"))
    await write(page, "Title", "The printer prints blank pages")
    await look(browser, page, f"{role}-4-ticket")
    await press(page, "Create ticket")
    await expect(page.get_by_role("status")).to_have_text("Created.")
    await write(page, "Add a comment", "I have asked for a new toner.")
    await press(page, "Add the comment")
    await expect(page.get_by_role("status")).to_have_text("Your comment is added.")
    await expect(page.get_by_role("status")).to_be_in_viewport()
    await look(browser, page, f"{role}-5-comment")
    await page.goto(ui(desk, "tickets"))
    await expect(page.locator(".count")).to_have_text("1 ticket")
    await look(browser, page, f"{role}-6-tickets")

    assert (browser.errors, browser.foreign) == ([], [])


async def test_an_administrators_first_day(new_desk: NewDesk, browse: "Browse") -> None:
    """Whom register() names administers the desk. A colleague is added, sets a password by the link, and signs in."""
    desk = new_desk(Role.ADMIN)
    browser = await browse(desk.origin)
    page = await open_desk(desk, browser)
    await look(browser, page, "admin-1-empty")
    await press(page, "the team")
    await page.wait_for_url(ui(desk, "accounts"))
    await look(browser, page, "admin-2-team")
    await press(page, "Add a colleague")
    await page.wait_for_url(ui(desk, "new-account"))
    await write(page, "Hub user name", "dave")
    await write(page, "First name", "Dave")
    await write(page, "Last name", "Byron")
    await look(browser, page, "admin-3-colleague")
    await press(page, "Add to the team")
    link = await page.get_by_label("Link to set a password").input_value()
    await look(browser, page, "admin-4-link")

    colleague = await browse(desk.origin)
    theirs = await colleague.page()
    await theirs.goto(link)
    await colleague.save(theirs, "desk-first-day-colleague-1-link")
    await write(theirs, "New password again", SECOND)
    await theirs.keyboard.press("Shift+Tab")
    await theirs.keyboard.type(SECOND)
    await theirs.keyboard.press("Enter")
    await expect(theirs.get_by_role("status")).to_have_text("Your password is set. You can sign in now.")
    await colleague.save(theirs, "desk-first-day-colleague-2-set")
    await theirs.goto(f"{desk.service_url}desk")
    await colleague.sign_in(theirs, "dave", password=SECOND)
    await theirs.wait_for_url(ui(desk, "tickets"))
    await expect(theirs.get_by_text("First record who asked for help")).to_be_visible()
    await theirs.goto(link)
    await expect(theirs.get_by_text("This link is too old, or has been used.")).to_be_visible()
    await colleague.save(theirs, "desk-first-day-colleague-3-used")

    assert (browser.errors, browser.foreign) == ([], [])


async def test_what_somebody_else_was_asked_for(new_desk: NewDesk, browse: "Browse") -> None:
    """A ticket for somebody who is not known yet keeps what was typed while the employee is created in a new tab."""
    desk = new_desk(Role.SUPPORT)
    browser = await browse(desk.origin)
    page = await open_desk(desk, browser)
    await press(page, "New ticket")
    await page.wait_for_url(ui(desk, "tickets/new"))
    await write(page, "Title", "No sound")
    await write(page, "Who asked?", "Ida")
    await page.keyboard.press("Enter")
    await expect(page.locator("#who-error")).to_contain_text("Nobody has this name.")
    await look(browser, page, "support-7-nobody")
    async with page.expect_popup() as opened:
        await press(page, "Create the employee")
    tab = await opened.value
    await write(tab, "First name", "Ida")
    await write(tab, "Last name", "Rhodes")
    await press(tab, "Create employee")
    await expect(tab.get_by_role("status")).to_have_text("Created.")
    await tab.close()
    await write(page, "Who asked?", "")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("radio", name="Ida Rhodes")).to_be_checked()
    await press(page, "Create ticket")
    await expect(page.get_by_role("status")).to_have_text("Created.")

    await expect(page.get_by_label("Title")).to_have_value("No sound")
