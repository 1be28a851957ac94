"""Our pages: well-formed for those who do not see them, legible for those who do, and quiet."""

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Place
from tests.support.browser import NARROW, WIDE, Browser

if TYPE_CHECKING:
    from tests.conftest import Browse

# What is shown -> where, the status, and the title's part of its own.
PAGES = {
    "start": ("", 200, ""),
    "me": ("me", 200, "testuser"),
    "docs": ("docs", 200, "API"),
    "try": ("deidentify/try", 200, "De-identify"),
    "rules": ("deidentify/rules", 200, "What is masked"),
    "sign-out": ("logout", 200, "Sign out"),
    "callback": ("oauth_callback?state=somebody-else", 200, "Signing in"),
    "refused": ("oauth_callback?error=access_denied", 400, "Bad Request"),
    "forbidden": ("debug", 403, "Forbidden"),
    "not-found": ("nowhere", 404, "Not Found"),
}
STRUCTURE = """() => {
    const all = (selector) => [...document.querySelectorAll(selector)].filter((each) => !each.closest("#swagger-ui"));
    const controls = all("input:not([type=hidden]), select, textarea, button, a[href]");
    const ids = all("[id]").map((each) => each.id);
    return {
        lang: document.documentElement.lang,
        h1: all("h1").length,
        landmarks: all("body > header, header [aria-label], body > main, body > footer").map((each) => each.localName),
        unnamed: controls.filter((each) => !(each.labels?.length || each.innerText.trim())).length,
        pictures_without_alt: all("img:not([alt])").length,
        ids_twice: ids.length - new Set(ids).size,
        overflow: document.documentElement.scrollWidth - window.innerWidth,
    };
}"""
SOUND = {"lang": "en", "h1": 1, "unnamed": 0, "pictures_without_alt": 0, "ids_twice": 0}
# WCAG 2.2, 1.4.3: the contrast of each text with what is behind it, where it is less than it must be.
ILLEGIBLE = """() => {
    const channels = (text) => text.match(/[\\d.]+/g).map(Number);
    const luminance = (color) => {
        const [red, green, blue] = channels(color).slice(0, 3).map((value) => value / 255)
            .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (element) => {
        const color = getComputedStyle(element).backgroundColor;
        return channels(color)[3] === 0 ? behind(element.parentElement) : color;
    };
    const ours = [...document.querySelectorAll("body *")].filter((each) => !each.closest("#swagger-ui, noscript"));
    const texts = ours.filter((each) => [...each.childNodes].some(({data}) => data?.trim()));
    return texts.map((each) => {
        const [light, dark] = [getComputedStyle(each).color, behind(each)].map(luminance).sort((a, b) => b - a);
        return [each.innerText, (light + 0.05) / (dark + 0.05)];
    }).filter(([text, contrast]) => contrast < 4.5);
}"""


async def expect_structure(page: Page) -> None:
    """Check the structure, and that there is room, at both widths."""
    for width in (NARROW, WIDE):
        await page.set_viewport_size(width)
        found: dict[str, Any] = await page.evaluate(STRUCTURE)
        landmarks = found.pop("landmarks")
        assert found.pop("overflow") <= 0
        assert found == SOUND
        assert landmarks in (["header", "nav", "main", "footer"], ["main"])  # a window without anywhere to go


async def expect_sound(page: Page) -> None:
    """Check the structure, at both widths, and the colours, by day and by night."""
    await expect_structure(page)
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)
        await expect(page.locator("html")).to_have_css("color-scheme", scheme)
        assert await page.evaluate(ILLEGIBLE) == []


@pytest.mark.parametrize("name", PAGES)
async def test_signed_in(plain: Place, signed_in: Browser, name: str) -> None:
    """Every page has a title, one heading, landmarks, a name for each control, legible colours and room when narrow."""
    path, status, title = PAGES[name]
    page = await signed_in.page()

    reply = await page.goto(plain.service_url + path)
    assert reply is not None
    await expect(page).to_have_title(f"{title} · FastAPI service" if title else "FastAPI service")
    if name == "docs":
        await expect(page.locator(".opblock").first).to_be_visible()
    await expect_sound(page)
    await signed_in.save(page, name)

    assert reply.status == status
    failed = f"{page.url}: Failed to load resource: the server responded with a status of {status} ({title})"
    assert signed_in.errors == ([] if status == 200 else [failed])
    assert signed_in.foreign == []


async def test_signed_out(plain: Place, browse: "Browse") -> None:
    """So do the pages for those whom nobody knows yet, and the way to the Hub is on each."""
    browser = await browse(plain.origin)
    page = await browser.page()
    for name, path in (("start-unknown", ""), ("sign-out-unknown", "logout")):
        await page.goto(plain.service_url + path)
        await expect(page.get_by_role("link", name="Sign in with JupyterHub")).to_be_visible()
        await expect_sound(page)
        await browser.save(page, name)

    assert (browser.foreign, browser.errors) == ([], [])


async def test_copy(plain: Place, signed_in: Browser) -> None:
    """A button copies an example as it stands. Without a clipboard, it selects the example."""
    page = await signed_in.page()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(plain.service_url)
    button = page.locator(".example", has_text="curl").get_by_role("button", name="Copy")
    shown = await page.locator(".example pre", has_text="curl").inner_text()

    await button.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
    copied = await page.evaluate("navigator.clipboard.readText()")
    await page.reload()
    await page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    await button.click()
    await expect(page.get_by_role("status").filter(has_text="Selected")).to_have_count(1)

    assert (copied, await page.evaluate("String(getSelection()).trim()")) == (shown, shown)
    assert signed_in.errors == []


async def test_beside_the_hub(plain: Place, signed_in: Browser) -> None:
    """Whoever has chosen light or dark on the Hub's pages finds ours the same, whatever their system says."""
    page = await signed_in.page()
    await page.goto(plain.service_url)
    by_day = await page.evaluate("getComputedStyle(document.body).backgroundColor")

    await page.get_by_role("link", name="Hub", exact=True).click()
    await page.locator("#dark-theme-toggle").click()
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    await signed_in.save(page, "hub")
    await page.goto(plain.service_url)
    by_night = await page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert (by_day, by_night) == ("rgb(255, 255, 255)", "rgb(33, 37, 41)")


async def test_closed_network(plain: Place, browse: "Browse") -> None:
    """These tests would notice a page that needs something from elsewhere: there is no elsewhere."""
    addresses = ["https://example.com/", "http://192.0.2.1/", "http://localhost:9/"]
    browser = await browse(plain.origin)
    page = await browser.page()
    await page.goto(f"{plain.hub_url}login")

    for address in addresses:
        fetching = "address => fetch(address, {mode: 'no-cors'}).catch((error) => error.name)"
        assert await page.evaluate(fetching, address) == "TypeError"

    assert browser.foreign == addresses
