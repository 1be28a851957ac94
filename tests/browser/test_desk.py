"""The support desk's pages in each role: sound, legible, and of use to who has no mouse, no JavaScript, or bad luck."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Dialog, Page, expect

from service.apps.desk.domain.policy import Role
from tests.browser.conftest import Cookies, Place, place_of
from tests.browser.test_keyboard import tab_to
from tests.browser.test_pages import expect_sound
from tests.conftest import MakeHub
from tests.support.browser import Browser
from tests.support.browser import browse as open_browser
from tests.support.desk_data import EMPLOYEES, tickets
from tests.support.hub import RealHub
from tests.support.hub_api import Token

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium

# What is shown -> where, to whom; by the place below /desk/ui.
EVERYBODY, MANAGERS, ADMINS = tuple(Role), (Role.MANAGER, Role.ADMIN), (Role.ADMIN,)
PAGES = {
    "tickets": ("tickets", EVERYBODY),
    "tickets-narrowed": ("tickets?status=open&owner=admin&text=p&sort=title", ADMINS),
    "tickets-none": ("tickets?text=zzzzzz", ADMINS),
    "tickets-next": ("tickets?limit=50&sort=created", ADMINS),
    "ticket": ("tickets/2", EVERYBODY),
    "ticket-long": ("tickets/7", ADMINS),
    "ticket-new": ("tickets/new?employee=5", ADMINS),
    "ticket-delete": ("tickets/2/delete", ADMINS),
    "employees": ("employees", EVERYBODY),
    "employee": ("employees/1", EVERYBODY),
    "employee-long": ("employees/5", ADMINS),
    "employee-new": ("employees/new", EVERYBODY),
    "team": ("accounts", MANAGERS),
    "account": ("accounts/new-colleague", MANAGERS),
    "account-new": ("new-account", ADMINS),
    "account-delete": ("accounts/new-colleague/delete", ADMINS),
    "audit": ("audit", ADMINS),
    "me": ("me", EVERYBODY),
}
SHOWN = [(name, role) for name, (_, roles) in PAGES.items() for role in roles]


@pytest.fixture(scope="module")
async def desk(make_shared_hub: MakeHub, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A Hub whose desk has seen some use."""
    groups = {f"desk-{role}": {"users": [str(role)]} for role in Role}
    state = str(tmp_path_factory.mktemp("desk"))
    hub = make_shared_hub(
        users=(*map(str, Role), "testuser", "new-colleague"),
        config=f"c.JupyterHub.load_groups = {groups!r}",
        register={"apps": ["desk"], "environment": {"SERVICE_STATE": state, "HUB_PASSWORD_PAGE": "change-password"}},
    )
    await fill(hub, await hub.user_token("admin"))
    return place_of(hub)


async def fill(hub: RealHub, token: Token) -> None:
    """Put employees, tickets of all statuses, and an account into the desk."""
    for employee in EMPLOYEES:
        (await hub.ask("POST", "desk/employees", token=token, json=employee)).raise_for_status()
    await create(hub, token, tickets(55))
    for text in ("I have asked the supplier for a new toner.", "It came today.\n\nZoë says that it prints again."):
        await hub.ask("POST", "desk/tickets/2/comments", token=token, json={"text": text})
    account = {"name": "new-colleague", "first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}
    made = await hub.ask("POST", "desk/accounts", token=token, json=account | {"role": "support"})
    tag = {"If-Match": made.raise_for_status().headers["ETag"]}
    patch = {"login_denied": True}
    await hub.ask("PATCH", "desk/accounts/new-colleague", token=token, json=patch, headers=tag)


async def create(hub: RealHub, token: Token, wanted: Iterable[Mapping[str, Any]]) -> list[int]:
    """Create tickets as `tests.support.desk_data` has them, and return their numbers."""
    numbers = []
    for ticket in wanted:
        new = {name: value for name, value in ticket.items() if name != "path"}
        made = (await hub.ask("POST", "desk/tickets", token=token, json=new)).raise_for_status()
        numbers.append(int(made.json()["id"]))
        for status in ticket["path"]:
            tag = {"If-Match": made.headers["ETag"]}
            where = f"desk/tickets/{numbers[-1]}"
            made = await hub.ask("PATCH", where, token=token, json={"status": status}, headers=tag)
    return numbers


@pytest.fixture(scope="module")
async def sessions(desk: Place, chromium: "Chromium") -> dict[str, Cookies]:
    """What a browser of each role holds after signing in."""
    held = {}
    for role in Role:
        async with open_browser(chromium, desk.origin) as browser:
            page = await browser.page()
            await page.goto(f"{desk.service_url}desk")
            await browser.sign_in(page, role)
            await page.wait_for_url(f"{desk.service_url}desk/ui/tickets")
            held[str(role)] = await browser.cookies()
    return held


class People:
    """Opens browsers for members of the team."""

    def __init__(self, chromium: "Chromium", desk: Place, held: dict[str, Cookies], screenshots: Path | None) -> None:
        self._chromium, self._desk, self._held, self._screenshots = chromium, desk, held, screenshots
        self.stack = contextlib.AsyncExitStack()

    async def __call__(self, role: str, *, scripts: bool = True) -> Browser:
        """Return a browser that is signed in."""
        opened = open_browser(self._chromium, self._desk.origin, screenshots=self._screenshots, scripts=scripts)
        browser: Browser = await self.stack.enter_async_context(opened)
        await browser.hold(self._held[role])
        return browser


@pytest.fixture
async def people(
    chromium: "Chromium", desk: Place, sessions: dict[str, Cookies], screenshots: Path | None
) -> AsyncIterator[People]:
    """Who works at the desk."""
    people = People(chromium, desk, sessions, screenshots)
    async with people.stack:
        yield people


def ui(desk: Place, where: str) -> str:
    """Return the address of a page."""
    return f"{desk.service_url}desk/ui/{where}"


@pytest.mark.parametrize(("name", "role"), SHOWN, ids=[f"{name}-{role}" for name, role in SHOWN])
async def test_every_page(desk: Place, people: People, name: str, role: Role) -> None:
    """Every page, in each role, is well-formed, legible by day and by night, and has room when narrow."""
    browser = await people(role)
    page = await browser.page()
    reply = await page.goto(ui(desk, PAGES[name][0]))

    await expect_sound(page)
    await browser.save(page, f"desk-{name}-{role}")

    assert reply is not None
    assert (reply.status, browser.errors, browser.foreign) == (200, [], [])


async def test_with_the_keyboard(desk: Place, people: People) -> None:
    """One finds who asked, creates a ticket and closes it, with Tab, Space and Enter alone."""
    browser = await people("support")
    page = await browser.page()
    await page.goto(ui(desk, "tickets"))

    await tab_to(page, "New ticket")
    await page.keyboard.press("Enter")
    await page.wait_for_url(ui(desk, "tickets/new"))
    await focus(page, "Title")
    await page.keyboard.type("Sound comes from the left only")
    await focus(page, "Who asked?")
    await page.keyboard.type("okonk")
    await page.keyboard.press("Enter")
    choice = page.get_by_role("radio", name="Zoë Okonkwo")
    await expect(choice).to_be_visible()
    await expect(page.get_by_label("Title")).to_have_value("Sound comes from the left only")
    await browser.save(page, "desk-found")
    await expect(choice).to_be_focused()
    await expect(choice).to_be_checked()
    await tab_to(page, "Create ticket")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("Created.")
    await tab_to(page, "Save as closed")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("Saved.")

    await expect(page.locator(".facts .badge")).to_have_text("Closed")


async def focus(page: Page, label: str) -> None:
    """Press Tab until the field of this label has the focus."""
    wanted = page.get_by_label(label)
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {label!r}")


async def test_without_scripts(desk: Place, people: People) -> None:
    """All of it works without JavaScript: creating, what was wrong, changing, deleting after a question."""
    browser = await people("manager", scripts=False)
    page = await browser.page()
    await page.goto(ui(desk, "employees/new"))
    await page.get_by_label("First name").fill("Ida")
    await page.get_by_label("Last name").fill("Rhodes")
    await page.get_by_label("Phone").fill("not a phone number")
    await page.get_by_role("button", name="Create employee").click()
    await expect(page.get_by_label("Phone")).to_have_accessible_description(
        "With the country code, like +44 20 7946 0958. "
        "This must be a phone number with its country code, like +44 20 7946 0958."
    )
    await expect(page.get_by_label("First name")).to_have_value("Ida")
    await browser.save(page, "desk-wrong")
    await page.get_by_label("Phone").fill("+49 30 901820")
    await page.get_by_role("button", name="Create employee").click()
    await expect(page.get_by_role("status")).to_have_text("Created.")
    await expect(page.get_by_label("Phone")).to_have_value("+4930901820")
    await page.get_by_role("link", name="Delete this employee").click()
    await page.get_by_role("button", name="Delete the employee").click()

    await expect(page.get_by_role("status")).to_have_text("Deleted.")


async def test_two_at_once(desk: Place, people: People) -> None:
    """Who saves second sees both versions, has lost nothing, and decides."""
    browsers = [await people(role) for role in ("support", "manager")]
    pages = [await browser.page() for browser in browsers]
    for page in pages:
        await page.goto(ui(desk, "tickets/3"))
    await pages[1].get_by_label("Title").fill("Theirs")
    await pages[1].get_by_role("button", name="Save", exact=True).click()
    await expect(pages[1].get_by_role("status")).to_have_text("Saved.")
    page = pages[0]
    await page.get_by_label("Title").fill("Mine")
    await page.get_by_label("Description").fill("Mine too")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Somebody has changed this")
    await expect(page.get_by_label("Title")).to_have_value("Mine")
    await expect(page.locator("#title-now")).to_have_text("Now: Theirs")
    await expect(page.locator(".now")).to_have_count(1)
    await expect_sound(page)
    await browsers[0].save(page, "desk-conflict")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("status")).to_have_text("Saved.")

    await expect(page.get_by_label("Description")).to_have_value("Mine too")


async def test_leaving_what_was_typed(desk: Place, people: People) -> None:
    """A form that was filled in and not sent asks before it is left; one as it was does not."""
    page = await (await people("support")).page()
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", stay)
    await page.goto(ui(desk, "tickets/4"))
    await page.get_by_role("link", name="Employees").click()
    await page.wait_for_url(ui(desk, "employees"))
    assert asked == []

    await page.goto(ui(desk, "tickets/4"))
    await page.get_by_label("Title").fill("x")
    async with page.expect_event("dialog"):
        await page.get_by_role("link", name="Employees").click()
    await expect(page.get_by_label("Title")).to_have_value("x")
    assert asked == ["beforeunload"]

    await page.get_by_label("Somebody else").fill("nobody of this name")
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_text("Nobody has this name.")).to_be_visible()
    async with page.expect_event("dialog"):
        await page.get_by_role("link", name="Employees").click()
    await expect(page.get_by_label("Title")).to_have_value("x")
    assert asked == ["beforeunload"] * 2


async def test_a_second_click(desk: Place, people: People) -> None:
    """Makes no second comment."""
    page = await (await people("support")).page()
    await page.goto(ui(desk, "tickets/4"))
    await page.get_by_label("Add a comment").fill("Said once")
    await page.get_by_role("button", name="Add the comment").dblclick()

    await expect(page.get_by_role("status")).to_have_text("Your comment is added.")
    await expect(page.get_by_text("Said once")).to_have_count(1)


async def test_the_sign_in_has_ended(desk: Place, people: People) -> None:
    """What was typed is shown when the sign-in has ended meanwhile, and is sent again after another in a second tab."""
    browser = await people("support")
    page = await browser.page()
    await page.goto(ui(desk, "tickets/new?employee=1"))
    await page.get_by_label("Title").fill("Typed before")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Create ticket").click()
    await expect(page.locator("dl")).to_contain_text("Typed before")
    await browser.save(page, "desk-ended")
    async with page.expect_popup() as opened:
        await page.get_by_role("link", name="Sign in with JupyterHub").click()
    tab = await opened.value
    await browser.sign_in(tab, "support")
    await tab.wait_for_url(desk.service_url)
    await page.get_by_role("button", name="Send it again").click()
    await expect(page.locator(".code")).to_contain_text("xsrf")
    await expect_sound(page)
    await page.get_by_role("button", name="Send it again").click()
    await expect(page.get_by_role("status")).to_have_text("Created.")

    await expect(page.get_by_label("Title")).to_have_value("Typed before")


async def test_times(desk: Place, people: People) -> None:
    """Times are shown by the reader's clock, with the exact one behind."""
    page = await (await people("support")).page()
    await page.goto(ui(desk, "tickets/4"))
    time = page.locator(".facts time").first

    shown, exact = await time.inner_text(), await time.get_attribute("title")
    assert exact is not None
    assert exact.endswith("UTC")
    assert shown != exact


async def test_a_role_changes(desk: Place, people: People) -> None:
    """An administrator gives a role and takes it; the page tells what that means."""
    browser = await people("admin")
    page = await browser.page()
    for role, shown in (("manager", "manager"), ("", "no role"), ("support", "support")):
        await page.goto(ui(desk, "accounts/new-colleague"))
        await page.get_by_label("New role").select_option(role)
        await page.get_by_role("button", name="Change role").click()
        await expect(page.get_by_role("status")).to_contain_text("The role is changed.")
        await expect(page.locator(".facts")).to_contain_text(shown)

    assert browser.errors == []


async def test_who_is_not_of_the_team(
    desk: Place, people: People, chromium: "Chromium", screenshots: Path | None
) -> None:
    """The navigation shows the desk to its team alone. Others are told whom to ask for which role."""
    member = await (await people(Role.SUPPORT)).page()
    await member.goto(desk.service_url)
    await expect(member.get_by_role("navigation", name="Main").get_by_role("link", name="Desk")).to_be_visible()
    async with open_browser(chromium, desk.origin, screenshots=screenshots) as browser:
        page = await browser.page()
        await page.goto(f"{desk.service_url}desk")
        await browser.sign_in(page, "testuser")
        await expect(page.get_by_role("heading", name="Forbidden")).to_be_visible()
        ask = "Ask an administrator of the support desk for the role desk-support."
        await expect(page.get_by_text(f"You have no access to the support desk. {ask}")).to_be_visible()
        await expect(page.get_by_role("link", name="Desk")).to_have_count(0)
        await browser.save(page, "desk-forbidden")
