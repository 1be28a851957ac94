"""Datasette behind nginx and forward-auth, in a browser: its own pages work as ever, and no other page gets at it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from playwright.async_api import expect

from tests.support.datasette import FORM, SEEN, TABLE
from tests.support.forward_site import COOKIE, HOST, PREFIX, ForwardSite, forward_site, nginx
from tests.support.nginx import Nginx, program
from tests.support.pages import pages
from tests.support.polling import eventually
from tests.support.tls_front import OTHER_HOSTS, SIBLING_HOST

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.conftest import Browse
    from tests.support.browser import Browser

pytestmark = pytest.mark.skipif(program() is None, reason="no nginx installed: apt-get install nginx-light")

ASK = """async ([url, method]) => {
    const reply = await fetch(url, {method, body: method === "POST" ? "x" : undefined});
    return Object.fromEntries((await reply.json()).headers);
}"""
ECHO = """url => new Promise(resolve => {
    const socket = new WebSocket(url), said = [];
    socket.onerror = () => resolve("refused");
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({data}) => { if (said.push(data) == 2) resolve(data); };
})"""
# Each sends a request with the reader's cookies, as far as a page of another origin can.
FETCH = "([url, method]) => fetch(url, {method, mode: 'no-cors', credentials: 'include'}).then(() => {})"
POST = "url => { document.body.innerHTML = `<form method=post action=${url}>`; document.forms[0].submit(); }"
FRAME = "url => { document.body.innerHTML = `<iframe src=${url}>`; }"
IMAGE = "url => { document.body.innerHTML = `<img src=${url}>`; }"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForwardSite]:
    """The application behind nginx."""
    with forward_site(nginx(), tmp_path_factory.mktemp("datasette")) as found:
        yield found


async def signed_in(browse: "Browse", site: ForwardSite) -> "tuple[Browser, Page]":
    """Open a page of the application, sign in at the Hub, and come back to that very page."""
    where = f"{site.origin}{TABLE}?_size=1&text__contains=a%2Fb"
    browser: Browser = await browse(site.origin, site.front.origin)
    page = await browser.page()
    await page.goto(where)
    await browser.sign_in(page)
    await page.wait_for_url(where)
    return browser, page


def echo(site: ForwardSite) -> str:
    """Return the address of the application's WebSocket."""
    return f"{site.origin.replace('https', 'wss')}/-/echo"


async def test_story(browse: "Browse", site: ForwardSite) -> None:
    """From the application's address to the Hub and back; it knows its user, its own requests work; and out again."""
    browser, page = await signed_in(browse, site)

    # It knows who is there, and its scripts may read, write and open WebSockets.
    await expect(page.get_by_text("testuser")).to_be_visible()
    for method in ("GET", "POST"):
        headers = await page.evaluate(ASK, [SEEN, method])
        assert (headers["remote-user"], COOKIE in str(headers)) == ("testuser", False)
    assert await page.evaluate(ECHO, echo(site)) == "hello"

    # Its own form, with a cookie of its own
    await page.goto(site.origin + FORM)
    await page.locator("input[name=text]").fill("a note from the browser")
    await page.get_by_role("button", name="Run SQL").click()
    await expect(page.get_by_text("1 row affected")).to_be_visible()
    await page.goto(site.origin + TABLE)
    await expect(page.get_by_text("a note from the browser")).to_be_visible()

    # The cookie is for this host alone, and no script sees it.
    cookie = (await browser.cookies())[COOKIE, "/"]
    assert [cookie[name] for name in ("domain", "secure", "httpOnly")] == [HOST, True, True]
    assert COOKIE not in await page.evaluate("document.cookie")

    # Out
    await page.goto(f"{site.origin}{PREFIX}logout")
    await page.get_by_role("button", name="Sign out").last.click()
    await page.wait_for_url(f"{site.front.origin}/**")
    await page.goto(site.origin + TABLE)
    await expect(page.get_by_label("Username")).to_be_visible()
    assert (browser.foreign, browser.errors) == ([], [])


def statuses(proxy: Nginx, path: str) -> list[int]:
    """Return how nginx has answered requests for a path of the application's, in order."""
    return [int(status) for status in re.findall(rf'"\w+ {path} HTTP/\S+" (\d+)', proxy.access_log())]


@pytest.mark.parametrize(
    ("host", "status"), [(SIBLING_HOST, 403), (OTHER_HOSTS[1], 401)], ids=["of its site", "of another"]
)
async def test_other_pages(browse: "Browse", site: ForwardSite, tmp_path: Path, host: str, status: int) -> None:
    """A page of another origin can neither read, write nor open a WebSocket: with cookies 403, without them 401."""
    browser, _ = await signed_in(browse, site)
    target = site.origin + SEEN
    ways = [(FETCH, [target, "GET"]), (FETCH, [target, "POST"]), (IMAGE, target), (FRAME, target), (POST, target)]
    proxy = cast("Nginx", site.proxy)
    before = len(statuses(proxy, SEEN))
    (tmp_path / "index.html").write_text("<!doctype html><title>Another page</title>")
    with pages(tmp_path, host=host) as origin:
        for number, (script, argument) in enumerate(ways, start=1):
            page = await browser.page()
            await page.goto(origin)
            await page.evaluate(script, argument)

            async def answered(number: int = number) -> bool:
                return len(statuses(proxy, SEEN)) - before == number

            await eventually(answered)
        page = await browser.page()
        await page.goto(origin)
        socket = await page.evaluate(ECHO, echo(site))

    assert statuses(proxy, SEEN)[before:] == [status] * len(ways)
    assert (statuses(proxy, "/-/echo")[-1], socket) == (status, "refused")


async def test_a_link_from_elsewhere(browse: "Browse", site: ForwardSite, tmp_path: Path) -> None:
    """A link on another site opens the application's page, with its reader signed in."""
    _, page = await signed_in(browse, site)
    (tmp_path / "index.html").write_text(f"<!doctype html><title>Links</title><a href={site.origin}{TABLE}>Notes</a>")
    with pages(tmp_path, host=OTHER_HOSTS[1]) as origin:
        await page.goto(origin)
        await page.get_by_role("link").click()
        await page.wait_for_url(site.origin + TABLE)

    await expect(page.get_by_text("testuser")).to_be_visible()
