"""No page breaks WCAG 2.2 at level AA, as axe-core measures it in light and in dark, and none is heavy.

The pictures of README and docs are of the same Hub.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, expect

from service.apps.desk.domain.policy import Role, group_of
from service.server.placeholder import reply_to
from tests.browser.conftest import Place, place_of
from tests.browser.pictures import (
    LARGEST_FILE,
    PICTURES,
    RESEARCHER,
    SCHEMES,
    files_of,
    put_a_week_into,
    size,
    take,
    text_file,
    write,
)
from tests.browser.swagger import Swagger
from tests.browser.test_desk import PAGES as DESK_PAGES
from tests.browser.test_desk import fill
from tests.browser.test_pages import expect_structure
from tests.conftest import MakeHub
from tests.support.axe import problems_of
from tests.support.browser import WIDE
from tests.support.hub import RealHub
from tests.support.shell import Command

if TYPE_CHECKING:
    from tests.conftest import Browse

FIRST = "first of all passwords"
ADMIN, SUPPORT = str(Role.ADMIN), str(Role.SUPPORT)
DESK = {name: f"desk/ui/{where}" for name, (where, _) in DESK_PAGES.items()}
OURS = {
    "start": "",
    "me": "me",
    "docs": "docs",
    "try": "deidentify/try",
    "rules": "deidentify/rules",
    "sign out": "logout",
    "swagger's window": "oauth_callback?state=somebody-else",
    "400": "oauth_callback?error=access_denied",
    "404": "nowhere",
    "405": "token",
    "422": "desk/ui/tickets?limit=none",
}
# What the Hub's own template has around our forms.
HUBS_OWN = ("nav.navbar", "#dark-theme-toggle")

MOST = 60_000  # bytes of a page with its styles, scripts and pictures, not compressed; without Swagger UI
HUBS_WEIGHT = 10_000_000  # what the Hub's own template loads is not ours
WEIGHT = """() => performance.getEntries()
    .filter(({name, entryType}) => ["navigation", "resource"].includes(entryType)
        && !name.includes("/swagger-ui/") && !name.endsWith("/openapi.json"))
    .reduce((sum, {decodedBodySize}) => sum + decodedBodySize, 0)"""


@pytest.fixture(scope="module")
async def everything(make_shared_hub: MakeHub, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A Hub with accounts that have passwords, and the service with all of its applications, in use."""
    names = (ADMIN, SUPPORT, RESEARCHER, "new-colleague")
    groups = {group_of(role): {"users": [str(role)]} for role in (Role.ADMIN, Role.SUPPORT)}
    config = f"""
c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"
c.PasswordAuthenticator.first_users = {dict.fromkeys(names[:3], FIRST)!r}
c.PasswordAuthenticator.enable_signup = True
c.JupyterHub.load_groups = {groups!r}
"""
    environment = {"SERVICE_STATE": str(tmp_path_factory.mktemp("desk"))}
    hub: RealHub = make_shared_hub(
        users=names,
        config=config,
        register={
            "apps": ["deidentify", "desk"],
            "environment": environment,
            "allow_token_in_url": True,
            "shell_sign_in": True,
        },
    )
    await fill(hub, await hub.user_token(ADMIN))
    return place_of(hub)


async def problems(page: Page, url: str, named: Iterable[tuple[str, str]], *, most: int = MOST) -> list[str]:
    """Open pages below `url`, and return what axe finds, and which have more than so many bytes, with their names."""
    found = []
    for name, where in named:
        await page.goto(url + where)
        if name == "docs":
            await expect(page.locator(".opblock").first).to_be_visible()
        weight = await page.evaluate(WEIGHT)
        assert weight > 0
        heavy = [f"{weight} bytes"] if weight > most else []
        found += [f"{name}: {line}" for line in (*heavy, *await problems_of(page, left_out=HUBS_OWN))]
    return found


def expect_none(lines: list[str]) -> None:
    """Fail with every line, if there is one."""
    assert not lines, "\n".join(lines)


async def member(place: Place, browse: "Browse", user: str) -> Page:
    """Return a page of somebody who has signed in."""
    browser = await browse(place.origin)
    page: Page = await browser.page()
    await page.goto(f"{place.service_url}me")
    await browser.sign_in(page, user, password=FIRST)
    await page.wait_for_url(f"{place.service_url}me")
    return page


async def test_the_administrators_pages(everything: Place, browse: "Browse") -> None:
    """All of our pages, and the desk's, for somebody who may do everything."""
    page = await member(everything, browse, ADMIN)
    shell = {"400 of a shell": "login/shell", "shell": Command().link}
    found = await problems(page, everything.service_url, {**OURS, **DESK, **shell}.items())
    await page.get_by_role("button", name="Yes, show the code for it").click()
    await expect(page.get_by_role("heading", name="Paste this code")).to_be_visible()

    expect_none(found + await problems_of(page))


async def test_pages_with_fewer_rights(everything: Place, browse: "Browse") -> None:
    """The desk's pages that cannot be changed by their readers, and refusals, one of a form that was typed into."""
    page = await member(everything, browse, SUPPORT)
    shown = [(name, DESK[name]) for name in ("tickets", "ticket", "employee", "employee-new", "me", "audit")]
    found = await problems(page, everything.service_url, [("start", ""), ("403", "debug"), *shown])

    await page.goto(f"{everything.service_url}{DESK['employee-new']}")
    await page.get_by_label("First name").fill("Ida")
    await page.get_by_label("Last name").fill("Rhodes")
    await page.locator("main input[name=_xsrf]").evaluate("(field) => { field.value = 'of another session'; }")
    await page.get_by_role("button", name="Create employee").click()
    await expect(page.get_by_role("heading", name="What you typed")).to_be_visible()

    expect_none(found + await problems_of(page))


async def test_pages_for_strangers(everything: Place, browse: "Browse") -> None:
    """The start page, the ways in, and refusals, for somebody who has not signed in."""
    page = await (await browse(everything.origin)).page()
    token = (await everything.hub.user_token(SUPPORT)).value
    named = [("start", ""), ("signed out", "logout"), ("404", "nowhere"), ("sign in as", f"me?token={token}")]

    expect_none(await problems(page, everything.service_url, named))


async def test_pages_at_the_hub(everything: Place, browse: "Browse") -> None:
    """What accounts with passwords add to the Hub: forms as they come, and with a sentence about what is wrong."""
    hub = everything.hub
    made = await hub.api("POST", "/users/new-colleague/invitation")
    stranger = await (await browse(everything.origin)).page()
    admin = await member(everything, browse, ADMIN)
    key = made.raise_for_status().json()["key"]
    open_to_all = [(where, where) for where in ("login", "signup", f"invitation?key={key}", "invitation?key=nothing")]
    behind = [(where, where) for where in ("change-password", "change-password/support", "authorize")]
    found = await problems(stranger, everything.hub_url, open_to_all, most=HUBS_WEIGHT)
    found += await problems(admin, everything.hub_url, behind, most=HUBS_WEIGHT)

    await stranger.goto(f"{everything.hub_url}signup")
    await stranger.get_by_label("User name").fill("erin")
    for label in ("New password", "New password again"):
        await stranger.get_by_label(label, exact=True).fill("short")
    await stranger.get_by_role("button", name="Ask for an account").click()
    await expect(stranger.get_by_role("alert")).to_be_visible()

    expect_none(found + await problems_of(stranger, left_out=HUBS_OWN))


async def test_swagger_ui_in_use(everything: Place, browse: "Browse") -> None:
    """So do an operation that was tried out, one with a body, and the dialog before and after signing in."""
    page = await member(everything, browse, ADMIN)
    swagger = await Swagger.open(page, everything.service_url)
    await swagger.execute("/me")
    await swagger.operation("/desk/tickets").last.locator(".opblock-summary-control").click()
    await expect(page.locator(".model-example").first).to_be_visible()
    found = await problems_of(page)
    await swagger.open_dialog()
    found += await problems_of(page)
    await swagger.authorize()  # the Hub knows who it is, so its window asks nothing and closes
    await swagger.expect_authorized()

    expect_none(found + await problems_of(page))


async def test_a_service_that_could_not_start(browse: "Browse") -> None:
    """So does the page in place of a service that is not set up correctly, and it has room when narrow."""
    origin = "http://127.0.0.1"
    head = b"GET /services/fastapi/me HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\nAccept: text/html\r\n\r\n"
    _, _, body = reply_to(head, "/services/fastapi/").partition(b"\r\n\r\n")
    page = await (await browse(origin)).page()
    await page.route(f"{origin}/", lambda route: route.fulfill(status=503, body=body, content_type="text/html"))
    await page.goto(f"{origin}/")
    await expect(page.get_by_role("heading", name="This service is not available")).to_be_visible()

    expect_none(await problems_of(page))
    await expect_structure(page)


async def test_the_pictures_are_of_today(
    everything: Place, browse: "Browse", pytestconfig: pytest.Config, screenshots: Path | None
) -> None:
    """Each picture of README and docs shows what its page shows today, is as large, and loads at once."""
    await put_a_week_into(everything, await everything.hub.user_token(ADMIN))
    pages = {user: await member(everything, browse, user) for user in (RESEARCHER, SUPPORT)}
    pages[""] = await (await browse(everything.origin)).page()
    stale: list[str] = []
    for name, picture in PICTURES.items():
        taken = await take(pages[picture.user], everything, picture)
        if screenshots:
            for scheme in SCHEMES:
                (screenshots / f"{name}-{scheme}.png").write_bytes(taken.files[scheme])
        if pytestconfig.getoption("--pictures"):
            write(name, taken)
        kept = {scheme: path.read_bytes() for scheme, path in files_of(name).items()}
        was, now = (text.splitlines() for text in (text_file(name).read_text(), taken.kept(name, kept)))
        stale += difflib.unified_diff(was, now, f"{name} was", f"{name} is", lineterm="")
        for scheme, file in kept.items():
            (width, height), (_, height_now) = map(size, (file, taken.files[scheme]))
            assert (width, len(file) < LARGEST_FILE) == (WIDE["width"], True), f"{name}-{scheme}.png: {len(file)} bytes"
            assert height == pytest.approx(height_now, rel=0.25), "fonts alone do not change it so much"

    assert not stale, "\n".join(("./script/pictures makes them anew:", *stale))
