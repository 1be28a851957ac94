"""All that our pages offer, with the Tab and Enter keys alone."""

from typing import TYPE_CHECKING

from playwright.async_api import Page, expect

from tests.browser.conftest import Place
from tests.support.browser import Browser
from tests.support.hub_config import PASSWORD

if TYPE_CHECKING:
    from tests.conftest import Browse

# The name of what has the focus, and whether one can see that it has.
FOCUSED = """() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return [
        element.getAttribute("aria-label") ?? element.innerText.trim().replace(/\\s+/g, " "),
        style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
            && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
    ];
}"""
PATIENCE = 40  # presses


async def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until what is called so has the focus, which is visible all the way."""
    passed = []
    await page.wait_for_load_state()  # before that, a page that is new can ignore keys
    for _ in range(PATIENCE):
        await page.keyboard.press("Tab")
        name, is_visible = await page.evaluate(FOCUSED)
        assert is_visible, f"no visible focus on {name!r}"
        if name.startswith(wanted):
            return
        passed.append(name)
    raise AssertionError(f"{wanted!r} is not among {passed}")


async def test_in_and_out(plain: Place, browse: "Browse") -> None:
    """One signs in, opens the API page, and signs out."""
    browser = await browse(plain.origin)
    page = await browser.page()
    await page.goto(plain.service_url)

    await tab_to(page, "Sign in")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Username")).to_be_focused()
    await page.keyboard.type("testuser")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("You are signed in as testuser")).to_be_visible()
    await tab_to(page, "API")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{plain.service_url}docs")
    await tab_to(page, "Sign out")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{plain.hub_url}**")
    await page.goto(plain.service_url)

    await expect(page.get_by_role("link", name="Sign in with JupyterHub")).to_be_visible()


async def test_skip_link(plain: Place, signed_in: Browser) -> None:
    """The first thing that Tab finds is the way past the navigation; it appears when it has the focus."""
    page = await signed_in.page()
    await page.goto(plain.service_url)

    await page.keyboard.press("Tab")
    name, is_visible = await page.evaluate(FOCUSED)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{plain.service_url}#main")
    await page.keyboard.press("Tab")
    next_name, _ = await page.evaluate(FOCUSED)

    assert (name, is_visible) == ("Skip to the content", True)
    assert next_name == "De-identify"


async def test_try_it_out(plain: Place, signed_in: Browser) -> None:
    """Swagger UI within our page answers to the keyboard too, with a visible focus."""
    page = await signed_in.page()
    await page.goto(f"{plain.service_url}docs")
    await expect(page.locator(".opblock").first).to_be_visible()

    for button in ("GET /me", "Try it out", "Execute"):
        await expect(page.get_by_role("button", name=button).first).to_be_visible()
        await tab_to(page, button)
        await page.keyboard.press("Enter")

    await expect(page.locator(".live-responses-table tbody .response-col_status")).to_have_text("200")
