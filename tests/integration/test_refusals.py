"""Who is not let in by a service of a real Hub, and how each of them is told."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from service.testing.callers import NAVIGATION
from tests.support.hub import RealHub
from tests.support.hub_api import Token

ACCESS = "access:services!service=fastapi"
PAGE = "text/html; charset=utf-8"
PROBLEM = "application/problem+json"
COOKIE = "service-fastapi"
UNKNOWN = Token("0123456789abcdef0123456789abcdef")


async def nobody(_hub: RealHub) -> dict[str, str]:
    """No credential."""
    return {}


async def unknown(_hub: RealHub) -> dict[str, str]:
    """A token that the Hub never gave."""
    return UNKNOWN.bearer


async def malformed(hub: RealHub) -> dict[str, str]:
    """A good token, badly sent."""
    return {"Authorization": f"Basic {(await hub.user_token('testuser')).value}"}


async def expired(hub: RealHub) -> dict[str, str]:
    """A token whose time is over."""
    return (await hub.expired_token()).bearer


async def revoked(hub: RealHub) -> dict[str, str]:
    """A token that was good a moment ago."""
    token = await hub.user_token("testuser")
    (await hub.ask("GET", "me", token=token)).raise_for_status()
    await hub.revoke(token)
    return token.bearer


async def without_access(hub: RealHub) -> dict[str, str]:
    """A token of somebody who has access, made without it."""
    return (await hub.user_token("testuser", scopes=["read:users!user"])).bearer


async def for_another(hub: RealHub) -> dict[str, str]:
    """A token for another service."""
    return (await hub.user_token("testuser", scopes=["access:services!service=public"])).bearer


async def outsider(hub: RealHub) -> dict[str, str]:
    """A service that was not given access."""
    return hub.service_token("outsider").bearer


ANONYMOUS = (401, "not_signed_in", 'Bearer realm="JupyterHub"')
INVALID = (401, "invalid_token", 'Bearer realm="JupyterHub", error="invalid_token"')
NEEDED = f"access:services {ACCESS}"
REFUSED = (403, "insufficient_scope", f'Bearer realm="JupyterHub", error="insufficient_scope", scope="{NEEDED}"')
REFUSALS = {
    "no credential": (nobody, ANONYMOUS),
    "an unknown token": (unknown, INVALID),
    "another scheme": (malformed, ANONYMOUS),
    "an expired token": (expired, INVALID),
    "a revoked token": (revoked, INVALID),
    "a token without access": (without_access, REFUSED),
    "a token for another service": (for_another, REFUSED),
    "a service without access": (outsider, REFUSED),
}


@pytest.mark.parametrize(("credential", "expected"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_refusals(
    varied_hub: RealHub, credential: Callable[[RealHub], Awaitable[dict[str, str]]], expected: tuple[int, str, str]
) -> None:
    """A script is told what is wrong; a browser is sent to the Hub where signing in helps, else shown a page."""
    headers = await credential(varied_hub)
    status, code, challenge = expected

    told = await varied_hub.ask("GET", "me", headers=headers)
    shown = await varied_hub.ask("GET", "me", headers=headers | NAVIGATION)
    sent = await varied_hub.ask("POST", "logout", headers=headers | NAVIGATION) if status == 401 else shown

    body = told.json()
    assert (told.status_code, told.headers["Content-Type"], body["code"]) == (status, PROBLEM, code)
    assert told.headers["WWW-Authenticate"] == challenge
    assert told.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in told.headers
    if status == 401:
        assert shown.status_code == 302
        assert urlsplit(shown.headers["Location"]).path == "/@/space%20word/hub/api/oauth2/authorize"
        assert parse_qs(urlsplit(shown.headers["Location"]).query)["code_challenge_method"] == ["S256"]
    else:
        assert body["scopes"] == NEEDED.split()
        assert (shown.status_code, shown.headers["Content-Type"]) == (403, PAGE)
        assert "You have no access to this service." in shown.text
        assert ACCESS not in shown.text  # scopes are for programs
    # The start page refuses nobody; who cannot be identified is nobody there.
    start = await varied_hub.ask("GET", "", headers=headers)
    assert (start.status_code, start.json()["user"] is None) == (200, status == 401)
    # What a form sends is not sent again by a redirect: it gets a page with the way to sign in.
    assert (sent.status_code, sent.headers["Content-Type"]) == (status, PAGE)


async def test_a_foreign_token_leaves_it_to_the_cookie(hub: RealHub) -> None:
    """Beside a token that the Hub does not know, a good cookie counts, with its XSRF check; it stays as it is."""
    me = f"{hub.service_url}me"
    async with hub.session("testuser") as browser:
        (await browser.visit(me)).raise_for_status()
        cookie, xsrf = browser.cookie(COOKIE), browser.cookie("_xsrf", path=hub.service_path)

        told = await browser.fetch("GET", me, headers=UNKNOWN.bearer | {"X-XSRFToken": xsrf or ""})
        unchecked = await browser.fetch("GET", me, headers=UNKNOWN.bearer)
        shown = await browser.visit(me, follow=False, headers=UNKNOWN.bearer)

        assert (told.json()["name"], unchecked.json()["code"], shown.status_code) == ("testuser", "xsrf", 200)
        assert browser.cookie(COOKIE) == cookie


async def test_only_administrators_look_inside(varied_hub: RealHub) -> None:
    """`/debug` shows the service's inside, without what signs anybody in, to administrators of the Hub alone."""
    admin = await varied_hub.user_token("admin")

    shown = await varied_hub.ask("GET", "debug", token=admin, headers={"Cookie": f"{COOKIE}=sealed", "X-Real-Ip": "x"})
    refused = await varied_hub.ask("GET", "debug", token=await varied_hub.user_token("testuser"))

    inside = shown.raise_for_status().json()
    assert inside["hub"] == {"version": (await varied_hub.api("GET", "/")).json()["version"], "problem": ""}
    assert inside["configuration"]["redirect_uri"] == "/@/space%20word/services/fastapi/oauth_callback"
    headers = inside["request_headers"]
    assert [headers[name] for name in ("authorization", "cookie", "x-real-ip")] == ["[secret]", "[secret]", "x"]
    assert (refused.status_code, refused.json()["code"]) == (403, "admin_required")
