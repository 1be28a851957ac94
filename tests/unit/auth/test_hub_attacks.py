"""What attackers try on an application with a Hub installed. `tests/integration` has the attacks on our own service."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.responses import StreamingResponse

from service.auth import Hub, Identity
from service.hub.sealing import Sealer
from service.settings import Settings
from service.testing.callers import NAVIGATION, SCRIPT
from tests.support.open_connection import OpenConnection
from tests.support.session import Session
from tests.support.shop import shop
from tests.unit.conftest import AUTH_COOKIE, ORIGIN, PREFIX, SESSION_ID, STATE_COOKIE, Serve, Service, connect


def build(settings: Settings) -> FastAPI:
    """Return an application with a route that writes, and a lifespan with a state of its own."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"identity": "planted", "service.auth": "planted"}

    def add(app: FastAPI, hub: Hub) -> None:
        @app.post("/notes")
        async def write(user: Annotated[Identity, Depends(hub.user)]) -> str:
            return user.name

        @app.get("/careless")
        async def careless(request: Request, response: Response) -> str:
            response.headers["X-State"] = str(sorted(request.state._state))  # noqa: SLF001 - all that is in it
            return "open"

    return shop(settings, add=add, around=lifespan)


@pytest.fixture
async def service(serve: Serve) -> Service:
    """The application, beside a Hub."""
    return await serve(app={"create": build})


def cookie_header(browser: Session) -> str:
    """Return what the browser sends."""
    return "; ".join(f"{name}={value}" for (name, _path), value in browser.cookies().items())


async def test_nothing_of_ours_is_in_the_applications_state(service: Service) -> None:
    """An `identity` in the application's own state identifies nobody, and we add nothing to that state."""
    await service.api(service.hub.issue("testuser")).get("whoami")
    reply = await service.api().get("careless")

    assert reply.headers["X-State"] == "['identity', 'service.auth']"
    assert (await service.api().get("whoami")).status_code == 401


@pytest.mark.parametrize(
    "value",
    [
        "x",
        "",
        "." * 200,
        "eyJhbGciOiJub25lIn0.e30.",
        Sealer("another secret", purpose="session cookie").seal("t s 0", lifetime=timedelta(hours=1)),
    ],
    ids=["text", "empty", "dots", "JWT", "another key"],
)
async def test_forged_cookies(service: Service, value: str) -> None:
    """A cookie that we did not seal signs nobody in."""
    browser = service.browser()
    service.keep(browser, AUTH_COOKIE, value)

    assert (await browser.visit("whoami", follow=False)).status_code == 302
    assert (await browser.fetch("GET", "whoami")).status_code in {401, 403}
    assert (await service.api(headers={"Cookie": cookie_header(browser)}).get("whoami")).status_code == 401


async def test_a_cookie_sealed_for_something_else(service: Service) -> None:
    """The state of a sign-in, sealed with our key, is no session."""
    browser = service.browser()
    await browser.visit("whoami", follow=False)
    service.keep(browser, AUTH_COOKIE, browser.cookie(STATE_COOKIE) or "none")

    assert (await browser.visit("whoami", follow=False)).status_code == 302


async def test_a_planted_cookie_beside_the_own(service: Service) -> None:
    """Two cookies of one name sign nobody in."""
    browser = await service.signed_in()
    thief = await service.signed_in("testuser", session_id="f" * 32)
    cookies = f"{cookie_header(browser)}; {AUTH_COOKIE}={thief.cookie(AUTH_COOKIE)}"
    reply = await service.api(headers={"Cookie": cookies, **SCRIPT}).get("whoami")

    assert (reply.status_code, reply.json()["code"]) == (400, "cookie_conflict")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "whoami", SCRIPT, 403),
        ("POST", "notes", {"Origin": ORIGIN, **SCRIPT}, 403),
        ("POST", "notes", {"Origin": "https://evil.test", **NAVIGATION, "Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", "notes", {"Origin": ORIGIN, **SCRIPT, "X-XSRFToken": "guess"}, 403),
        ("POST", "notes", {"X-HTTP-Method-Override": "GET", **NAVIGATION}, 403),
        ("GET", "whoami", {**NAVIGATION, "Sec-Fetch-Dest": "iframe"}, 403),
        ("GET", "whoami", {**NAVIGATION, "Service-Worker-Navigation-Preload": "true"}, 403),
    ],
)
async def test_pages_of_others(
    service: Service, method: str, path: str, headers: Mapping[str, str], status: int
) -> None:
    """The cookie counts only for our own pages. A notebook's page has the same origin and is not one of them."""
    browser = await service.signed_in()
    reply = await service.api(headers={"Cookie": cookie_header(browser), **headers}).request(method, path)

    assert reply.status_code == status
    assert "testuser" not in reply.text


async def test_websockets_of_others(service: Service) -> None:
    """Another origin, or a page without the XSRF token, opens no WebSocket by cookie."""
    cookie = {"Cookie": cookie_header(await service.signed_in())}

    assert (await connect(service, "socket", headers={**cookie, "Origin": "https://evil.test"})).status == 403
    assert (await connect(service, "socket", headers={**cookie, "Origin": ORIGIN})).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer {token}"), ("Authorization", "Bearer other")],
        [("Authorization", "Basic dGVzdHVzZXI6cGFzc3dk")],
        [("Authorization", "Bearer {token} extra")],
        [("Authorization", "Bearer")],
        [("Remote-User", "testuser"), ("X-Forwarded-User", "testuser"), ("X-Auth-Request-User", "testuser")],
        [("X-JupyterHub-User", "testuser"), ("Cookie", "service.auth=testuser")],
    ],
    ids=["two headers", "Basic", "three words", "no token", "names of proxies", "made-up names"],
)
async def test_headers_that_confuse(service: Service, headers: list[tuple[str, str]]) -> None:
    """A header that is not exactly a Hub's token signs nobody in, and leaves a cookie with its XSRF check."""
    token = service.hub.issue("testuser")
    sent = [(name, value.replace("{token}", token)) for name, value in headers]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url=service.home) as client:
        reply = await client.get("whoami", headers=sent)
        assert reply.status_code == 401
        if sent[0][0] == "Authorization":
            cookie = cookie_header(await service.signed_in())
            beside = await client.get("whoami", headers=[*sent, ("Cookie", cookie), ("Sec-Fetch-Mode", "cors")])
            assert "testuser" not in beside.text
            assert beside.status_code == 403


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/",
        "//evil.test/",
        "/user/eve/",
        f"{PREFIX}../../user/eve/",
        f"{PREFIX}%2e%2e/%2e%2e/user/eve/",
        "/\\evil.test",
    ],
)
async def test_next_leads_nowhere_else(service: Service, address: str) -> None:
    """Whatever `next` is, a sign-in leads to a page of the application."""
    browser = await service.signed_in()
    reply = await browser.client.get(f"{service.home}login", params={"next": address}, headers=NAVIGATION)

    assert reply.headers["Location"] == PREFIX


async def test_somebody_elses_sign_in(service: Service) -> None:
    """The callback of a sign-in that another browser began signs nobody in."""
    thief, victim = service.browser(session_id="f" * 32), service.browser(session_id=SESSION_ID)
    begun = await thief.visit("whoami", follow=False)
    link = service.authorized(begun, session_id="f" * 32)
    reply = await victim.visit(link, follow=False)

    assert (reply.status_code, "sign_in_state" in reply.text) == (403, True)
    assert victim.cookie(AUTH_COOKIE) is None


@pytest.mark.parametrize("path", ["//whoami", "/./whoami", "/whoami/../whoami", "/%2e/whoami", "/whoami%00", "/WHOAMI"])
async def test_paths_that_confuse(service: Service, path: str) -> None:
    """No spelling of a path gets a stranger past the guard."""
    reply = await service.api(follow_redirects=False).get(f"{ORIGIN}{PREFIX.rstrip('/')}{path}")

    assert reply.status_code in {401, 404}


async def test_no_secret_in_a_refusal(service: Service) -> None:
    """A refusal repeats neither the token nor anything of the address."""
    reply = await service.api("secret-token").get("whoami?token=secret-too")

    assert reply.status_code == 401
    assert "secret" not in reply.text + str(reply.headers)


async def test_a_guard_after_the_opening(serve: Serve) -> None:
    """If the guard refuses after the WebSocket was accepted, it is closed with the reason."""

    def add(app: FastAPI, hub: Hub) -> None:
        @app.websocket("/late")
        async def late(websocket: WebSocket) -> None:
            await websocket.accept()
            await hub.user(websocket)
            await websocket.send_text("secret")

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})
    async with OpenConnection(service.app, "websocket", f"{PREFIX}late") as late:
        await late.until_over()

    assert [message["type"] for message in late.messages] == ["websocket.accept", "websocket.close"]
    assert late.closed == (1008, "not_signed_in")


async def test_a_lifespan_that_uses_our_words(serve: Serve) -> None:
    """A stream is answered as usual, even if the application's state uses the same words as ours."""

    @asynccontextmanager
    async def around(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"is_head": True, "scope": "planted", "reference": "planted"}

    def add(app: FastAPI, hub: Hub) -> None:
        @app.get("/events", dependencies=[Depends(hub.user)])
        async def events() -> StreamingResponse:
            async def parts() -> AsyncIterator[str]:
                yield "data: all of it\n\n"

            return StreamingResponse(parts(), media_type="text/event-stream")

    service = await serve(app={"create": lambda settings: shop(settings, add=add, around=around)})

    assert (await service.api(service.hub.issue("testuser")).get("events")).text == "data: all of it\n\n"
