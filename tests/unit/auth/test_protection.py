"""`hub.protect`: mounted applications of any kind are served to those who may use them, and to nobody else."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from service.auth import Hub
from service.auth.context import context_of
from service.auth.guard import Guard
from service.auth.hosts import has_own_host
from service.auth.protection import Protected
from service.errors import ConfigurationError
from service.hub.models import Identity
from service.settings import Settings
from service.testing import FakeHub
from service.testing.callers import NAVIGATION, SCRIPT
from tests.support.shop import FOLDER, shop
from tests.unit.conftest import ORIGIN, Serve, Service, connect, settings_of

OWN_HOST: Mapping[str, Any] = {"public_host": ORIGIN, "hub_host": "http://hub.example.org"}
FETCH = {"Origin": ORIGIN, **SCRIPT}


async def answer(request: Request) -> Response:
    """Answer with the method and path of the request."""
    return PlainTextResponse(f"{request.method} {request.url.path}")


async def greet(websocket: WebSocket) -> None:
    """Accept everybody, and say hello."""
    await websocket.accept()
    await websocket.send_text("hello")


def dashboard() -> Starlette:
    """Return an application without a sign-in."""
    return Starlette(routes=[Route("/", answer, methods=["GET", "POST"]), WebSocketRoute("/socket", greet)])


def build(settings: Settings, *, scopes: Sequence[str] = (), cookies: bool | None = None) -> FastAPI:
    """Return an application that mounts the dashboard and static files, both protected."""

    def add(app: FastAPI, hub: Hub) -> None:
        app.mount("/dash", hub.protect(dashboard(), scopes=scopes, cookies=cookies))
        app.mount("/files", hub.protect(StaticFiles(directory=FOLDER)))

    return shop(settings, add=add)


async def cookies_of(service: Service) -> dict[str, str]:
    """Return the Cookie header of a browser that is signed in."""
    browser = await service.signed_in()
    return {"Cookie": "; ".join(f"{name}={value}" for (name, _path), value in browser.cookies().items())}


async def test_by_token(serve: Serve) -> None:
    """A token opens mounted pages, files and WebSockets. A stranger is refused everywhere."""
    service = await serve(app={"create": build})
    token = service.hub.issue("testuser")
    headers = {"Authorization": f"Bearer {token}"}

    assert (await service.api(token).get("dash/")).text == "GET /services/fastapi/dash/"
    assert (await service.api(token).post("dash/")).text == "POST /services/fastapi/dash/"
    assert (await service.api(token).get("files/after.py")).status_code == 200
    assert (await connect(service, "dash/socket", headers=headers)).text == "hello"
    for path in ("dash/", "files/after.py", "files/nothing"):
        assert (path, (await service.api().get(path)).status_code) == (path, 401)
    assert (await connect(service, "dash/socket")).status == 401


async def test_scopes(serve: Serve) -> None:
    """`hub.protect` may require scopes as a route does."""
    service = await serve(app={"create": build, "scopes": ["custom:dash"]})
    reply = await service.api(service.hub.issue("testuser")).get("dash/")

    assert (reply.status_code, reply.json()["scopes"]) == (403, ["custom:dash"])


async def test_no_cookie_where_notebooks_share_the_origin(serve: Serve) -> None:
    """On an origin with notebooks only tokens count: with a cookie, a notebook's page could send the same requests."""
    service = await serve(app={"create": build})
    cookies = await cookies_of(service)
    for headers in (NAVIGATION, FETCH):
        reply = await service.api(headers={**cookies, **headers}).get("dash/")
        assert (reply.status_code, "takes tokens alone" in reply.text) == (403, True)
    assert (await connect(service, "dash/socket", headers={**cookies, "Origin": ORIGIN})).status == 403


class Forgetful(Guard):
    """A guard before which the Hub forgets the token of the request."""

    hub: FakeHub

    async def __call__(self, conn: HTTPConnection) -> Identity:
        """Judge as ever, but later."""
        token = conn.headers["Authorization"].removeprefix("Bearer ")
        self.hub.revoke(token)
        context_of(conn).auth.forget(token)
        return await super().__call__(conn)


async def test_a_token_that_becomes_void_meanwhile(serve: Serve) -> None:
    """The cookie beside it does not count in its place: nobody has looked whether a cookie is good here."""
    guard = Forgetful()

    def create(settings: Settings) -> FastAPI:
        return shop(settings, add=lambda app, hub: app.mount("/late", Protected(hub, dashboard(), guard, cookies=None)))

    service = await serve(app={"create": create})
    guard.hub = service.hub
    service.hub.add_user("other")
    token, headers = service.hub.issue("other"), {**await cookies_of(service), **NAVIGATION}
    await service.api(token).get("whoami")  # the cache knows the token
    reply = await service.api(token, headers=headers).get("late/")

    assert (reply.status_code, reply.text) == (200, "GET /services/fastapi/late/")
    assert service.hub.count("GET", "/user") == 2  # the sign-in and the token: nobody asks about the cookie


async def test_cookies_that_are_asked_for_without_a_host() -> None:
    """With `cookies=True` and no host of its own, the application does not start, and says why."""
    with pytest.raises(ConfigurationError, match="this service has no host of its own"):
        async with LifespanManager(build(settings_of(), cookies=True)):
            pass
    async with LifespanManager(build(settings_of(**OWN_HOST), cookies=True)):
        pass


@pytest.mark.parametrize(
    ("ours", "hub", "is_own"),
    [
        ("https://stock.example.org", "https://hub.example.org", True),
        ("https://stock--service.hub.example.org", "https://hub.example.org", True),
        ("https://services.hub.example.org", "https://hub.example.org", False),
        ("https://services.hub.example.org:8443", "https://HUB.example.org:8443", False),
        ("https://hub.example.org:8443", "https://hub.example.org", False),
        ("https://hub.example.org.", "https://hub.example.org", False),
        ("", "https://hub.example.org", False),
        ("https://stock.example.org", "", False),
    ],
)
def test_whose_host_it_is(ours: str, hub: str, is_own: bool) -> None:  # noqa: FBT001 - a table
    """A host of its own is not the Hub's, and not the one that all services share under the Hub's legacy names."""
    assert has_own_host(settings_of(public_host=ours, hub_host=hub)) is is_own


async def test_an_answer_to_a_cookie_is_closed(serve: Serve) -> None:
    """What a protected application answers to a cookie is closed to other windows. Browsers may keep its files."""
    service = await serve(app={"create": build}, **OWN_HOST)
    opened = await service.api(headers={**await cookies_of(service), **NAVIGATION}).get("files/after.py")

    assert (opened.status_code, opened.headers["Cross-Origin-Opener-Policy"]) == (200, "same-origin-allow-popups")
    assert opened.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("method", "changed", "status"),
    [
        ("GET", {}, 200),
        ("POST", {}, 200),
        ("GET", NAVIGATION | {"Origin": None, "Sec-Fetch-Site": "cross-site"}, 200),
        ("GET", NAVIGATION | {"Origin": None, "Sec-Fetch-Site": "none"}, 200),
        ("GET", {"Origin": None}, 200),
        ("GET", {"Sec-Fetch-Site": "same-site", "Origin": None}, 403),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Origin": None}, 403),
        ("GET", {"Sec-Fetch-Site": None, "Sec-Fetch-Mode": None, "Origin": None}, 403),
        ("GET", {"Origin": "http://other.example.org"}, 403),
        ("GET", {"Host": "hub.example.org"}, 403),
        ("GET", NAVIGATION | {"Origin": None, "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-site"}, 403),
        ("POST", {"Origin": None}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", NAVIGATION | {"Origin": "null"}, 200),
        ("POST", NAVIGATION | {"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Sec-Fetch-Site": None}, 403),
        ("POST", {"Sec-Fetch-Site": "same-site"}, 403),
        ("POST", NAVIGATION | {"Origin": "http://other.example.org", "Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Origin": f"{ORIGIN}.evil.test"}, 403),
        ("POST", {"Host": "hub.example.org"}, 403),
    ],
)
async def test_cookies_on_a_host_of_its_own(
    serve: Serve, method: str, changed: Mapping[str, str | None], status: int
) -> None:
    """A cookie counts if a page of the same origin sends the request, or if a page is opened, and not otherwise."""
    service = await serve(app={"create": build}, **OWN_HOST)
    sent = {name: value for name, value in {**FETCH, **changed}.items() if value is not None}
    reply = await service.api(headers={**await cookies_of(service), **sent}).request(method, "dash/")

    assert reply.status_code == status
    assert (reply.text == f"{method} /services/fastapi/dash/") is (status == 200)


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {"Origin": ORIGIN}, 101),
        ({}, {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}, 101),
        ({}, {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}, 403),
        ({}, {"Origin": "http://other.example.org"}, 403),
        ({}, {}, 403),
        ({"allow_websocket_cookie": False}, {"Origin": ORIGIN}, 403),
    ],
)
async def test_websockets_by_cookie(
    serve: Serve, settings: Mapping[str, Any], headers: Mapping[str, str], status: int
) -> None:
    """By cookie, only a page of the same origin opens a WebSocket."""
    service = await serve(app={"create": build}, **OWN_HOST, **settings)

    assert (await connect(service, "dash/socket", headers={**await cookies_of(service), **headers})).status == status


async def test_within_starlette(serve: Serve) -> None:
    """`hub.protect` works within a Starlette application, too."""

    def around(settings: Settings) -> Starlette:
        hub = Hub(settings)
        return Starlette(routes=[Route("/", hub.protect(dashboard()))], lifespan=hub.lifespan)

    service = await serve(app={"create": around}, service_prefix="/")

    assert (await service.api().get(f"{ORIGIN}/")).status_code == 401
    assert (await service.api(service.hub.issue("testuser")).get(f"{ORIGIN}/")).text == "GET /"


async def test_one_scope_as_text(serve: Serve) -> None:
    """Is one scope, and not its letters, which nobody holds."""
    service = await serve(app={"create": lambda settings: build(settings, scopes="custom:dash")})
    for scopes, status in (("custom:dash", 200), ("custom:other", 403)):
        token = service.hub.issue("testuser", scopes=["access:services!service=fastapi", scopes])

        assert (await service.api(token).get("dash/")).status_code == status


async def test_cookies_that_are_left_out(serve: Serve) -> None:
    """With `cookies=False` a cookie does not count on a host of its own either; a token does."""
    service = await serve(app={"create": lambda settings: build(settings, cookies=False)}, **OWN_HOST)
    reply = await service.api(headers={**await cookies_of(service), **FETCH}).get("dash/")

    assert reply.status_code == 403
    assert (await service.api(service.hub.issue("testuser")).get("dash/")).status_code == 200
