"""The link of a command at a shell in a browser: its reader is asked, and no page answers for them or sees the code."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Cookies, Place
from tests.browser.test_keyboard import tab_to
from tests.browser.test_pages import expect_sound
from tests.browser.test_token_links import COOKIE, FETCH, FOLLOW, NOTEBOOKS, PRESS
from tests.support.browser import STRANGER, Browser
from tests.support.browser import browse as open_browser
from tests.support.shell import Command

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium

    from tests.conftest import Browse

SHELL_COOKIE = "service-fastapi-shell"
QUESTION = "Sign in a command at a shell?"
OVER = "This question is over"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NAVIGATION = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
OPEN = "address => { window.opened = window.open(address); }"
POST = """([address, values]) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = address;
    for (const [name, value] of Object.entries(values)) {
        const input = form.appendChild(document.createElement("input"));
        input.name = name;
        input.value = value;
    }
    document.body.append(form);
    form.submit();
}"""


async def serve(page: Page, address: str, headers: Mapping[str, str]) -> None:
    """Open a page of somebody else's, with headers of its choice."""
    sent = {"Content-Type": "text/html", **headers}
    await page.context.route(f"{address}*", lambda route: route.fulfill(body=STRANGER, headers=sent))
    await page.goto(address)


async def hold(held: "asyncio.Future[str]", route: Route) -> None:
    """Keep a browser from going where it is sent, and tell the address, as a service worker may do."""
    sent = {**route.request.headers, **NAVIGATION}  # which Chromium adds only when it sends
    answer = await route.fetch(headers=sent, max_redirects=0)
    await route.fulfill(response=answer, status=200, body="Held.")
    at_hub = await route.request.frame.page.context.request.get(
        urljoin(answer.url, answer.headers["location"]), max_redirects=0
    )
    held.set_result(urljoin(at_hub.url, at_hub.headers["location"]))


async def asked(page: Page, place: Place, command: Command) -> None:
    """Open the link of a command, as from a terminal."""
    await page.goto(place.service_url + command.link)
    await expect(page.get_by_role("heading", name=QUESTION)).to_be_visible()
    assert page.url == f"{place.service_url}login/shell"


async def test_by_keyboard(plain: Place, signed_in: Browser) -> None:
    """One reads who asks for what, says yes, and gets the code, by keyboard and on sound pages; the session stays."""
    page, command = await signed_in.page(), Command()
    before = await signed_in.cookies()
    await asked(page, plain, command)
    await expect(page.get_by_text("Nobody has checked it")).to_be_visible()
    await expect_sound(page)
    await signed_in.save(page, "shell")
    await tab_to(page, "Yes, show the code for it")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", name="Paste this code")).to_be_visible()
    await expect(page.get_by_text("Give it to nobody.")).to_be_visible()
    await expect(page.get_by_role("button", name="Copy")).to_be_visible()
    await expect_sound(page)
    await signed_in.save(page, "shell-code")
    code = await page.locator("pre").inner_text()
    kept = await signed_in.cookies()
    assert kept[COOKIE, plain.hub.service_path] == before[COOKIE, plain.hub.service_path]
    assert not [name for name, _ in kept if "shell" in name or "state" in name]
    answer = (await plain.hub.ask("POST", "token", data=command.form(code))).raise_for_status().json()
    assert answer["expires_in"] == 86400
    assert (signed_in.foreign, signed_in.errors) == ([], [])


async def test_who_has_not_signed_in(plain: Place, browse: "Browse") -> None:
    """They do so on the Hub's page, and are asked then: this browser cuts windows off."""
    browser: Browser = await browse(plain.origin)
    page = await browser.page()
    await page.goto(plain.service_url + Command().link)
    await browser.sign_in(page)

    await expect(page.get_by_role("heading", name=QUESTION)).to_be_visible()
    await expect(page.locator("main")).to_contain_text("testuser")


async def test_a_notebooks_page(plain: Place, browse: "Browse", cookies_of_testuser: Cookies) -> None:
    """No window, link or script of a notebook's page brings the question about, answers it, or reads question or code.

    Its own headers do not change that.
    """
    browser: Browser = await browse(plain.origin)
    await browser.hold(cookies_of_testuser)
    waiting, command, question = await browser.page(), Command(), f"{plain.service_url}login/shell"
    address = f"{plain.origin}/user/other/files/page.html"
    for name, headers in NOTEBOOKS.items():
        page, before = await browser.page(), await browser.cookies()
        await serve(page, address, headers)
        async with page.expect_popup() as opening:
            await page.evaluate(OPEN, plain.service_url + Command().link)
        await expect((await opening.value).get_by_text(OVER)).to_be_visible()
        await page.evaluate(FOLLOW, plain.service_url + Command().link)
        await page.get_by_text("Follow me").click()
        await expect(page.get_by_text(OVER)).to_be_visible()
        assert await browser.cookies() == before, name

        await asked(waiting, plain, command)
        form = await waiting.locator("main input[name=request]").get_attribute("value")
        await page.goto(address)
        fetched = await page.evaluate(FETCH, question)
        async with page.expect_popup() as opening:
            await page.evaluate(OPEN, question)
        window = await opening.value
        await expect(window.get_by_role("heading", name=QUESTION)).to_be_visible()
        seen = await page.evaluate(PRESS)
        await page.evaluate(POST, [question, {"_xsrf": "", "request": form}])
        await expect(page.get_by_text("must carry the XSRF token")).to_be_visible()

        assert form
        assert (QUESTION in fetched, QUESTION in seen) == (False, False), name
        await expect(window.get_by_role("heading", name=QUESTION)).to_be_visible()
        await page.context.unroute(f"{address}*")
    await waiting.get_by_role("button", name="Yes, show the code for it").click()
    await expect(waiting.get_by_role("heading", name="Paste this code")).to_be_visible()


async def test_a_browser_that_cuts_no_windows_off(
    plain: Place, chromium: "Chromium", cookies_of_testuser: Cookies
) -> None:
    """A notebook's page that gets hold of the window with the code does not read it, whatever headers it sends.

    Its service worker can hold the last step of a sign-in, which a window of its own then makes.
    """
    async with open_browser(chromium, plain.origin, agent=FIREFOX) as browser:
        await browser.hold(cookies_of_testuser)
        address = f"{plain.origin}/user/other/files/page.html"
        for name, headers in NOTEBOOKS.items():
            waiting, page = await browser.page(), await browser.page()
            await asked(waiting, plain, Command())
            held: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            await waiting.route("**/login/shell", partial(hold, held))
            await waiting.get_by_role("button", name="Yes, show the code for it").click()
            await serve(page, address, headers)
            async with page.expect_popup() as opening:
                await page.evaluate(OPEN, await held)
            window = await opening.value
            await expect(window.get_by_role("button", name="Copy")).to_be_visible()
            code = await window.locator("pre").inner_text()

            assert code.startswith("shell.")
            assert code not in await page.evaluate(PRESS), name
            await expect_sound(window)
            await page.context.unroute(f"{address}*")
        assert browser.foreign == []


async def test_another_site(plain: Place, signed_in: Browser) -> None:
    """A link on a page of another site, such as a mail that is read in the browser, has nobody asked."""
    page = await signed_in.page()
    await serve(page, "http://mail.test/", {})
    await page.evaluate(FOLLOW, plain.service_url + Command().link)
    await page.get_by_text("Follow me").click()

    await expect(page.get_by_text(OVER)).to_be_visible()
    assert SHELL_COOKIE not in {name for name, _ in await signed_in.cookies()}
