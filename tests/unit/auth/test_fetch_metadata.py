"""What a request is for, according to the browser's Sec-Fetch headers, and what scripts get of our pages."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from service.auth.fetch_metadata import Purpose, is_browser, judge, may_be_page, purpose_of
from service.auth.guard import CurrentUser, XsrfToken
from service.testing.callers import NAVIGATION
from tests.unit.conftest import ORIGIN, PREFIX, Service

router = APIRouter()


@router.get("/form", response_class=HTMLResponse)
async def form(xsrf: XsrfToken) -> str:
    """Show a page that anybody may see."""
    return f"token={xsrf}."


@router.get("/own", response_class=HTMLResponse)
async def own(_user: CurrentUser, xsrf: XsrfToken) -> str:
    """Show a page for those who are signed in."""
    return f"token={xsrf}."


SERVICE: Mapping[str, Any] = {"app": {"routers": [router]}}
TABLE = [  # mode, site, dest, whether a worker preloads it, purpose, and when Chromium 156 sends it
    ("navigate", "none", "document", False, Purpose.PAGE, "an address is typed"),
    ("navigate", "cross-site", "document", False, Purpose.PAGE, "a link on another site is followed"),
    ("navigate", "same-origin", "document", False, Purpose.PAGE, "a form is sent"),
    ("navigate", "none", "document", False, Purpose.PAGE, "speculation rules; no other page can read what they fetch"),
    ("navigate", "same-origin", "", False, Purpose.PAGE, "a browser that sends no destination"),
    ("navigate", "same-origin", "empty", False, Purpose.SCRIPT, "a service worker fetches a navigation; <a download>"),
    ("navigate", "none", "document", True, Purpose.SCRIPT, "a service worker has a navigation preloaded"),
    ("navigate", "same-origin", "iframe", False, Purpose.FRAME, "a frame"),
    ("navigate", "same-origin", "object", False, Purpose.SCRIPT, "<object>"),
    ("navigate", "same-origin", "embed", False, Purpose.SCRIPT, "<embed>"),
    ("cors", "same-origin", "empty", False, Purpose.SCRIPT, "fetch()"),
    ("same-origin", "same-origin", "empty", False, Purpose.SCRIPT, "fetch() of a changed navigation"),
    ("no-cors", "same-origin", "image", False, Purpose.PART, "an image"),
    ("no-cors", "same-origin", "script", False, Purpose.PART, "a script element, importScripts()"),
    ("no-cors", "same-origin", "", False, Purpose.PART, "a browser that sends no destination"),
    ("no-cors", "same-origin", "empty", False, Purpose.SCRIPT, "fetch() in mode no-cors; a worker fetches an image"),
    ("no-cors", "same-site", "image", False, Purpose.SCRIPT, "an image on a page of another port"),
    ("no-cors", "cross-site", "image", False, Purpose.SCRIPT, "an image on a page of another site"),
    ("websocket", "same-origin", "websocket", False, Purpose.SCRIPT, "a handshake"),
    ("", "", "", False, Purpose.UNKNOWN, "a script outside of browsers"),
]


@pytest.mark.parametrize(
    ("mode", "site", "dest", "is_preload", "purpose", "what"), TABLE, ids=[row[5] for row in TABLE]
)
def test_table(mode: str, site: str, dest: str, is_preload: bool, purpose: Purpose, what: str) -> None:  # noqa: FBT001
    """Each kind of request that browsers send has the purpose in the table."""
    assert judge(mode=mode, site=site, dest=dest, is_preload=is_preload) is purpose, what


@pytest.mark.parametrize("value", [b"true", b"", b"anything"])
def test_a_preload_whatever_its_name(value: bytes) -> None:
    """A preload is known by the name of its header: a service worker chooses the value, and may leave it empty."""
    sent = [(name.lower().encode(), text.encode()) for name, text in NAVIGATION.items()]
    plain = Request({"type": "http", "headers": sent})
    preloaded = Request({"type": "http", "headers": [*sent, (b"service-worker-navigation-preload", value)]})

    assert (purpose_of(plain), is_browser(plain), may_be_page(plain)) == (Purpose.PAGE, True, True)
    assert (purpose_of(preloaded), is_browser(preloaded), may_be_page(preloaded)) == (Purpose.SCRIPT, False, False)


@pytest.mark.parametrize(("accept", "wants_page"), [("text/html", True), ("*/*", False), ("", False)])
def test_where_nothing_is_said(accept: str, wants_page: bool) -> None:  # noqa: FBT001
    """A client that sends no Sec-Fetch headers gets a page if it accepts HTML."""
    request = Request({"type": "http", "headers": [(b"accept", accept.encode())]})

    assert (is_browser(request), may_be_page(request)) == (wants_page, True)


SCRIPTS = {
    "fetch": {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"},
    "fetch in mode no-cors": {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"},
    "image": {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"},
    "worker": NAVIGATION | {"Sec-Fetch-Dest": "empty"},
    "preload": NAVIGATION | {"Service-Worker-Navigation-Preload": ""},
    "frame": NAVIGATION | {"Sec-Fetch-Dest": "iframe"},
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    "path", ["", "me", "docs", "logout", "nowhere", "form", "own", "login", "oauth_callback?state=x&code=y"]
)
async def test_no_page_tells_a_script_the_token(service: Service, path: str, script: str) -> None:
    """A script that sends its reader's cookie never gets the XSRF token, neither in an answer nor as a cookie."""
    browser = await service.signed_in()
    token = browser.cookie("_xsrf") or ""
    browser.client.cookies.delete("_xsrf")

    reply = await browser.client.get(f"{ORIGIN}{PREFIX}{path}", headers=SCRIPTS[script])

    assert token
    assert token not in reply.text + str(reply.headers)


@pytest.mark.parametrize("script", sorted(SCRIPTS.keys() - {"image"}))
async def test_a_script_is_refused(service: Service, script: str) -> None:
    """A script that sends its reader's cookie without the XSRF token gets 403 as problem details."""
    browser = await service.signed_in()

    reply = await browser.client.get(f"{ORIGIN}{PREFIX}me", headers=SCRIPTS[script])

    assert (reply.status_code, reply.headers["Content-Type"]) == (403, "application/problem+json")
    assert reply.json()["code"] == "xsrf"


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_script_is_not_sent_to_sign_in(service: Service, script: str) -> None:
    """A script without a credential gets 401 as problem details, and no state cookie of a sign-in."""
    reply = await service.browser().client.get(f"{ORIGIN}{PREFIX}me", headers=SCRIPTS[script])

    assert (reply.status_code, reply.json()["code"], "set-cookie" in reply.headers) == (401, "not_signed_in", False)


@pytest.mark.parametrize("path", ["", "me", "docs"])
async def test_pages_hold_the_token(service: Service, path: str) -> None:
    """A page of ours that its reader opens has the session's XSRF token for its scripts."""
    browser = await service.signed_in()

    page = await browser.visit(path)

    assert re.findall('<meta name="xsrf-token" content="([^"]+)">', page.text) == [browser.cookie("_xsrf")]


@pytest.mark.parametrize("path", ["form", "own"])
async def test_pages_of_others_hold_it_too(service: Service, path: str) -> None:
    """`XsrfToken` gives a router's page the XSRF token of the reader's session."""
    browser = await service.signed_in()

    page = await browser.visit(path)

    assert page.text == f"token={browser.cookie('_xsrf')}."


async def test_none_without_a_session(service: Service) -> None:
    """If our cookie is not in the request, `XsrfToken` is empty."""
    api = service.api(service.hub.issue("testuser"))

    assert (await api.get("own")).text == "token=."
    assert (await service.browser().visit("form")).text == "token=."


async def test_another_credential_gets_none(service: Service) -> None:
    """A request with a token in a header does not get the XSRF token of the cookie beside it."""
    browser = await service.signed_in()
    service.hub.add_user("other")
    own = {"Authorization": f"Bearer {service.hub.issue('other')}"}

    for path in ("form", "own", "me", "docs", ""):
        page = await browser.visit(path, headers=own)
        assert (browser.cookie("_xsrf") or "none") not in page.text


async def test_the_cookie_is_not_for_scripts(service: Service) -> None:
    """Our cookies are HttpOnly: on an origin that users share, any of their pages could read the others."""
    browser = await service.signed_in()
    browser.client.cookies.delete("_xsrf")

    page = await browser.visit("me")

    (cookie,) = page.headers.get_list("Set-Cookie")
    assert cookie.startswith("_xsrf=")
    assert "HttpOnly" in cookie
