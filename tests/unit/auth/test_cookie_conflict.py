"""Cookies that contradict each other sign nobody in; ours are cleared, and the reader is told instead of redirected."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, Form, WebSocket

from service.auth.forms import returns_form
from service.auth.guard import CurrentUser
from service.hub.sealing import Sealer
from tests.support.session import Session
from tests.unit.conftest import API_TOKEN, AUTH_COOKIE, ORIGIN, PREFIX, SESSION_ID, Service, connect

router = APIRouter()


@router.post("/notes", dependencies=[Depends(returns_form)])
async def note(user: CurrentUser, text: Annotated[str, Form()]) -> str:
    """Take a form whose text goes back to who has sent it when it is refused."""
    return f"{user.name} {text}"


@router.websocket("/ws")
async def greet(websocket: WebSocket, user: CurrentUser) -> None:
    """Say who is there."""
    await websocket.accept()
    await websocket.send_text(user.name)


SERVICE: Mapping[str, Any] = {"app": {"routers": [router]}}
PLANTED = "e" * 32  # somebody else's session at the Hub


async def attacked(service: Service, *, path: str = "/") -> Session:
    """Return a browser that is signed in, and in which a page has planted a cookie of ours for another session."""
    browser = await service.signed_in()
    service.keep(browser, AUTH_COOKIE, service.sealed("theirs", session_id=PLANTED), path=path)
    return browser


@pytest.mark.parametrize("path", ["/", "/services", PREFIX[:-1], f"{PREFIX}me"])
async def test_the_page(service: Service, path: str) -> None:
    """The reader is told what happened and what to do. All cookies of our name are cleared, and no others."""
    browser = await attacked(service, path=path)
    page = await browser.visit("me", follow=False)

    assert (page.status_code, "cookie_conflict" in page.text) == (400, True)
    assert "delete this site's cookies" in page.text.replace("&#39;", "'")
    assert f'href="{PREFIX}login?next=%2Fservices%2Ffastapi%2Fme&amp;again=1">Sign in again' in page.text
    assert {name for name, _ in browser.cookies()} == {"jupyterhub-session-id", "_xsrf"}

    begun = await browser.visit("me", follow=False)
    await browser.visit(service.authorized(begun), follow=False)
    assert (await browser.visit("me")).status_code == 200


async def test_one_that_cannot_be_cleared(service: Service) -> None:
    """A cookie that cannot be cleared leads to the page each time, also when signing in, and never to a redirect."""
    browser = service.browser()
    for _ in range(2):
        service.keep(browser, AUTH_COOKIE, "planted", path="/")
        service.keep(browser, AUTH_COOKIE, "planted too")
        for page in ("me", "login", f"login?next={PREFIX}me&again=1"):
            service.keep(browser, AUTH_COOKIE, "planted", path="/")
            service.keep(browser, AUTH_COOKIE, "planted too")
            reply = await browser.visit(page, follow=False)
            assert (reply.status_code, "cookie_conflict" in reply.text) == (400, True), page


async def test_pages_open_to_all_stay_open(service: Service) -> None:
    """The start page, the documentation and the sign-out page are shown as to an anonymous reader."""
    browser = await attacked(service)

    for page in ("", "docs", "logout"):
        reply = await browser.visit(page)
        assert (reply.status_code, "testuser" in reply.text) == (200, False)


async def test_a_script_and_a_websocket(service: Service) -> None:
    """A script's request and a WebSocket's handshake are refused with the same status and code."""
    browser = await attacked(service)
    cookies = "; ".join(f"{name}={value}" for (name, _), value in browser.cookies().items())
    reply = await service.api(headers={"Cookie": cookies}).get("me")
    handshake = await connect(service, "ws", headers={"Cookie": cookies, "Origin": ORIGIN})

    assert (reply.status_code, reply.json()["code"]) == (400, "cookie_conflict")
    assert (handshake.status, "cookie_conflict" in handshake.text) == (400, True)


async def test_a_form_is_refused_with_what_was_typed(service: Service) -> None:
    """A form that is sent with such cookies is refused with a page that still has what was typed."""
    browser = await attacked(service)
    xsrf = browser.cookie("_xsrf", path=PREFIX) or ""
    page = await browser.client.post(
        f"{ORIGIN}{PREFIX}notes",
        data={"text": "a long text", "_xsrf": xsrf},
        headers={"Origin": ORIGIN, "Sec-Fetch-Mode": "navigate", "Accept": "text/html"},
    )

    assert (page.status_code, "cookie_conflict" in page.text) == (400, True)
    assert "a long text" in page.text


async def test_a_session_cookie_planted_for_one_page(service: Service) -> None:
    """A session cookie of the Hub, planted for some paths, leads to the same page, and not to endless redirects."""
    browser = await service.signed_in()
    service.keep(browser, "jupyterhub-session-id", PLANTED, path=f"{PREFIX}me")
    page = await browser.visit("me", follow=False)

    assert (page.status_code, "cookie_conflict" in page.text) == (400, True)
    assert browser.cookie("jupyterhub-session-id", path="/") == SESSION_ID
    assert browser.cookie("jupyterhub-session-id", path=f"{PREFIX}me") == PLANTED, "the Hub's are not ours to clear"


def aged_cookie(browser: Session, *, minutes: int) -> str:
    """Return the cookie of a browser as it would be if the sign-in had been so many minutes ago."""
    sealer = Sealer(API_TOKEN, purpose="session cookie")
    token, session, begun = (sealer.open(browser.cookie(AUTH_COOKIE, path=PREFIX) or "") or "").split(" ")
    assert session == ";".join(["a" * 32, "d" * 32])
    return sealer.seal(f"{token} {session} {float(begun) - 60 * minutes:.6f}", lifetime=timedelta(hours=1))


async def test_signing_in_beside_another_hub(service: Service) -> None:
    """A reader who signs out of another Hub, at a shorter path, is sent to sign in again, and sees no conflict page."""
    browser = service.browser(session_id="d" * 32)
    service.keep(browser, "jupyterhub-session-id", "a" * 32, path="/services")
    begun = await browser.visit("me", follow=False)
    await browser.visit(service.authorized(begun, session_id="d" * 32), follow=False)
    assert (await browser.visit("me")).status_code == 200

    early = aged_cookie(browser, minutes=5)
    browser.client.cookies.delete("jupyterhub-session-id", domain=browser.url.host, path="/services")
    service.keep(browser, AUTH_COOKIE, early)

    assert (await browser.visit("me", follow=False)).status_code == 302
