"""A real Chromium with the network closed to everything but this machine, and on record what it asked for there."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import httpx
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, ViewportSize, async_playwright, expect

from tests.support import tls_front
from tests.support.hub_config import PASSWORD

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# The same engine, without windows and what is around a page: it takes half of the time, and it blocks no popup.
HEADLESS_SHELL = "chromium-headless-shell"
FEATURES_OFF = (
    # Of each window's address bar, which nobody sees: a page in a process of its own, at a second of processor time.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    # This list replaces Playwright's, of which these matter here: what a test asks for is asked for as it says.
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
)
FLAGS = (
    "--no-sandbox",  # it may run as root here, and sees our own pages only
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(FEATURES_OFF)}",
)
WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 390, "height": 844}

Scheme = Literal["light", "dark"]
# A page learns of another colour scheme with the next frame. Then its colours are on their way, and those of parents
# start those of children.
_COLOURED = """async () => {
    for (;;) {
        for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
        const moving = document.getAnimations().filter((one) => one instanceof CSSTransition);
        if (!moving.length) return;
        await Promise.allSettled(moving.map(({finished}) => finished));
    }
}"""

PATIENCE = 60_000  # milliseconds that a page may take for anything, on a busy machine
STRANGER = "<!doctype html><html lang=en><title>Somebody else's</title><body>Somebody else's page.</body></html>"


def program(*, whole: bool = True) -> str | None:
    """Return the path of an installed Chromium, or None. Unless `whole`: of the headless shell, if that is there."""
    return next(filter(None, map(shutil.which, PROGRAMS if whole else (HEADLESS_SHELL, *PROGRAMS))), None)


@contextlib.asynccontextmanager
async def chromium(path: str) -> AsyncIterator[Chromium]:
    """Start this Chromium with an empty profile; it finds 127.0.0.1 and the host of `tls_front`, and no other."""
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, headless=True, args=[*FLAGS, *tls_front.chromium_flags()]
        )
        try:
            yield browser
        finally:
            await browser.close()


async def switch_to(page: Page, scheme: Scheme) -> None:
    """Show a page in light or in dark; return when all of its colours are those."""
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.evaluate(_COLOURED)


class Browser:
    """One person's browser: cookies and storage of its own, pages and popups, and a record of what went wrong.

    `foreign` are the addresses outside the given origins that something asked for; `errors` what the console said,
    with the address it was about, and uncaught exceptions.
    """

    def __init__(self, context: BrowserContext, *, origins: Collection[str], screenshots: Path | None) -> None:
        """Watch a context; `browse` makes them."""
        self._context = context
        self._origins = {_origin(each) for each in origins}
        self._screenshots = screenshots
        self.foreign: list[str] = []
        self.errors: list[str] = []
        context.on("request", self._record)
        context.on("console", self._listen)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    async def page(self) -> Page:
        """Open a page."""
        return await self._context.new_page()

    async def cookies(self) -> dict[tuple[str, str], dict[str, object]]:
        """Return the cookies held, with their attributes, by (name, path)."""
        return {(cookie["name"], cookie["path"]): dict(cookie) for cookie in await self._context.cookies()}

    async def hold(self, cookies: Mapping[tuple[str, str], Mapping[str, object]]) -> None:
        """Add cookies as `cookies` returned them, of this browser or another."""
        await self._context.add_cookies(cast("Any", list(cookies.values())))  # playwright keeps the type to itself

    async def stranger(self, url: str, *, headers: Mapping[str, str] | None = None) -> Page:
        """Open a page of somebody else's at this address, of whatever origin; no network is asked for it."""
        self._origins.add(_origin(url))
        sent = {"Content-Type": "text/html", **(headers or {})}
        await self._context.route(f"{url}*", lambda route: route.fulfill(body=STRANGER, headers=sent))
        page = await self.page()
        await page.goto(url)
        return page

    async def sign_in(self, page: Page, user: str = "testuser", *, password: str = PASSWORD) -> None:
        """Fill in and send the Hub's login form, which the page shows."""
        await page.get_by_label("Username").fill(user)
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in").click()

    async def save(self, page: Page, name: str) -> None:
        """Save what the page shows in a hand by night, and on a desk by day: `name-narrow.png`, `name-wide.png`.

        Only where somebody wants the pictures: they take longer than most tests.
        """
        if self._screenshots is None:
            return
        await page.set_viewport_size(NARROW)
        await page.emulate_media(color_scheme="dark")
        await page.screenshot(path=self._screenshots / f"{name}-narrow.png", animations="disabled")
        await page.set_viewport_size(WIDE)
        await page.emulate_media(color_scheme="light")
        await page.screenshot(path=self._screenshots / f"{name}-wide.png", animations="disabled")

    def _is_foreign(self, url: str) -> bool:
        return url.startswith(("http:", "https:", "ws:", "wss:")) and _origin(url) not in self._origins

    def _listen(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.errors.append(f"{said.location['url']}: {said.text}")

    def _record(self, request: Request) -> None:
        if self._is_foreign(request.url):
            self.foreign.append(request.url)


@contextlib.asynccontextmanager
async def browse(
    process: Chromium, *origins: str, screenshots: Path | None = None, scripts: bool = True, agent: str | None = None
) -> AsyncIterator[Browser]:
    """Give an empty browser that has business with these origins only, and runs the scripts of pages or does not.

    `agent`: the browser that it says it is.
    """
    context = await process.new_context(
        viewport=WIDE, color_scheme="light", java_script_enabled=scripts, user_agent=agent
    )
    context.set_default_timeout(PATIENCE)
    try:
        yield Browser(context, origins=origins, screenshots=screenshots)
    finally:
        await context.close()


def _origin(url: str) -> str:
    parsed = httpx.URL(url)
    scheme = parsed.scheme.replace("ws", "http", 1)
    return f"{scheme}://{parsed.netloc.decode()}"
