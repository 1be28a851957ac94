"""What an application may refuse: a caller, a sign-in, earlier answers of the Hub, and tokens from before a change."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, WebSocket
from starlette.requests import HTTPConnection

from service.auth.errors import NotAdmittedError
from service.auth.guard import CurrentUser, require
from service.hub.models import Identity
from service.hub.sealing import Sealer
from service.testing import OUTAGES
from tests.support.open_connection import OpenConnection
from tests.support.session import forms
from tests.unit.auth.test_login_by_url import answered, asked
from tests.unit.conftest import API_TOKEN, AUTH_COOKIE, PREFIX, SESSION_ID, Serve, Service

ACCESS, READ, WRITE = "access:services!service=fastapi", "custom:x:read", "custom:x:write"
ALWAYS = datetime.max.replace(tzinfo=UTC)

router = APIRouter()


@router.get("/read")
async def read(user: Annotated[Identity, require(READ)]) -> list[str]:
    """A route with one guard."""
    return list(user.groups)


@router.post("/read")
async def write_there(_: Annotated[Identity, require(READ)]) -> None:
    """What a form sends to."""


@router.get("/read/{thing}", dependencies=[require(READ)])
async def read_one(thing: int, user: CurrentUser) -> list[str]:
    """A route with two guards and a parameter."""
    return [str(thing), *user.groups]


@router.get("/any", dependencies=[require(READ, WRITE, mode="any")])
async def either() -> None:
    """One of two scopes."""


@router.websocket("/talk", dependencies=[require(READ)])
async def talk(websocket: WebSocket) -> None:
    """A connection that stays open."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


class DeniedError(NotAdmittedError):
    """An application's own reason."""

    code = "denied"
    default = "You may not sign in."


class Application:
    """An application that says what the test wants, and counts how often it is asked."""

    def __init__(self) -> None:
        self.since: datetime | None = None
        self.denied: set[str] = set()
        self.asked = 0

    async def admit(self, _identity: Identity, _conn: HTTPConnection) -> datetime | None:
        """Return when rights last changed, as the test says."""
        self.asked += 1
        return self.since

    async def admit_sign_in(self, identity: Identity, _conn: HTTPConnection) -> None:
        """Refuse sign-ins of the people in `denied`."""
        if identity.name in self.denied:
            raise DeniedError

    def entitled(self, identity: Identity, _conn: HTTPConnection) -> set[str]:
        """Return the scopes that the caller's groups give."""
        return {scope for group, scope in {"readers": READ, "writers": WRITE}.items() if group in identity.groups}


@pytest.fixture
def application() -> Application:
    """The application that the service runs."""
    return Application()


@pytest.fixture
async def service(serve: Serve, application: Application) -> Service:
    """A service with the application, which caches the Hub's answers."""
    app: Mapping[str, Any] = {
        "routers": [router],
        "admit": [application.admit],
        "admit_sign_in": [application.admit_sign_in],
        "entitled": [application.entitled],
    }
    return await serve(app=app, recheck_interval=0.05, password_grant=True, allow_token_in_url=True)


def now() -> datetime:
    """Return the current time, aware."""
    return datetime.now(UTC)


# Rights that have changed

ROUTES = pytest.mark.parametrize("route", ["read", "read/1"], ids=["one guard", "two guards"])


@ROUTES
async def test_fewer_rights_hold_at_once(service: Service, application: Application, route: str) -> None:
    """After rights have changed, earlier answers of the Hub do not count, however fresh: a removed scope is refused."""
    token = service.hub.issue("testuser", scopes=[ACCESS, READ])
    caller = service.api(token)
    assert (await caller.get(route)).status_code == 200
    service.hub.rescope(token, [ACCESS])
    assert (await caller.get(route)).status_code == 200  # as the cache has it

    application.since = now()
    assert (await caller.get(route)).status_code == 403


@ROUTES
async def test_more_rights_hold_at_once(service: Service, application: Application, route: str) -> None:
    """A scope that was given counts at once, although the Hub's earlier answer lacks it."""
    token = service.hub.issue("testuser", scopes=[ACCESS])
    caller = service.api(token)
    assert (await caller.get(route)).status_code == 403
    service.hub.rescope(token, [ACCESS, READ])
    service.hub.add_user("testuser", groups=("readers",))
    assert (await caller.get(route)).status_code == 403

    application.since = now()
    reply = await caller.get(route)
    assert (reply.status_code, reply.json()[-1]) == (200, "readers")


async def test_access_that_was_given_holds_at_once(service: Service, application: Application) -> None:
    """Access to the service that was given counts at once, too."""
    token = service.hub.issue("testuser", scopes=[READ])
    caller = service.api(token)
    assert (await caller.get("read")).status_code == 403
    service.hub.rescope(token, [ACCESS, READ])

    application.since = now()
    assert (await caller.get("read")).status_code == 200


async def test_a_browser_too(service: Service, application: Application) -> None:
    """A browser's session is judged again at once, too. If its token was revoked, its cookie is cleared."""
    service.hub.add_user("testuser", scopes={ACCESS, READ})
    browser = await service.signed_in()
    assert (await browser.visit("read")).status_code == 200
    service.hub.revoke(service.token_of(browser))
    assert (await browser.visit("read")).status_code == 200

    application.since = now()
    assert (await browser.visit("read", follow=False)).status_code == 302
    assert browser.cookie(AUTH_COOKIE) is None


@pytest.mark.parametrize("grace", [0, 300])
async def test_no_grace_for_what_was_said_before(serve: Serve, application: Application, grace: float) -> None:
    """While the Hub cannot be asked, nobody comes in on an answer from before their rights changed."""
    service = await serve(app={"routers": [router], "admit": [application.admit]}, stale_grace=grace)
    caller = service.api(service.hub.issue("testuser", scopes=[ACCESS, READ]))
    assert (await caller.get("read")).status_code == 200
    service.hub.outage = OUTAGES["down"]
    assert (await caller.get("read")).status_code == 200

    application.since = now()
    reply = await caller.get("read")
    assert (reply.status_code, reply.json()["code"]) == (503, "hub_unavailable")
    assert "Retry-After" in reply.headers


async def test_one_question_after_a_change(service: Service, application: Application) -> None:
    """A change costs one question to the Hub, not one with each request."""
    caller = service.api(service.hub.issue("testuser", scopes=[ACCESS, READ]))
    await caller.get("read")
    application.since = now()
    for _ in range(5):
        await caller.get("read")

    assert service.hub.count("GET", "/user") == 2


async def test_a_moment_in_the_future(service: Service, application: Application) -> None:
    """While a change is under way the Hub is asked every time."""
    caller = service.api(service.hub.issue("testuser", scopes=[ACCESS, READ]))
    application.since = ALWAYS
    for _ in range(3):
        assert (await caller.get("read")).status_code == 200

    assert service.hub.count("GET", "/user") == 4  # twice for the first request, whose answer is not cached yet


@ROUTES
async def test_asked_once_a_request(service: Service, application: Application, route: str) -> None:
    """However many guards a route has, an application is asked once."""
    caller = service.api(service.hub.issue("testuser", scopes=[ACCESS, READ]))
    await caller.get(route)

    assert application.asked == 1


async def test_an_open_connection_ends(service: Service, application: Application) -> None:
    """A WebSocket whose scope was removed is closed, even while the Hub's answer is cached."""
    token = service.hub.issue("testuser", scopes=[ACCESS, READ])
    signed = {"Authorization": f"Bearer {token}"}
    async with OpenConnection(service.app, "websocket", f"{PREFIX}talk", headers=signed) as socket:
        socket.say("hello")
        await socket.until(lambda: socket.said == "hello")
        service.hub.rescope(token, [ACCESS])
        application.since = now()
        await socket.until_over()

    assert socket.closed == (1008, "insufficient_scope")


async def test_an_open_connection_has_no_grace(service: Service, application: Application) -> None:
    """A WebSocket of somebody whose rights have changed is closed while the Hub cannot be asked."""
    signed = {"Authorization": f"Bearer {service.hub.issue('testuser', scopes=[ACCESS, READ])}"}
    async with OpenConnection(service.app, "websocket", f"{PREFIX}talk", headers=signed) as socket:
        socket.say("hello")
        await socket.until(lambda: socket.said == "hello")
        service.hub.outage = OUTAGES["down"]
        application.since = now()
        await socket.until_over()

    assert socket.closed == (1013, "hub_unavailable")


# Signing in


async def test_no_new_session(service: Service, application: Application) -> None:
    """A person who may not sign in comes back from the Hub without a session, and no sign-in stays open."""
    application.denied.add("testuser")
    browser = service.browser()
    begun = await browser.visit("login", follow=False)
    reply = await browser.visit(service.authorized(begun), follow=False)

    assert reply.status_code == 403
    assert "denied" in reply.text
    assert [name for name, _ in browser.cookies() if name.startswith("service-fastapi")] == []


async def test_no_new_session_for_who_has_one(service: Service, application: Application) -> None:
    """A person with a session who may not sign in gets no new session, and keeps the old one."""
    service.hub.add_user("testuser", scopes={ACCESS, READ})
    browser = await service.signed_in()
    application.denied.add("testuser")

    assert (await browser.visit("login", follow=False)).status_code == 403
    assert (await browser.visit("login?again=1", follow=False)).status_code == 403
    assert (await browser.visit("read", follow=False)).status_code == 200


async def test_no_session_by_an_address(service: Service, application: Application) -> None:
    """A token in an address gives a person who may not sign in no session, and opens no page."""
    application.denied.add("testuser")
    browser = service.browser()
    reply = await browser.visit(f"read?token={service.hub.issue('testuser')}", follow=False)

    assert (reply.status_code, browser.cookie(AUTH_COOKIE)) == (403, None)


async def test_no_token_for_a_code(service: Service, application: Application) -> None:
    """Swagger UI gets no token for a person who may not sign in, but an OAuth error."""
    application.denied.add("testuser")
    form = {"grant_type": "authorization_code", "code": service.hub.grant(session_id=SESSION_ID)}
    headers = {"Origin": "http://jupyter.example.org", "Cookie": f"jupyterhub-session-id={SESSION_ID}"}
    reply = await service.api().post("token", data=form | {"code_verifier": "v" * 43}, headers=headers)

    assert (reply.status_code, reply.json()) == (
        400,
        {"error": "invalid_grant", "error_description": "You may not sign in."},
    )


@pytest.mark.parametrize("password", ["passwd", "wrong"])
async def test_no_token_for_a_password(service: Service, application: Application, password: str) -> None:
    """A person who may not sign in gets no token for a password. The answer says why only if the password is right."""
    application.denied.add("testuser")
    form = {"grant_type": "password", "username": "testuser", "password": password}
    reply = await service.api().post("token", data=form)

    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
    assert (reply.json()["error_description"] == "You may not sign in.") == (password == "passwd")


async def test_others_sign_in(service: Service, application: Application) -> None:
    """Everybody else signs in, and gets tokens."""
    application.denied.add("somebody")
    browser = await service.signed_in()
    form = {"grant_type": "password", "username": "testuser", "password": "passwd"}

    assert browser.cookie(AUTH_COOKIE)
    assert (await service.api().post("token", data=form)).status_code == 200


# A token from before a change of rights


def member(service: Service, *groups: str) -> str:
    """Put testuser into groups, and return a token without the scopes that these give."""
    service.hub.add_user("testuser", scopes={ACCESS}, groups=groups)
    return service.hub.issue("testuser")


@pytest.mark.parametrize("route", ["read", "any"])
async def test_a_script_is_told_to_get_another_token(service: Service, route: str) -> None:
    """A caller in the group whose token lacks its scope is told to get a new one. Code and status are as usual."""
    reply = await service.api(member(service, "readers")).get(route)

    assert (reply.status_code, reply.json()["code"]) == (403, "insufficient_scope")
    assert "in a notebook stop its server and start it again; for a script get a new token" in reply.json()["detail"]
    assert READ in reply.headers["WWW-Authenticate"]


@pytest.mark.parametrize("groups", [(), ("writers",)], ids=["none", "another"])
async def test_who_is_not_in_the_group(service: Service, groups: tuple[str, ...]) -> None:
    """A caller who is not in the group is not told to get a new token, which would not help."""
    reply = await service.api(member(service, *groups)).get("read")

    assert "new token" not in reply.json()["detail"]


async def test_another_service(service: Service) -> None:
    """A service, which is in no group, is not told to get a new token either."""
    token = service.hub.add_service("reporter", scopes=[ACCESS])

    assert "new token" not in (await service.api(token).get("read")).json()["detail"]


async def test_a_page_offers_to_sign_in_again(service: Service) -> None:
    """A browser gets a page with a button to sign in again at the Hub, although its reader is signed in."""
    member(service, "readers")
    browser = await service.signed_in()
    page = await browser.visit("read", follow=False)

    assert page.status_code == 403
    assert f'href="{PREFIX}login?next=%2Fservices%2Ffastapi%2Fread&amp;again=1">Sign in again' in page.text
    again = await browser.visit("login?next=%2Fservices%2Ffastapi%2Fread&again=1", follow=False)
    assert again.headers["Location"].startswith("/hub/api/oauth2/authorize?")


async def test_a_page_is_sent_through_the_hub_once(service: Service, application: Application) -> None:
    """After rights have changed, a page with an older session is sent to the Hub. With the new session it opens."""
    member(service, "readers")
    browser = await service.signed_in()
    application.since = now()
    sent = await browser.visit("read", follow=False)
    assert sent.status_code == 302
    service.hub.add_user("testuser", scopes={ACCESS, READ}, groups=("readers",))
    back = await browser.visit(service.authorized(sent), follow=False)

    assert (back.status_code, back.headers["Location"]) == (302, f"{PREFIX}read")
    assert (await browser.visit("read", follow=False)).status_code == 200


async def test_nobody_goes_round_for_ever(service: Service, application: Application) -> None:
    """If the new session lacks the scope as well, the reader gets a page, and not another redirect to the Hub."""
    member(service, "readers")
    browser = await service.signed_in()
    application.since = now()
    sent = await browser.visit("read", follow=False)
    back = await browser.visit(service.authorized(sent), follow=False)

    assert (sent.status_code, back.status_code) == (302, 302)
    assert (await browser.visit("read", follow=False)).status_code == 403


async def test_no_way_round_while_a_change_is_under_way(service: Service, application: Application) -> None:
    """While a change is under way nobody is redirected: every new session would be older than the change."""
    member(service, "readers")
    browser = await service.signed_in()
    application.since = ALWAYS

    assert (await browser.visit("read", follow=False)).status_code == 403


async def test_a_form_is_not_sent_away(service: Service, application: Application) -> None:
    """Neither a form nor a script is redirected to the Hub: a form would be lost, and a script cannot sign in."""
    member(service, "readers")
    browser = await service.signed_in()
    application.since = now()

    assert (await browser.fetch("GET", "read", headers=browser.signing(PREFIX))).status_code == 403
    sent = await browser.fetch("POST", "read", headers=browser.signing(PREFIX) | {"Sec-Fetch-Mode": "navigate"})
    assert sent.status_code == 403


async def test_a_session_from_before_sessions_had_a_beginning(service: Service, application: Application) -> None:
    """A cookie that does not say when its session began counts as old."""
    token = member(service, "readers")
    browser = service.browser()
    sealer = Sealer(API_TOKEN, purpose="session cookie")
    service.keep(browser, AUTH_COOKIE, sealer.seal(f"{token} {SESSION_ID}", lifetime=timedelta(hours=1)))
    application.since = now() - timedelta(days=30)

    assert (await browser.visit("read", follow=False)).status_code == 302


async def test_a_token_in_a_header_sends_nobody_away(service: Service, application: Application) -> None:
    """A request with a token in a header gets a page and no redirect: signing in would not renew that token."""
    application.since = now()
    reply = await service.api(member(service, "readers"), headers={"Accept": "text/html"}).get("read")

    assert reply.status_code == 403


async def test_many_at_once(service: Service, application: Application) -> None:
    """Of simultaneous requests after a change, none is judged by an earlier answer of the Hub."""
    token = service.hub.issue("testuser", scopes=[ACCESS, READ])
    caller = service.api(token)
    await caller.get("read")
    service.hub.rescope(token, [ACCESS])
    application.since = now()
    replies = await asyncio.gather(*(caller.get("read") for _ in range(50)))

    assert {reply.status_code for reply in replies} == {403}


async def test_the_latest_moment_counts(serve: Serve) -> None:
    """Where two applications name a moment, the later one counts, in whatever order they are asked."""
    first, second = Application(), Application()
    for early, late in ((first, second), (second, first)):
        service = await serve(app={"routers": [router], "admit": [first.admit, second.admit]})
        token = service.hub.issue("testuser", scopes=[ACCESS, READ])
        first.since = second.since = None
        assert (await service.api(token).get("read")).status_code == 200
        service.hub.rescope(token, [ACCESS])
        early.since, late.since = now() - timedelta(hours=1), now()

        assert (await service.api(token).get("read")).status_code == 403


async def test_no_session_for_who_was_asked_before(serve: Serve) -> None:
    """A person who may not sign in any more gets no session by saying yes to a question that was put before."""
    application = Application()
    service = await serve(app={"admit_sign_in": [application.admit_sign_in]}, allow_token_in_url=True)
    browser = service.browser()
    link = forms(await asked(service, browser, service.hub.issue("testuser")))[0].values["link"]
    application.denied.add("testuser")

    assert await answered(browser, link) == (403, False)


async def test_who_would_get_one_scope_of_two(serve: Serve) -> None:
    """Whose groups give one of two missing scopes is not told to get a new token, which would lack the other."""
    both = APIRouter()

    @both.get("/both", dependencies=[require(READ, WRITE)])
    async def needs_both() -> None:
        """Need two scopes."""

    service = await serve(app={"routers": [both], "entitled": [Application().entitled]})
    groups = ("readers",), ("readers", "writers")
    replies = [await service.api(member(service, *each)).get("both") for each in groups]

    assert ["new token" in reply.json()["detail"] for reply in replies] == [False, True]
    assert {reply.status_code for reply in replies} == {403}
