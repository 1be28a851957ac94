"""Whom a route lets in: credentials, scopes and vetoes."""

from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from fastapi import APIRouter
from starlette.requests import HTTPConnection

from service.auth.errors import NotAdmittedError
from service.auth.guard import CurrentUser, require
from service.auth.xsrf import xsrf_token
from service.errors import ThrottledError
from service.hub.models import Identity
from service.hub.sealing import derive_key
from service.testing import OUTAGES, FakeHub
from tests.unit.conftest import API_TOKEN, AUTH_COOKIE, SESSION_ID, Serve, Service

ACCESS = "access:services!service=fastapi"

router = APIRouter()


@router.get("/who")
async def who(user: CurrentUser) -> str:
    """Whoever has access."""
    return f"{user.kind} {user.name}"


@router.get("/plain", dependencies=[require("custom:x:read")])
async def plain() -> str:
    """One scope, in the decorator."""
    return "in"


@router.get("/all")
async def needs_all(user: Annotated[Identity, require("custom:x:read", "custom:x:write")]) -> str:
    """All scopes, and the caller."""
    return user.name


@router.get("/any")
async def needs_any(user: Annotated[Identity, require("custom:x:read", "custom:x:write", mode="any")]) -> str:
    """One of the scopes, and the caller."""
    return user.name


@router.get("/twice", dependencies=[require("custom:x:read")])
async def twice(user: Annotated[Identity, require("custom:x:write")]) -> str:
    """Two demands on one route."""
    return user.name


@router.get("/own")
async def own(user: Annotated[Identity, require("custom:x:read!user")]) -> str:
    """A scope on one's own things."""
    return user.name


@router.get("/filtered", dependencies=[require("custom:x:read!group=Łódź", 'custom:x:"w\\rite"!group=a b\r\nX: y')])
async def filtered() -> str:
    """Scopes with names that a header cannot hold."""
    return "in"


SERVICE: Mapping[str, Any] = {"app": {"routers": [router]}}
READ, WRITE = "custom:x:read", "custom:x:write"


def calls(hub: FakeHub) -> int:
    """Return how often the Hub was asked who somebody is."""
    return hub.count("GET", "/user")


@pytest.mark.parametrize(
    ("scopes", "route", "missing"),
    [
        ([ACCESS], "who", None),
        (["access:services"], "who", None),
        ([], "who", ["access:services", ACCESS]),
        (["access:services!service=other"], "who", ["access:services", ACCESS]),
        ([READ, WRITE], "plain", ["access:services", ACCESS]),
        ([ACCESS], "plain", [READ]),
        ([ACCESS, READ], "plain", None),
        ([ACCESS, f"{READ}!user=testuser"], "plain", [READ]),
        ([ACCESS, READ], "all", [WRITE]),
        ([ACCESS], "all", [READ, WRITE]),
        ([ACCESS, READ, WRITE], "all", None),
        ([ACCESS, WRITE], "any", None),
        ([ACCESS], "any", [READ, WRITE]),
        ([ACCESS, READ], "twice", [WRITE]),
        ([ACCESS, WRITE], "twice", [READ]),
        ([ACCESS, READ, WRITE], "twice", None),
        ([ACCESS, f"{READ}!user=testuser"], "own", None),
        ([ACCESS, f"{READ}!user=other"], "own", [f"{READ}!user"]),
    ],
)
async def test_scopes(service: Service, scopes: list[str], route: str, missing: list[str] | None) -> None:
    """A caller needs an access scope, and all or one of the route's scopes. A refusal names what is missing."""
    reply = await service.api(service.hub.issue("testuser", scopes=scopes)).get(route)

    if missing is None:
        assert reply.status_code == 200
    else:
        assert (reply.status_code, reply.json()["scopes"]) == (403, missing)
        assert f'error="insufficient_scope", scope="{" ".join(missing)}"' in reply.headers["WWW-Authenticate"]


async def test_scopes_that_a_header_cannot_hold(service: Service) -> None:
    """The header has them percent-encoded, and the problem as they are."""
    reply = await service.api(service.hub.issue("testuser", scopes=[ACCESS])).get("filtered")

    assert reply.status_code == 403
    assert reply.json()["scopes"] == ["custom:x:read!group=Łódź", 'custom:x:"w\\rite"!group=a b\r\nX: y']
    assert reply.headers["WWW-Authenticate"].endswith(
        ' scope="custom:x:read!group=%C5%81%C3%B3d%C5%BA custom:x:%22w%5Crite%22!group=a%20b%0D%0AX:%20y"'
    )


async def test_services_call_too(service: Service) -> None:
    """A service's token lets it in by the same rules as a user's."""
    token = service.hub.add_service("reporter", scopes=["access:services"])
    outsider = service.hub.add_service("outsider")

    assert (await service.api(token).get("who")).json() == "service reporter"
    assert (await service.api(outsider).get("who")).status_code == 403


async def test_closed_where_no_access_scope_is_known(serve: Serve) -> None:
    """If no access scope is configured, nobody is let in, not even an admin."""
    service = await serve(access_scopes_given=(), service_name="")
    service.hub.add_user("admin", admin=True)
    reply = await service.api(service.hub.issue("admin")).get("me")

    assert (reply.status_code, reply.json()["code"]) == (403, "insufficient_scope")
    assert "scopes" not in reply.json()


@pytest.mark.parametrize("headers", [{}, {"Cookie": "a=b"}, {"Cookie": f"{AUTH_COOKIE}=planted"}])
@pytest.mark.parametrize("route", ["", "me", "who", "debug", "docs", "openapi.json", "login", "logout", "health/live"])
async def test_no_question_without_a_credential(service: Service, route: str, headers: dict[str, str]) -> None:
    """A request without a credential never calls the Hub."""
    before = len(service.hub.requests)
    await service.api(headers=headers).get(route)

    assert len(service.hub.requests) == before


async def test_one_question_a_request(serve: Serve) -> None:
    """Several guards on one route ask the Hub once, and later requests use the cached answer."""
    service = await serve(app={"routers": [router]})
    api = service.api(service.hub.issue("testuser", scopes=[ACCESS, READ, WRITE]))
    for _ in range(3):
        await api.get("twice")

    assert calls(service.hub) == 1


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic dGVzdHVzZXI6cGFzc3dk", ""])
async def test_a_header_that_is_not_the_hubs_leaves_it_to_the_cookie(service: Service, header: str) -> None:
    """A script needs the XSRF token then, and a page opens."""
    browser = await service.signed_in()
    reply = await browser.fetch("GET", "who", headers={"Authorization": header})

    assert (reply.status_code, reply.json()["code"]) == (403, "xsrf")
    assert (await browser.visit("who", headers={"Authorization": header})).json() == "user testuser"


async def test_the_header_counts_before_the_cookie(service: Service) -> None:
    """A good token in a header says who the caller is, whoever is signed in by cookie."""
    service.hub.add_user("other")
    browser = await service.signed_in()
    reply = await browser.fetch("GET", "who", headers={"Authorization": f"token {service.hub.issue('other')}"})

    assert reply.json() == "user other"
    assert "set-cookie" not in reply.headers


async def test_two_headers_are_refused_over_http(service: Service) -> None:
    """Two Authorization headers are refused: they could mean one token to a proxy and another to us."""
    token = service.hub.issue("testuser")
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]

    assert (await service.api().get("who", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("at_sign_in", "now", "is_let_in"),
    [
        pytest.param("a" * 32, "a" * 32, True, id="equal"),
        pytest.param("a" * 32, "b" * 32, False, id="another"),
        pytest.param(None, "b" * 32, False, id="made in none"),
        pytest.param("a" * 32, None, False, id="browser without one"),
    ],
)
async def test_a_cookie_is_bound_to_the_hubs_session(
    service: Service,
    at_sign_in: str | None,
    now: str | None,
    is_let_in: bool,  # noqa: FBT001
) -> None:
    """A cookie counts only with the session id of the Hub with which it was made."""
    token = service.token_of(await service.signed_in(session_id=at_sign_in or SESSION_ID))
    browser = service.browser(session_id=now)
    service.keep(browser, AUTH_COOKIE, service.sealed(token, session_id=at_sign_in or ""))
    reply = await browser.visit("who", follow=False)

    assert reply.status_code == (200 if is_let_in else 302)


async def test_a_cookie_is_cleared_when_the_hub_says_no(serve: Serve) -> None:
    """A cookie whose token the Hub no longer knows is removed, and whoever opened a page may sign in again."""
    service = await serve(cache_ttl=1e-6, stale_grace=0)
    browser = await service.signed_in()
    service.hub.revoke(service.token_of(browser))
    reply = await browser.visit("me", follow=False)

    assert (reply.status_code, browser.cookie(AUTH_COOKIE)) == (302, None)


async def test_a_script_on_a_page_gets_401_and_the_cookie_cleared(serve: Serve) -> None:
    """A script with such a cookie gets 401 instead of a redirect, and the cookie is removed, too."""
    service = await serve(cache_ttl=1e-6, stale_grace=0)
    browser = await service.signed_in()
    service.hub.revoke(service.token_of(browser))
    key = derive_key(API_TOKEN, purpose="xsrf token")
    xsrf = xsrf_token(key, token=service.token_of(browser), session_id=SESSION_ID)
    reply = await browser.fetch("GET", "me", headers={"X-XSRFToken": xsrf})

    assert (reply.status_code, reply.json()["code"], browser.cookie(AUTH_COOKIE)) == (401, "invalid_token", None)


async def test_a_cookie_outlives_an_outage(serve: Serve) -> None:
    """An outage says nothing about the caller, so the cookie stays."""
    service = await serve(cache_ttl=1e-6, stale_grace=0)
    browser = await service.signed_in()
    service.hub.outage = OUTAGES["error_500"]
    reply = await browser.visit("me", follow=False)

    assert reply.status_code == 503
    assert "set-cookie" not in reply.headers


class KeptOutError(NotAdmittedError):
    """An application's own reason."""

    code = "kept_out"
    default = "This account is closed."


async def test_vetoes(serve: Serve) -> None:
    """An application may keep people out everywhere, except from seeing themselves and from signing in and out."""
    asked: list[str] = []

    async def veto(identity: Identity, _conn: HTTPConnection) -> None:
        asked.append(identity.name)
        if identity.name == "testuser":
            raise KeptOutError

    service = await serve(app={"routers": [router], "admit": [veto]})
    service.hub.add_user("other")
    mine, theirs = (service.api(service.hub.issue(name)) for name in ("testuser", "other"))

    assert [(await mine.get(route)).status_code for route in ("", "me", "login")] == [200, 200, 302]
    assert asked == []
    assert (await theirs.get("who")).json() == "user other"
    kept_out = await mine.get("who")
    assert (kept_out.status_code, kept_out.json()["code"], asked) == (403, "kept_out", ["other", "testuser"])
    assert (await mine.post("logout")).status_code == 204


async def test_a_veto_is_asked_last(serve: Serve) -> None:
    """A veto is asked only about callers whom the guard would let in otherwise."""

    async def veto(_identity: Identity, _conn: HTTPConnection) -> None:
        raise ThrottledError(retry_after=7)

    service = await serve(app={"routers": [router], "admit": [veto]})
    nobody, narrow, known = (
        service.api(token) for token in (None, service.hub.issue("testuser", scopes=[]), service.hub.issue("testuser"))
    )

    assert (await nobody.get("who")).status_code == 401
    assert (await narrow.get("who")).status_code == 403
    refused = await known.get("who")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")


async def test_a_cookie_with_a_token_of_another_session(serve: Serve) -> None:
    """A cookie made in this Hub session does not count if the Hub gave its token in another one, and is cleared."""
    service = await serve()
    browser = service.browser()
    token = service.hub.issue("testuser", session_id="e" * 32)
    service.keep(browser, AUTH_COOKIE, service.sealed(token))
    reply = await browser.visit("me", follow=False)

    assert (reply.status_code, browser.cookie(AUTH_COOKIE)) == (302, None)
