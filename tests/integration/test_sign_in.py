"""Saying who one is to a service of a real Hub, by token and by cookie."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from tests.support.hub import RealHub
from tests.support.hub_api import Token

ACCESS = "access:services!service=fastapi"
PAGE = "text/html; charset=utf-8"
PROBLEM = "application/problem+json"
COOKIE = "service-fastapi"
STATE_COOKIE = "service-fastapi-oauth-state"
UNKNOWN = Token("0123456789abcdef0123456789abcdef")

Holder = Callable[[RealHub], Awaitable[Token]]


@pytest.fixture(params=["hub", "varied_hub"], ids=["at the root", "under an encoded base_url"])
def each_hub(request: pytest.FixtureRequest) -> RealHub:
    """One Hub after the other."""
    found: RealHub = request.getfixturevalue(request.param)
    return found


async def everything(hub: RealHub) -> Token:
    """All that a user may do."""
    return await hub.user_token("testuser")


async def access_only(hub: RealHub) -> Token:
    """A token for this service alone."""
    return await hub.user_token("testuser", scopes=[ACCESS])


async def still_valid(hub: RealHub) -> Token:
    """A token that will expire, but has not."""
    return await hub.user_token("testuser", scopes=[ACCESS], expires_in=timedelta(hours=1))


async def administrator(hub: RealHub) -> Token:
    """An administrator of the Hub."""
    return await hub.user_token("admin")


async def service(hub: RealHub) -> Token:
    """Another service of the Hub."""
    return hub.service_token("reporter")


HOLDERS: dict[str, tuple[Holder, dict[str, object]]] = {
    "a user": (everything, {"kind": "user", "name": "testuser", "admin": False}),
    "a narrow token": (access_only, {"kind": "user", "name": "testuser", "admin": False}),
    "a token with an end": (still_valid, {"kind": "user", "name": "testuser", "groups": []}),
    "an administrator": (administrator, {"kind": "user", "name": "admin", "admin": True}),
    "a service": (service, {"kind": "service", "name": "reporter", "admin": False}),
}


@pytest.mark.parametrize(("holder", "expected"), HOLDERS.values(), ids=HOLDERS.keys())
async def test_whoever_has_access_is_shown(each_hub: RealHub, holder: Holder, expected: dict[str, object]) -> None:
    """Whatever the Hub says of a token or leaves out, `/me` shows that; but not what names the credential."""
    token = await holder(each_hub)

    shown = (await each_hub.ask("GET", "me", token=token)).raise_for_status().json()

    said = (await each_hub.api("GET", "/user", token=token)).json()
    for inside in ("session_id", "token_id"):
        assert inside in said
        assert inside not in shown
        del said[inside]
    assert {name: shown[name] for name in expected} == expected
    assert {name: shown[name] for name in said} == said


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "token", "Token", "TOKEN"])
async def test_both_schemes_in_any_case(hub: RealHub, scheme: str) -> None:
    """`Authorization: Bearer` and the Hub's own `token` sign in, however they are written."""
    token = await hub.user_token("testuser")

    reply = await hub.ask("GET", "me", headers={"Authorization": f"{scheme} {token.value}"})

    assert (reply.status_code, reply.json()["name"]) == (200, "testuser")


async def test_sign_in_by_cookie(each_hub: RealHub) -> None:
    """A page opened in a browser leads to the Hub's form and back to that page, signed in by a cookie for us alone."""
    where = f"{each_hub.service_url}me?from=a%20link"
    async with each_hub.session() as browser:
        form = await browser.visit(where)
        page = await browser.sign_in("testuser", at=form)

        assert (page.status_code, str(page.url)) == (200, where)
        assert "testuser" in page.text
        held = {name for name, path in browser.cookies() if path == each_hub.service_path}
        assert held == {COOKIE, "_xsrf"}, "the sign-in under way is cleared"
        (callback,) = (step for step in page.history if step.url.path.endswith("/oauth_callback"))
        (cookie,) = (line for line in callback.headers.get_list("Set-Cookie") if line.startswith(f"{COOKIE}="))
        attributes = {part.strip() for part in cookie.split(";")[1:]}
        assert {"HttpOnly", "SameSite=Lax", f"Path={each_hub.service_path}"} < attributes
        lifetime = next(int(part.removeprefix("Max-Age=")) for part in attributes if part.startswith("Max-Age="))
        assert 0 < lifetime <= timedelta(days=14).total_seconds(), "longer than the Hub's OAuth tokens live"

        again = await browser.visit(where)
        assert (again.status_code, again.history) == (200, [])


@pytest.mark.parametrize(
    "next_url", ["//evil.example/", "https://evil.example/", "/hub/home", "/services/fastapi/../x"]
)
async def test_login_leads_nowhere_else(hub: RealHub, next_url: str) -> None:
    """After `/login?next=` one is below our prefix, whatever was asked for."""
    async with hub.session("testuser") as browser:
        page = await browser.visit(f"{hub.service_url}login", params={"next": next_url})

        assert (page.status_code, str(page.url)) == (200, hub.service_url)


async def test_tabs(each_hub: RealHub) -> None:
    """Sign-ins begun in two tabs both arrive where they were going, and leave nothing behind."""
    async with each_hub.session("testuser") as browser:
        ways = [await browser.visit(f"{each_hub.service_url}me?tab={tab}", follow=False) for tab in (1, 2)]
        pages = [await browser.visit(way.headers["Location"]) for way in reversed(ways)]

        assert [str(page.url) for page in pages] == [f"{each_hub.service_url}me?tab={tab}" for tab in (2, 1)]
        assert not [name for name, _ in browser.cookies() if name.startswith(STATE_COOKIE)]


async def test_a_callback_is_good_in_its_own_browser_only(hub: RealHub) -> None:
    """Nobody can be signed in as somebody else by a link that finishes a stranger's sign-in."""
    async with hub.session("other") as stranger, hub.session("testuser") as victim:
        begun = await stranger.visit(f"{hub.service_url}me", follow=False)
        back = await stranger.visit(begun.headers["Location"], follow=False)
        link = str(back.url.join(back.headers["Location"]))

        refused = await victim.visit(link, follow=False)

        assert (refused.status_code, refused.headers["Content-Type"]) == (403, PAGE)
        assert COOKIE not in {name for name, _ in victim.cookies()}


async def test_a_cookie_speaks_with_its_xsrf_token_only(each_hub: RealHub) -> None:
    """A script of the shared origin gets nothing by the cookie alone: that is what other people's notebooks are."""
    async with each_hub.session("testuser") as browser:
        await browser.visit(f"{each_hub.service_url}me")
        me = f"{each_hub.service_url}me"
        xsrf = {"X-XSRFToken": browser.cookie("_xsrf", path=each_hub.service_path) or ""}
        hubs_own = {"X-XSRFToken": browser.cookie("_xsrf", path=f"{each_hub.options.base_url}hub/") or "x"}

        refused = [await browser.fetch("GET", me), await browser.fetch("GET", me, headers=hubs_own)]
        allowed = await browser.fetch("GET", me, headers=xsrf)

    assert [(reply.status_code, reply.json()["code"]) for reply in refused] == [(403, "xsrf")] * 2
    assert (allowed.status_code, allowed.json()["name"]) == (200, "testuser")


async def test_asks_the_hub_once(hub: RealHub) -> None:
    """The Hub is asked about a token once; later requests are answered from memory."""
    token = await hub.user_token("testuser")
    with hub.gate.recording() as asked:
        replies: list[httpx.Response] = [await hub.ask("GET", "me", token=token) for _ in range(3)]

    assert [reply.status_code for reply in replies] == [200] * 3
    assert [request.path for request in asked if token.value in request.headers["authorization"]] == ["/hub/api/user"]
