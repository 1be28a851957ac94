"""Pages of other origins in a real browser, by https: examples/ajax from one that is allowed and one that is not."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, Request, expect

from tests.browser.conftest import Place
from tests.browser.test_pages import ILLEGIBLE, SOUND, STRUCTURE
from tests.conftest import MakeHub
from tests.support.hub_api import Token
from tests.support.node import REPOSITORY
from tests.support.pages import pages
from tests.support.tls_front import HOST, OTHER_HOSTS, TlsFront

if TYPE_CHECKING:
    from tests.conftest import Browse

# Popups, cookies and what other sites try: in a browser as people have it.
pytestmark = pytest.mark.usefixtures("whole_chromium")

AJAX = REPOSITORY / "examples" / "ajax"
FETCH = """async ([address, options]) => {
    try {
        const reply = await fetch(address, {credentials: "include", ...options});
        return [reply.type, reply.status, await reply.text()];
    } catch (error) {
        return [error.name, 0, ""];
    }
}"""


@dataclass(frozen=True)
class Abroad:
    """A service that lets in the pages of two of three origins: another site's, and its own host's on another port."""

    place: Place
    friend: str
    neighbour: str
    stranger: str


@pytest.fixture(scope="module")
def abroad(make_shared_hub: MakeHub) -> Iterator[Abroad]:
    """Three origins that serve the page, and a Hub behind TLS."""
    front = TlsFront()
    with contextlib.ExitStack() as stack:
        friend, stranger, neighbour = (stack.enter_context(pages(AJAX, host=host)) for host in (*OTHER_HOSTS, HOST))
        origins = {"ALLOW_ORIGINS": f"{friend}/,{neighbour}"}
        hub = make_shared_hub(register={"public_host": front.origin, "environment": origins})
        stack.callback(hub.close)
        stack.enter_context(front.before(hub.url))
        yield Abroad(Place(hub, front.origin), friend, neighbour, stranger)


async def press(page: Page, name: str) -> tuple[str, str]:
    """Press one of the page's buttons; return the status and the rest of what it then shows."""
    answers = page.get_by_role("listitem")
    before = await answers.count()
    await page.get_by_role("button", name=name).click()
    await expect(answers).to_have_count(before + 1)
    status, *rest = (await answers.first.inner_text()).split("\n")
    return status.strip(), "\n".join(rest)


async def enter(page: Page, abroad: Abroad, origin: str, token: Token) -> list[Request]:
    """Open the page and fill it in; return what it will ask the service."""
    asked: list[Request] = []
    await page.goto(f"{origin}/")
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - playwright marks what it is given
    await expect(page.get_by_text(origin, exact=True)).to_be_visible()
    await page.get_by_label("Address of the service").fill(abroad.place.service_url)
    await page.get_by_label("Token of the Hub").fill(token.value)
    return asked


async def test_allowed(abroad: Abroad, browse: "Browse") -> None:
    """From an allowed origin one signs in, sees who one is, and signs out; errors can be read, too."""
    browser = await browse(abroad.friend, abroad.place.origin)
    page = await browser.page()
    token = await abroad.place.hub.user_token("testuser")
    asked = await enter(page, abroad, abroad.friend, token)

    signed_in = await press(page, "Sign in")
    who = await press(page, "Who am I?")
    await browser.save(page, "ajax-allowed")
    signed_out = await press(page, "Sign out")
    nobody = await press(page, "Who am I?")
    again = await abroad.place.hub.ask("GET", "me", token=token)

    assert [status for status, _ in (signed_in, who, signed_out, nobody)] == ["200", "200", "204", "401"]
    assert '"name": "testuser"' in signed_in[1]
    assert '"name": "testuser"' in who[1]
    assert '"code": "not_signed_in"' in nobody[1]
    assert again.status_code == 401
    assert {request.url for request in asked} == {f"{abroad.place.service_url}{path}" for path in ("me", "logout")}
    assert token.value not in await page.content()
    assert browser.foreign == []
    assert [error for error in browser.errors if "401" not in error] == []


async def test_refused(abroad: Abroad, browse: "Browse") -> None:
    """From another nothing is read and nothing is done, and the page says what may be the reason."""
    browser = await browse(abroad.stranger, abroad.place.origin)
    page = await browser.page()
    token = await abroad.place.hub.user_token("testuser")
    await enter(page, abroad, abroad.stranger, token)

    told = [await press(page, name) for name in ("Sign in", "Who am I?", "Sign out")]
    await browser.save(page, "ajax-refused")
    still = await abroad.place.hub.ask("GET", "me", token=token)

    assert [status for status, _ in told] == ["no answer"] * 3
    assert all("Failed to fetch" in text and "This origin is not allowed" in text for _, text in told)
    assert "testuser" not in await page.content()
    assert len([error for error in browser.errors if "blocked by CORS policy" in error]) == 3
    assert still.status_code == 200, "the request to sign out has not been sent"


async def test_the_page(abroad: Abroad, browse: "Browse") -> None:
    """It works by the keyboard, fits a hand, can be read by day and night, and shows no token."""
    browser = await browse(abroad.friend, abroad.place.origin)
    page = await browser.page()
    token = await abroad.place.hub.user_token("testuser")
    await enter(page, abroad, abroad.friend, token)

    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listitem")).to_have_count(1)
    for _ in ("the Hub's token page", "Sign in", "Who am I?"):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listitem")).to_have_count(2)
    await expect(page.get_by_label("Token of the Hub")).to_have_value("")

    assert await page.get_by_role("link").get_attribute("href") == f"{abroad.place.hub_url}token"
    for scheme, width in (("light", 1280), ("dark", 390)):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.set_viewport_size({"width": width, "height": 800})
        structure = await page.evaluate(STRUCTURE)
        assert {name: structure[name] for name in SOUND} == SOUND
        assert structure["overflow"] <= 0
        assert await page.evaluate(ILLEGIBLE) == []


@pytest.mark.parametrize("whose", ["friend", "neighbour"])
async def test_cookies(abroad: Abroad, browse: "Browse", whose: str) -> None:
    """The cookies of whoever is signed in here are good for no page of another origin, allowed or not."""
    place, origin = abroad.place, str(getattr(abroad, whose))
    browser = await browse(origin, place.origin)
    ours, page = await browser.page(), await browser.page()
    await ours.goto(f"{place.service_url}me")
    await browser.sign_in(ours)
    await ours.wait_for_url(f"{place.service_url}me")
    held = await browser.cookies()
    await page.goto(f"{origin}{place.hub.service_path}")
    seen = await page.evaluate("document.cookie")
    # Cookies know no ports, but this one is not for scripts. Even if the page had it:
    xsrf = str(held["_xsrf", place.hub.service_path]["value"])

    read = await page.evaluate(FETCH, [f"{place.service_url}me?_xsrf={xsrf}", {}])
    for mode in ("cors", "no-cors"):
        for options in ({}, {"headers": {"X-XSRFToken": xsrf}}):
            sign_out = f"{place.service_url}logout?_xsrf={xsrf}"
            reply = await page.evaluate(FETCH, [sign_out, {"method": "POST", "mode": mode, **options}])
            assert reply[0] in {"TypeError", "opaque"}

    assert xsrf not in seen
    assert read == ["TypeError", 0, ""]
    assert await browser.cookies() == held
