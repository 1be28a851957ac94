"""An Authorization header for somebody else: a web server in front, or a gateway with a token of its own."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from service.auth.xsrf import xsrf_token
from service.hub.sealing import derive_key
from service.hub.throttle import WRONG_TOKENS_PER_ADDRESS
from service.testing import OUTAGES
from service.testing.callers import NAVIGATION, SCRIPT
from tests.unit.conftest import API_TOKEN, AUTH_COOKIE, SESSION_ID, Serve, Service

SERVICE: Mapping[str, Any] = {}
FOREIGN = {
    "Basic": "Basic dGVzdHVzZXI6cGFzc3dk",
    "Digest": 'Digest username="testuser", realm="x"',
    "Negotiate": "Negotiate YIIB",
    "a Bearer of another system": "Bearer of-another-system",
    "a JWT": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl",
    "a malformed Bearer": "Bearer a b",
}
foreign = pytest.mark.parametrize("header", FOREIGN.values(), ids=FOREIGN)


def signed_in(service: Service, user: str = "testuser") -> tuple[str, dict[str, str]]:
    """Return the token in the cookie of somebody who is signed in, and the headers that their browser sends."""
    token = service.hub.issue(user, session_id=SESSION_ID)
    cookies = f"{AUTH_COOKIE}={service.sealed(token)}; jupyterhub-session-id={SESSION_ID}"
    return token, {"Cookie": cookies}


async def sent(service: Service, header: str, where: str = "me", **headers: str) -> httpx.Response:
    """Ask with an Authorization header; underscores in names of headers stand for hyphens."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await service.api(headers={"Authorization": header, **given}).get(where)


@foreign
async def test_a_cookie_counts_beside_it(service: Service, header: str) -> None:
    """A page opens for who is signed in, and it holds their XSRF token."""
    token, cookie = signed_in(service)
    xsrf = xsrf_token(derive_key(API_TOKEN, purpose="xsrf token"), token=token, session_id=SESSION_ID)

    page = await sent(service, header, "", **cookie, **NAVIGATION)
    by_script = await sent(service, header, **cookie, X_XSRFToken=xsrf)

    assert page.status_code == 200
    assert f'name="xsrf-token" content="{xsrf}"' in page.text
    assert by_script.json()["name"] == "testuser"


@foreign
async def test_a_cookie_counts_while_the_hub_is_down(serve: Serve, header: str) -> None:
    """The Hub's last answer about the cookie may serve then, whatever a gateway adds; the cookie alone gets it, too."""
    service = await serve()
    _, cookie = signed_in(service)
    before = await sent(service, "", **cookie, **NAVIGATION)
    service.hub.outage = OUTAGES["down"]
    page = await sent(service, header, **cookie, **NAVIGATION)
    script = await sent(service, header, **cookie, **SCRIPT)
    alone = await sent(service, "Bearer of-another-system")

    assert (before.status_code, page.status_code, "testuser" in page.text) == (200, 200, True)
    assert (script.status_code, script.json()["code"]) == (403, "xsrf")
    assert alone.status_code == 503


@foreign
async def test_the_cookie_is_checked_as_ever(service: Service, header: str) -> None:
    """A script without the XSRF token is refused, as it is without the header."""
    _, cookie = signed_in(service)

    reply = await sent(service, header, **cookie, **SCRIPT)

    assert (reply.status_code, reply.json()["code"]) == (403, "xsrf")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        *((FOREIGN[name], "not_signed_in") for name in ("Basic", "Digest", "Negotiate")),
        *((FOREIGN[name], "invalid_token") for name in list(FOREIGN)[3:]),
    ],
)
async def test_alone_it_is_refused(service: Service, header: str, code: str) -> None:
    """A scheme that is not ours is no credential; a Bearer token is a wrong one."""
    reply = await sent(service, header)

    assert (reply.status_code, reply.json()["code"]) == (401, code)


@foreign
async def test_a_void_cookie_beside_it(service: Service, header: str) -> None:
    """Nobody is let in, and somebody who opens a page is sent to sign in."""
    token, cookie = signed_in(service)
    service.hub.revoke(token)

    assert (await sent(service, header, **cookie)).status_code == 401
    assert (await sent(service, header, **cookie, **NAVIGATION)).status_code == 302


async def test_a_token_of_the_hub_counts_before_a_cookie(service: Service) -> None:
    """The order stays as it is for every token that the Hub knows."""
    service.hub.add_user("other")
    _, cookie = signed_in(service)

    for _ in range(2):  # the second time the cache knows it
        reply = await sent(service, f"Bearer {service.hub.issue('other')}", **cookie)
        assert reply.json()["name"] == "other"


@foreign
async def test_signing_out_beside_it(service: Service, header: str) -> None:
    """The page that asks is shown, and the form on it ends the session."""
    token, cookie = signed_in(service)
    xsrf = xsrf_token(derive_key(API_TOKEN, purpose="xsrf token"), token=token, session_id=SESSION_ID)

    page = await sent(service, header, "logout", **cookie, **NAVIGATION)
    left = await service.api(headers={"Authorization": header, **cookie, "X-XSRFToken": xsrf}).post("logout")

    assert "Sign out" in page.text
    assert (left.status_code, left.headers["Location"]) == (303, "/hub/logout")


async def test_many_unknown_tokens_beside_cookies_throttle_nobody_else(serve: Serve) -> None:
    """They are counted for who sends them: others at the same address are judged as ever."""
    service = await serve()
    service.hub.add_user("other")
    _, cookie = signed_in(service)
    _, of_other = signed_in(service, "other")

    pages = [
        await sent(service, f"Bearer foreign-{number}", "me", **cookie, **NAVIGATION)
        for number in range(WRONG_TOKENS_PER_ADDRESS)
    ]
    own_next = await sent(service, "Bearer foreign-x", "me", **cookie, **NAVIGATION)
    of_others = await sent(service, "Bearer foreign-y", "me", **of_other, **NAVIGATION)
    by_token = await sent(service, f"Bearer {service.hub.issue('other')}")

    assert {page.status_code for page in pages} == {200}
    assert (own_next.status_code, of_others.status_code, by_token.status_code) == (429, 200, 200)


async def test_a_gateway_that_always_sends_one_token(serve: Serve) -> None:
    """Any number of pages open: the Hub is not asked about the same token again and again."""
    service = await serve()
    _, cookie = signed_in(service)

    pages = [await sent(service, FOREIGN["a JWT"], "me", **cookie, **NAVIGATION) for _ in range(70)]

    assert {page.status_code for page in pages} == {200}
    assert service.hub.count("GET", "/user") <= 3
