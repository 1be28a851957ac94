"""A link with a token in its address: its reader is asked, and no page answers for them."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Place
from tests.browser.test_keyboard import tab_to
from tests.browser.test_pages import expect_sound
from tests.support.browser import STRANGER, Browser
from tests.support.browser import browse as open_browser

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium

    from tests.conftest import Browse

COOKIE = "service-fastapi"
LINK_COOKIE = "service-fastapi-link"
FETCH = """async (address) => {
    const reply = await fetch(address, {headers: {Accept: "text/html"}});
    return reply.text();
}"""
POST = """([address, link]) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = address;
    const input = form.appendChild(document.createElement("input"));
    input.name = "link";
    input.value = link;
    document.body.append(form);
    form.submit();
}"""
FOLLOW = """address => {
    const link = document.body.appendChild(document.createElement("a"));
    link.href = address;
    link.textContent = "Follow me";
}"""
# What a page gets from a window that it has opened: the text, or what keeps it out. It presses every button it finds.
PRESS = """() => {
    try {
        const page = window.opened.document;
        page.querySelectorAll("button").forEach((button) => button.click());
        return page.body.innerText;
    } catch (error) {
        return error.name;
    }
}"""


async def cookie_of(browser: Browser, place: Place, name: str = COOKIE) -> str:
    """Return a cookie of ours in a browser; empty where there is none."""
    cookie = (await browser.cookies()).get((name, place.hub.service_path), {})
    return str(cookie.get("value", ""))


async def asked(browser: Browser, place: Place, token: str) -> Page:
    """Open a link with a token, as a mail program does, and return the page that asks."""
    page = await browser.page()
    await page.goto(f"{place.service_url}me?token={token}&a=1")
    await expect(page.get_by_role("heading", name="Sign in as other?")).to_be_visible()
    assert page.url == f"{place.service_url}login/token"
    return page


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_yes(plain: Place, chromium: "Chromium", screenshots: Path | None, *, scripts: bool) -> None:
    """With scripts or without, by keyboard, one says yes and is on the page that the link meant, without the token."""
    token = (await plain.hub.user_token("other")).value
    async with open_browser(chromium, plain.origin, screenshots=screenshots, scripts=scripts) as browser:
        page = await asked(browser, plain, token)
        before = await cookie_of(browser, plain)
        await page.get_by_role("button", name="Sign in as other").focus()
        await page.keyboard.press("Enter")

        await expect(page).to_have_url(f"{plain.service_url}me?a=1")
        await expect(page.get_by_role("heading", name="other", exact=True)).to_be_visible()
        assert before == ""
        assert await cookie_of(browser, plain)
        assert not await cookie_of(browser, plain, LINK_COOKIE)
        assert token not in await page.content()
        await page.go_back()
        assert token not in page.url
        assert browser.foreign == []


async def test_no(
    plain: Place, browse: "Browse", cookies_of_testuser: dict[tuple[str, str], dict[str, object]]
) -> None:
    """Who is signed in as somebody else is told so, and by keyboard stays who they are."""
    browser = await browse(plain.origin)
    await browser.hold(cookies_of_testuser)
    page = await asked(browser, plain, (await plain.hub.user_token("other")).value)
    await expect(page.get_by_text("You are signed in as testuser now")).to_be_visible()
    await expect_sound(page)
    await browser.save(page, "sign-in-as-instead")
    before = await cookie_of(browser, plain)
    await tab_to(page, "Stay signed in as testuser")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", name="testuser")).to_be_visible()
    assert await cookie_of(browser, plain) == before
    assert (browser.foreign, browser.errors) == ([], [])


async def test_the_page(plain: Place, browse: "Browse") -> None:
    """The question has what all pages have, wide and narrow, by day and by night; it can be loaded again."""
    browser = await browse(plain.origin)
    page = await asked(browser, plain, (await plain.hub.user_token("other")).value)
    await expect(page).to_have_title("Sign in · FastAPI service")
    await expect_sound(page)
    await browser.save(page, "sign-in-as")
    await page.reload()

    await expect(page.get_by_role("heading", name="Sign in as other?")).to_be_visible()
    assert (browser.foreign, browser.errors) == ([], [])


NOTEBOOKS = {
    "as it comes": {},
    "that asks for what isolates our pages": {"Cross-Origin-Opener-Policy": "same-origin"},
    "that allows popups": {"Cross-Origin-Opener-Policy": "same-origin-allow-popups"},
}


@pytest.fixture(params=NOTEBOOKS)
async def notebook(
    request: pytest.FixtureRequest,
    plain: Place,
    browse: "Browse",
    cookies_of_testuser: dict[tuple[str, str], dict[str, object]],
) -> tuple[Browser, Page]:
    """A page of another user's notebook server, with headers of its choice, in the browser of testuser."""
    browser: Browser = await browse(plain.origin)
    # Signed in to the Hub, and not to us.
    await browser.hold({key: each for key, each in cookies_of_testuser.items() if key[0] not in {COOKIE, "_xsrf"}})
    page = await browser.page()
    headers = {"Content-Type": "text/html"} | NOTEBOOKS[request.param]
    address = f"{plain.origin}/user/other/files/page.html"
    await page.context.route(f"{address}*", lambda route: route.fulfill(body=STRANGER, headers=headers))
    await page.goto(address)
    return browser, page


async def test_a_notebook_brings_no_question_about(plain: Place, notebook: tuple[Browser, Page]) -> None:
    """Neither a window nor a link of a notebook's page signs its visitor in, or has them asked."""
    browser, page = notebook
    link = f"{plain.service_url}docs?token={(await plain.hub.user_token('other')).value}"
    async with page.expect_popup() as opening:
        await page.evaluate("address => { window.opened = window.open(address); }", link)
    window = await opening.value
    await window.wait_for_url(f"{plain.service_url}docs")
    await page.evaluate(FOLLOW, link)
    await page.get_by_text("Follow me").click()
    await page.wait_for_url(f"{plain.service_url}docs")

    assert await cookie_of(browser, plain) == ""
    assert await cookie_of(browser, plain, LINK_COOKIE) == ""


async def test_a_notebook_does_not_answer(plain: Place, notebook: tuple[Browser, Page]) -> None:
    """While a question waits, no script, form or window of a notebook's page answers it, or reads what that takes."""
    browser, page = notebook
    question = f"{plain.service_url}login/token"
    waiting = await asked(browser, plain, (await plain.hub.user_token("other")).value)
    link = await cookie_of(browser, plain, LINK_COOKIE)

    fetched = await page.evaluate(FETCH, question)
    async with page.expect_popup() as opening:
        await page.evaluate("address => { window.opened = window.open(address); }", question)
    window = await opening.value
    await expect(window.get_by_text("This question is over")).to_be_visible()
    seen = await page.evaluate(PRESS)
    await page.evaluate(POST, [question, ""])
    await expect(page.get_by_text("This question is over")).to_be_visible()

    assert link
    assert link not in fetched + seen + await window.content()
    assert await cookie_of(browser, plain) == ""
    await waiting.get_by_role("button", name="Sign in as other").click()
    await expect(waiting.get_by_role("heading", name="other", exact=True)).to_be_visible()
