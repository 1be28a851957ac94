"""What the pages of others get out of a browser that is signed in to us: nothing."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Place
from tests.support.browser import Browser

# Popups, cookies and what other sites try: in a browser as people have it.
pytestmark = pytest.mark.usefixtures("whole_chromium")

NOTEBOOK = "{origin}/user/other/files/page.html"  # another user's: the same origin
STRANGERS = {
    "another site": "http://stranger.example/",
    "another port": "http://127.0.0.1:9/",  # the same site, so the browser sends our cookies along
    "another user's notebook": NOTEBOOK,
}
KINDS = ("iframe", "object", "embed")
FETCH = """async ([address, options]) => {
    try {
        const reply = await fetch(address, {credentials: "include", ...options});
        return [reply.type, reply.status, await reply.text()];
    } catch (error) {
        return [error.name, 0, ""];
    }
}"""
FRAME = """([kind, address]) => new Promise((resolve) => {
    const frame = document.createElement(kind);
    frame.onload = frame.onerror = resolve;
    frame[kind === "object" ? "data" : "src"] = address;
    document.body.append(frame);
})"""
POST = """address => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = address;
    document.body.append(form);
    form.submit();
}"""
LOOK_INTO_WINDOW = """address => {
    window.opened = window.open(address);
    window.look = () => {
        try { return window.opened.document.body.innerText; } catch (error) { return error.name; }
    };
    window.search = () => {
        try {
            const page = window.opened.document;
            return page.cookie + page.documentElement.outerHTML;
        } catch (error) { return error.name; }
    };
}"""


@pytest.fixture(params=STRANGERS)
async def stranger(request: pytest.FixtureRequest, plain: Place, signed_in: Browser) -> Page:
    """A page of somebody else's in that browser."""
    return await signed_in.stranger(STRANGERS[request.param].format(origin=plain.origin))


async def test_probes(plain: Place, signed_in: Browser) -> None:
    """The means tried below do work: a notebook's page sees what it may see by each of them."""
    stranger = await signed_in.stranger(NOTEBOOK.format(origin=plain.origin))
    home = f"{plain.hub_url}home"

    fetched = await stranger.evaluate(FETCH, [home, {"mode": "no-cors"}])
    for kind in KINDS:
        await stranger.evaluate(FRAME, [kind, f"{stranger.url}?{kind}"])
    async with stranger.expect_popup() as opening:
        await stranger.evaluate(LOOK_INTO_WINDOW, home)
    await expect((await opening.value).get_by_text("testuser")).to_be_visible()
    looked_at = await stranger.evaluate("look()")

    assert "testuser" in fetched[2]
    assert "testuser" in looked_at
    assert [frame.url for frame in stranger.frames[1:]] == [f"{stranger.url}?{kind}" for kind in KINDS]


@pytest.mark.parametrize("policy", ["unsafe-none", "same-origin-allow-popups", "same-origin", "noopener-allow-popups"])
async def test_cannot_find_a_secret_in_a_window(plain: Place, signed_in: Browser, policy: str) -> None:
    """Whatever a notebook's page says of windows that it opens, it finds no XSRF token in a page of ours, nor a name.

    Those are our pages, and the one that must be reachable from its opener: Swagger UI's popup.
    """
    stranger = await signed_in.stranger(
        NOTEBOOK.format(origin=plain.origin), headers={"Cross-Origin-Opener-Policy": policy}
    )
    token = str((await signed_in.cookies())["_xsrf", plain.hub.service_path]["value"])

    for path in ("", "me", "docs", "logout", "deidentify/try", "nowhere", "oauth_callback?state=x&code=y"):
        async with stranger.expect_popup() as opening:
            await stranger.evaluate(LOOK_INTO_WINDOW, plain.service_url + path)
        window = await opening.value
        await window.wait_for_load_state()
        seen = await stranger.evaluate("search()")

        assert token not in seen, path
        assert "testuser" not in seen, path
        await window.close()


async def test_cannot_act_by_a_window(plain: Place, signed_in: Browser) -> None:
    """The page that Swagger UI's popup shows gives a notebook's page no XSRF token, and so no answer of ours."""
    stranger = await signed_in.stranger(NOTEBOOK.format(origin=plain.origin))
    async with stranger.expect_popup() as opening:
        await stranger.evaluate(LOOK_INTO_WINDOW, f"{plain.service_url}oauth_callback?state=x&code=y")
    await expect((await opening.value).get_by_role("heading", name="Signing in")).to_be_visible()
    cookies = await stranger.evaluate("opened.document.cookie")

    xsrf = next((pair.partition("=")[2] for pair in cookies.split("; ") if pair.startswith("_xsrf=")), "none")
    options = {"headers": {"X-XSRFToken": xsrf.strip('"')}}
    kind, status, text = await stranger.evaluate(FETCH, [f"{plain.service_url}me", options])

    assert (kind, status) == ("basic", 403)
    assert "testuser" not in text


async def expect_signed_in(plain: Place, signed_in: Browser) -> None:
    """Show that nothing has happened to the session."""
    page = await signed_in.page()
    await page.goto(f"{plain.service_url}me")
    await expect(page.get_by_role("heading", name="testuser")).to_be_visible()


async def test_cannot_read(plain: Place, stranger: Page) -> None:
    """No fetch() of theirs reads /me, in whatever mode; to the same origin we answer 403."""
    is_same_origin = stranger.url.startswith(plain.origin)

    for mode in ("cors", "same-origin", "no-cors"):
        kind, status, text = await stranger.evaluate(FETCH, [f"{plain.service_url}me", {"mode": mode}])

        assert "testuser" not in text
        assert (kind, status) == ("basic", 403) if is_same_origin else (kind in {"TypeError", "opaque"} and not text)


async def test_cannot_find_the_xsrf_token(plain: Place, stranger: Page) -> None:
    """The cookie that holds it is not theirs to read, nor is any page of ours that contains it."""
    pages = [plain.service_url + path for path in ("", "docs", "logout", "deidentify/try")]
    fetched = [await stranger.evaluate(FETCH, [page, {"mode": "no-cors"}]) for page in pages]
    seen = [await stranger.evaluate("document.cookie"), *(text for _, _, text in fetched)]

    tokens = [
        str(cookie["value"])
        for cookie in await stranger.context.cookies()
        if (cookie["name"], cookie["path"]) == ("_xsrf", plain.hub.service_path)
    ]
    assert len(tokens) == 1
    assert tokens[0] not in "".join(seen)


@pytest.mark.parametrize("kind", KINDS)
async def test_cannot_frame(plain: Place, signed_in: Browser, kind: str) -> None:
    """No page of ours appears within another, not even within one of the same origin."""
    stranger = await signed_in.stranger(NOTEBOOK.format(origin=plain.origin))

    for path in ("", "me", "docs", "logout", "deidentify/try", "health/live", "nowhere"):
        await stranger.evaluate(FRAME, [kind, plain.service_url + path])

    assert not [frame.url for frame in stranger.frames[1:] if frame.url.startswith(plain.service_url)]


async def test_cannot_look_into_a_window(plain: Place, stranger: Page) -> None:
    """A window that they open shows our page to the person alone."""
    async with stranger.expect_popup() as opening:
        await stranger.evaluate(LOOK_INTO_WINDOW, f"{plain.service_url}me")
    window = await opening.value
    await expect(window.get_by_role("heading", name="testuser")).to_be_visible()

    assert await stranger.evaluate("look()") in {"SecurityError", "TypeError"}


async def test_cannot_sign_out(plain: Place, signed_in: Browser, stranger: Page) -> None:
    """Neither a form nor a script of theirs ends a session."""
    await stranger.evaluate(FETCH, [f"{plain.service_url}logout", {"method": "POST", "mode": "no-cors"}])
    async with stranger.expect_navigation(url=f"{plain.service_url}logout") as navigation:
        await stranger.evaluate(POST, f"{plain.service_url}logout")
    reply = await navigation.value

    assert reply is not None
    assert reply.status in {401, 403}
    await expect_signed_in(plain, signed_in)
