"""`?token=` where it is turned on: it signs in, and disappears from the address."""

from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import APIRouter

from service.testing import OUTAGES
from service.web.security import CurrentUser
from tests.unit.web.conftest import AUTH_COOKIE, ORIGIN, PREFIX, Serve, Service

router = APIRouter()


@router.get("/files/{path:path}")
async def files(path: str, user: CurrentUser) -> str:
    """Any address below our prefix."""
    return f"{user.name} {path}"


SERVICE: Mapping[str, Any] = {"allow_token_in_url": True, "app": {"routers": [router]}}


async def test_a_script_gets_its_answer(service: Service) -> None:
    """To a script the token is a credential like any other: the answer comes at once, and no cookie with it."""
    reply = await service.api().get("me", params={"token": service.hub.issue("testuser")})

    assert (reply.status_code, reply.json()["name"]) == (200, "testuser")
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("token={token}", ""),
        ("a=1&token={token}&b=x%20y", "?a=1&b=x%20y"),
        ("%74oken={token}", ""),
        ("token={token}&token=another", ""),
        ("token={token}&empty=&mytoken=1", "?empty=&mytoken=1"),
    ],
)
async def test_a_page_is_opened_without_it(service: Service, query: str, rest: str) -> None:
    """A browser is sent to the same address without the token, signed in by cookie until it closes."""
    browser = service.browser()
    token = service.hub.issue("testuser")
    reply = await browser.visit(f"me?{query.format(token=token)}", follow=False)

    assert (reply.status_code, reply.headers["Location"]) == (303, f"{PREFIX}me{rest}")
    assert reply.headers["Referrer-Policy"] == "strict-origin"
    assert not any("Max-Age" in cookie for cookie in reply.headers.get_list("set-cookie"))
    assert service.token_of(browser) == token
    assert (await browser.visit("me")).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_page_elsewhere_signs_nobody_in(service: Service, site: str) -> None:
    """A link on another site's page, which its reader may not even see, leaves them who they were."""
    browser = service.browser()
    query = f"me?token={service.hub.issue('testuser')}"
    reply = await browser.visit(query, follow=False, headers={"Sec-Fetch-Site": site})

    assert (reply.status_code, reply.headers["Location"]) == (303, f"{PREFIX}me")
    assert browser.cookie(AUTH_COOKIE) is None


@pytest.mark.parametrize("page", ["", "login", "logout", "docs", "files/a%2Fb", "oauth_callback"])
async def test_every_page_drops_it(service: Service, page: str) -> None:
    """Wherever a page is opened with a good token in its address, neither the answer nor its links have the token."""
    token = service.hub.issue("testuser")
    reply = await service.browser().visit(f"{page}?token={token}", follow=False)

    assert token not in reply.text + reply.headers.get("Location", "")
    assert page == "oauth_callback" or (reply.status_code, reply.headers["Location"]) == (303, f"{PREFIX}{page}")


@pytest.mark.parametrize("outage", [None, "error_500"])
@pytest.mark.parametrize("page", ["", "me", "login", "logout", "docs"])
async def test_no_answer_repeats_one_that_did_not_help(serve: Serve, page: str, outage: str | None) -> None:
    """A token that is wrong, or that the Hub cannot be asked about, is in no link and no redirect either."""
    service = await serve(allow_token_in_url=True)
    service.hub.outage = OUTAGES[outage] if outage else None
    reply = await service.browser().visit(f"{page}?token=canary&a=1", follow=False)

    assert "canary" not in reply.text + reply.headers.get("Location", "")


@pytest.mark.parametrize("page", ["", "me", "login", "logout", "docs"])
async def test_where_it_is_off_it_is_neither_read_nor_repeated(serve: Serve, page: str) -> None:
    """Turned off, as where nothing is said, a token in an address is nothing: no question to the Hub, and no echo."""
    service = await serve()
    token = service.hub.issue("testuser")
    page_, script = (
        await service.browser().visit(f"{page}?token={token}", follow=False),
        await service.api().get(page, params={"token": token}),
    )

    assert service.hub.requests == []
    assert token not in page_.text + page_.headers.get("Location", "") + script.text
    assert page != "me" or (page_.status_code, script.status_code) == (302, 401)


async def test_what_is_not_a_page_keeps_its_address(service: Service) -> None:
    """A form sent with a token in its address is answered where it is: a redirect would lose what was sent."""
    browser = service.browser()
    token = service.hub.issue("testuser")
    reply = await browser.client.post(
        f"{ORIGIN}{PREFIX}logout", params={"token": token}, headers={"Sec-Fetch-Mode": "navigate"}
    )

    assert reply.status_code == 204


@pytest.mark.parametrize(
    ("signed_in", "expected"),
    [("other", "other"), ("testuser", "testuser"), (None, "testuser")],
    ids=["somebody else", "the same person", "nobody"],
)
async def test_nobodys_session_is_replaced(service: Service, signed_in: str | None, expected: str) -> None:
    """A link with a token does not turn one person's session into another's."""
    service.hub.add_user("other")
    browser = await service.signed_in(signed_in) if signed_in else service.browser()
    before = service.token_of(browser)
    token = service.hub.issue("testuser")
    reply = await browser.visit(f"me?token={token}", follow=False)

    assert reply.status_code == 303
    assert service.token_of(browser) == (before if expected == "other" else token)
    assert f"<h1>{expected}</h1>" in (await browser.visit("me")).text


async def test_a_session_that_cannot_be_judged_is_kept(serve: Serve) -> None:
    """While nobody can say whose session it is, it stays."""
    service = await serve(allow_token_in_url=True, cache_ttl=300, stale_grace=0)
    token = service.hub.issue("testuser")
    await service.api(token).get("me")  # known from now on
    browser = service.browser()
    service.keep(browser, AUTH_COOKIE, service.sealed("somebodys"))
    service.hub.outage = OUTAGES["error_500"]
    reply = await browser.visit(f"me?token={token}", follow=False)

    assert (reply.status_code, service.token_of(browser)) == (303, "somebodys")


async def test_a_session_that_is_over_is_replaced(service: Service) -> None:
    """A cookie that the Hub no longer knows holds no place."""
    browser = service.browser()
    service.keep(browser, AUTH_COOKIE, service.sealed("revoked"))
    token = service.hub.issue("testuser")
    await browser.visit(f"me?token={token}", follow=False)

    assert service.token_of(browser) == token


async def test_the_redirect_stays_on_our_host(serve: Serve) -> None:
    """An address that begins with two slashes, where we live at the root, does not lead to another host."""
    everything = APIRouter()
    everything.add_api_route("/{path:path}", files)
    service = await serve(allow_token_in_url=True, service_prefix="/", app={"routers": [everything]})
    token = service.hub.issue("testuser")
    reply = await service.browser().visit(f"{ORIGIN}//evil.test/x?token={token}", follow=False)

    assert (reply.status_code, reply.headers["Location"]) == (303, "/evil.test/x")
