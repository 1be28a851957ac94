"""Callers: scripts with a token and browsers with a cookie, judged as in a real service."""

from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import APIRouter

from service.auth.guard import CurrentUser, HubAdmin, require
from service.hub.models import Identity
from service.testing import Browser, Caller, Service, open_service

WRITE = "custom:notes:write"
router = APIRouter(prefix="/notes")


@router.get("")
async def read(user: CurrentUser) -> dict[str, object]:
    """Return the name of the caller."""
    return {"kind": user.kind, "name": user.name, "groups": user.groups}


@router.post("")
async def write(user: Annotated[Identity, require(WRITE)]) -> str:
    """Require a scope."""
    return user.name


@router.delete("")
async def clear(user: HubAdmin) -> str:
    """Require an administrator."""
    return user.name


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """The service, with these routes."""
    async with open_service(routers=[router]) as running:
        yield running


@pytest.fixture(params=["token", "cookie"])
def by(request: pytest.FixtureRequest) -> str:
    """Both kinds of callers."""
    return str(request.param)


def calling(caller: Caller, by: str) -> Caller | Browser:
    """Return a caller of this kind."""
    return caller if by == "token" else caller.browser()


async def test_a_user(service: Service, by: str) -> None:
    """A user calls by name, as script or browser, with any form of path."""
    alice = calling(service.user("alice", groups=["students"]), by)

    for where in ("notes", "/notes"):
        assert (await alice.get(where)).json() == {"kind": "user", "name": "alice", "groups": ["students"]}


@pytest.mark.parametrize(
    ("scopes", "admin", "expected"),
    [((), False, [200, 403, 403]), ((WRITE,), False, [200, 200, 403]), ((), True, [200, 403, 200])],
    ids=["no scope", "a scope", "admin"],
)
async def test_rights(service: Service, by: str, scopes: tuple[str, ...], admin: bool, expected: list[int]) -> None:  # noqa: FBT001
    """A user has the scopes of the token, and no others."""
    alice = calling(service.user("alice", scopes=scopes, admin=admin), by)

    assert [(await alice.request(method, "notes")).status_code for method in ("GET", "POST", "DELETE")] == expected


async def test_without_access(service: Service, by: str) -> None:
    """A user without access is refused."""
    mallory = calling(service.user("mallory", scopes=[WRITE], access=False), by)

    refused = await mallory.post("notes")

    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


async def test_another_service(service: Service) -> None:
    """A service calls with its API token."""
    reporter = service.other_service("reporter", scopes=[WRITE])

    assert (await reporter.get("notes")).json() == {"kind": "service", "name": "reporter", "groups": []}
    assert (await reporter.post("notes")).status_code == 200


async def test_nobody(service: Service) -> None:
    """Without a credential, scripts are refused, and browsers are redirected to the Hub."""
    nobody = service.anonymous()
    page = await nobody.browser().visit("notes")

    assert (await nobody.get("notes")).status_code == 401
    assert (await nobody.browser().get("notes")).status_code == 401
    assert (page.status_code, page.headers["Location"].partition("?")[0]) == (302, "/hub/api/oauth2/authorize")


async def test_a_sign_in_can_be_played_to_its_end(service: Service) -> None:
    """Through the fake Hub's authorize page, a browser can sign in, with its scopes."""
    service.user("alice", scopes=[WRITE])
    browser = service.anonymous().browser()
    sent_away = await browser.visit("notes")
    back = service.hub.authorize(sent_away.headers["Location"], user="alice")

    assert (await browser.visit(back, follow=True)).json()["name"] == "alice"
    assert (await browser.post("notes")).status_code == 200


async def test_a_browser_must_say_that_its_page_asks(service: Service) -> None:
    """A browser sends the XSRF token as our pages do. A test can leave it out."""
    browser = service.user("alice", scopes=[WRITE]).browser()

    assert (await browser.post("notes")).status_code == 200
    assert (await browser.post("notes", headers={"X-XSRFToken": ""})).json()["code"] == "xsrf"


async def test_a_browser_has_nothing_to_get(service: Service) -> None:
    """A browser that is made signed in has all cookies: opening a page sets none."""
    page = await service.user("alice").browser().visit("notes")

    assert (page.status_code, page.headers.get_list("Set-Cookie")) == (200, [])


async def test_what_is_revoked_is_revoked_at_once(service: Service) -> None:
    """A revoked token is refused at once. The browser of the same user has another token."""
    alice = service.user("alice")
    browser = alice.browser()
    assert (await alice.get("notes")).status_code == 200

    alice.revoke()

    assert (await alice.get("notes")).json()["code"] == "invalid_token"
    assert (await browser.get("notes")).status_code == 200


async def test_signing_out_at_the_hub(service: Service) -> None:
    """Signing out at the Hub ends the session of that browser only."""
    alice = service.user("alice")
    browser, other = alice.browser(), alice.browser()
    browser.sign_out_at_hub()
    page = await browser.visit("notes")

    assert page.status_code == 302
    assert browser.cookies.get("jupyterhub-session-id") is None
    assert [(await each.get("notes")).status_code for each in (other, alice)] == [200, 200]


async def test_one_scope_or_group_as_text(service: Service) -> None:
    """Is one, and not its letters."""
    alice = service.user("alice", scopes="custom:a", groups="students")

    assert "custom:a" in alice.scopes
    assert (await alice.get("notes")).json()["groups"] == ["students"]


async def test_groups_change_under_way(service: Service) -> None:
    """A change at the Hub takes effect with the next request."""
    alice = service.user("alice", groups=["students"])
    service.hub.add_user("alice", groups=("teachers",))

    assert (await alice.get("notes")).json()["groups"] == ["teachers"]


async def test_options_are_httpx_s(service: Service) -> None:
    """A caller is an httpx client: headers of a request or client are added to its own."""
    alice = Caller(service, token=service.user("alice").token, headers={"Accept": "text/plain"})

    assert alice.headers["Accept"] == "text/plain"
    assert (await alice.get("notes", headers={"X-Mine": "1"})).status_code == 200
