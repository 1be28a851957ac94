"""A service worker of another user's notebook, which the origin lets control our pages, learns nothing from us."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Cookies, Place, place_of
from tests.conftest import MakeHub
from tests.support.browser import Browser
from tests.support.colleague import IDLE, NAME, READING, Colleague

if TYPE_CHECKING:
    from tests.conftest import Browse

# Popups, cookies and what other sites try: in a browser as people have it.
pytestmark = pytest.mark.usefixtures("whole_chromium")

REGISTER = """async (name) => {
    await navigator.serviceWorker.register(`worker.js?${encodeURIComponent(name)}`, {scope: "/"});
    const worker = navigator.serviceWorker;
    if (!worker.controller) await new Promise((resolve) => { worker.oncontrollerchange = resolve; });
}"""
SEND_FORM = """address => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = address;
    form.innerHTML = '<input name="_xsrf" value="guess"><input name="text" value="typed">';
    document.body.append(form);
    form.submit();
}"""
ELEMENTS = """address => Promise.all(["img", "iframe", "script", "video"].map((kind) => new Promise((resolve) => {
    const element = document.createElement(kind);
    element.onload = element.onerror = resolve;
    element.src = `${address}?${kind}`;
    document.body.append(element);
})))"""
VICTIM = "nightingale"
PAGES = ("", "me", "docs", "logout", "deidentify/try", "nowhere")


@pytest.fixture(scope="module")
def colleague() -> Iterator[Colleague]:
    """Somebody who has a server on the same origin."""
    with Colleague(victim="/services/fastapi/") as server:
        yield server


@pytest.fixture(scope="module")
def shared(make_shared_hub: MakeHub, colleague: Colleague) -> Iterator[Place]:
    """A Hub with our service and theirs."""
    hub = make_shared_hub(users=(VICTIM,), config=colleague.hub_config(), register={"apps": ["deidentify"]})
    yield place_of(hub)
    hub.close()


@pytest.fixture
async def victim(shared: Place, browse: "Browse", colleague: Colleague) -> Browser:
    """A browser that has signed in to us, of somebody who then opens a page of the colleague's."""
    browser: Browser = await browse(shared.origin)
    page = await browser.page()
    await page.goto(f"{shared.service_url}me")
    await browser.sign_in(page, VICTIM)
    await expect(page.get_by_role("heading", name=VICTIM)).to_be_visible()
    colleague.told.clear()
    return browser


async def infect(victim: Browser, shared: Place, worker: str) -> Page:
    """Open the colleague's page, which leaves a service worker behind; return it."""
    page = await victim.page()
    await page.goto(f"{shared.origin}/services/{NAME}/page")
    await page.evaluate(REGISTER, worker)
    return page


def xsrf_token(cookies: Cookies, place: Place) -> str:
    """Return the XSRF token of the session."""
    return str(cookies["_xsrf", place.hub.service_path]["value"])


@pytest.mark.parametrize("worker", READING)
async def test_navigations_tell_a_worker_nothing(
    shared: Place, victim: Browser, colleague: Colleague, worker: str
) -> None:
    """A worker that fetches the reader's navigations, or has them preloaded, is told neither name nor XSRF token."""
    token = xsrf_token(await victim.cookies(), shared)
    await infect(victim, shared, worker)
    page = await victim.page()

    for path in PAGES:
        await page.goto(shared.service_url + path)

    assert len(colleague.told) >= len(PAGES)
    assert not [text for text in colleague.told if token in text or VICTIM in text]
    assert '"code":"xsrf"' in "".join(colleague.told)


async def test_forms_and_elements_tell_a_worker_nothing(shared: Place, victim: Browser, colleague: Colleague) -> None:
    """Nor does it learn anything from a form that its page sends, or from what a page would show of ours."""
    token = xsrf_token(await victim.cookies(), shared)
    page = await infect(victim, shared, "fetch")

    await page.evaluate(ELEMENTS, f"{shared.service_url}me")
    async with page.expect_navigation(url=f"{shared.service_url}deidentify/try"):
        await page.evaluate(SEND_FORM, f"{shared.service_url}deidentify/try")

    assert len(colleague.told) >= len(("img", "iframe", "script", "video", "form"))
    assert not [text for text in colleague.told if token in text or VICTIM in text]


async def test_a_worker_that_ignores_us(shared: Place, victim: Browser) -> None:
    """Where a worker leaves the reader's navigations alone, everything works: pages, forms and signing out."""
    await infect(victim, shared, IDLE)
    page = await victim.page()

    await page.goto(f"{shared.service_url}deidentify/try")
    await page.get_by_role("textbox", name="Note").fill("Seen by Mrs. Smith.")
    await page.get_by_role("button", name="De-identify").click()
    await expect(page.get_by_role("heading", name="Masked note")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_label("Username")).to_be_visible()
