"""SERVICE_SIGN_IN=none: applications that keep nothing serve everybody, and nothing else does."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, cast

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from service.app import create_app
from service.application import configure
from service.auth import Hub
from service.auth.guard import CurrentUser, HubAdmin, HubAsCaller, judge_again, require, visitor
from service.auth.identification import identify_since
from service.auth.state import STATE_KEY, AuthState
from service.errors import ConfigurationError
from service.hub.models import Identity
from service.settings import Settings, load_settings
from service.testing import open_service
from service.web.middleware.bodies import STRANGERS_BODY

if TYPE_CHECKING:
    from service.auth.context import AuthContext

HOME = "http://127.0.0.1:8080"
GUID = "22222222-bbbb-4bbb-8bbb-222222222222"
NOTE = "Seen 12/03/2019 by Dr. Smith."
MASKED = "Seen **/**/**** by Dr. *****."
ONE = {"DEIDENTIFY_WORKERS": "1", "DEIDENTIFY_DEADLINE": "60"}  # a busy machine is not what is tested
APP = "deidentify"
WAYS_IN = ("Sign in", "Sign out", "/login", "/logout", "/me", "anonymous", "_xsrf=")

routes = APIRouter(prefix="/mine")


@routes.get("/open")
async def open_to_all(caller: Annotated[Identity | None, Depends(visitor)]) -> bool:
    """Say whether the caller is known."""
    return caller is not None


@routes.post("/length")
async def length(text: dict[str, str]) -> int:
    """Take a body, without a limit of its own."""
    return len(text)


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at a running service without a sign-in, shared by tests that leave it as it was."""
    settings = Settings(sign_in="none", apps=(APP,), variables=ONE)
    async with open_service(settings=settings, routers=[routes]) as running:
        transport = httpx.ASGITransport(running.app)
        async with httpx.AsyncClient(transport=transport, base_url=HOME, timeout=60) as client:
            yield client


# What is served


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nobody"),
        pytest.param({"Authorization": "Bearer x"}, id="a token"),
        pytest.param({"Authorization": "nonsense"}, id="a bad header"),
        pytest.param({"Cookie": "service-fastapi=x; service-fastapi=y"}, id="cookies that contradict"),
    ],
)
async def test_a_note_from_anybody(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """A note is masked for everybody, whatever credential came along."""
    reply = await client.post("/deidentify", json={"text": NOTE}, headers=headers)

    assert (reply.status_code, reply.json()["text"]) == (200, MASKED)
    assert "set-cookie" not in reply.headers


async def test_a_batch_from_anybody(client: httpx.AsyncClient) -> None:
    """A batch is no shorter than for people who sign in: it may be longer than what strangers may send at once."""
    line = b'{"text": "%s"}\n' % NOTE.encode()
    count = STRANGERS_BODY // len(line) + 1
    reply = await client.post(
        "/deidentify/batch", content=line + b"\n" * count * len(line), headers={"Content-Type": "application/x-ndjson"}
    )

    assert reply.status_code == 200
    assert MASKED in reply.text


async def test_the_form(client: httpx.AsyncClient) -> None:
    """The page to try it works, and says that nobody signs in; it offers no way in or out."""
    page = await client.get("/deidentify/try", headers={"Accept": "text/html"})
    sent = await client.post("/deidentify/try", data={"text": NOTE}, headers={"Accept": "text/html", "Origin": HOME})

    for reply in (page, sent):
        assert reply.status_code == 200
        assert "Nobody signs in here." in reply.text
        assert not [word for word in WAYS_IN if word in reply.text]
    assert re.search(r'<mark class="type-NAME" [^>]+>\*{5}</mark>', sent.text)


async def test_the_start_page(client: httpx.AsyncClient) -> None:
    """It links to what is there, and no further."""
    page = (await client.get("/", headers={"Accept": "text/html"})).text
    told = (await client.get("/")).json()

    assert 'href="/deidentify/try"' in page
    assert "Nobody signs in here." in page
    assert "Entra" not in page
    assert "Authorization" not in page
    assert told["user"] is None
    assert told["links"] == {"docs": "/docs", "openapi.json": "/openapi.json"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/login"),
        ("GET", "/oauth_callback"),
        ("GET", "/logout"),
        ("POST", "/logout"),
        ("POST", "/token"),
        ("GET", "/me"),
        ("GET", "/debug"),
        ("GET", "/metrics"),
        ("GET", "/docs/entra"),
        ("GET", "/auth"),
    ],
)
async def test_what_takes_a_caller_is_not_there(client: httpx.AsyncClient, method: str, path: str) -> None:
    """Routes that sign in, or tell callers of themselves, are absent."""
    assert (await client.request(method, path)).status_code == 404


async def test_the_openapi_document(client: httpx.AsyncClient) -> None:
    """It names no way to sign in, and neither routes nor problems that have to do with it."""
    document = (await client.get("/openapi.json")).json()

    paths = document["paths"]
    assert {"/deidentify", "/deidentify/batch", "/health/live", "/"} <= set(paths)
    assert not {"/me", "/debug", "/token", "/logout", "/login"} & set(paths)
    assert "securitySchemes" not in document["components"]
    operations = [operation for path in paths.values() for operation in path.values()]
    assert not [operation for operation in operations if "security" in operation or "401" in operation["responses"]]
    assert set(paths["/deidentify"]["post"]["responses"]) >= {"200", "403", "421"}
    assert document["components"]["responses"]["403"]["description"] == "A page of another site asks"


async def test_swagger_ui_has_no_client(client: httpx.AsyncClient) -> None:
    """Swagger UI is there, without a client to sign in with."""
    page = (await client.get("/docs", headers={"Accept": "text/html"})).text

    assert "/openapi.json" in page
    assert "clientId" not in page


async def test_a_route_of_ones_own(client: httpx.AsyncClient) -> None:
    """A router of one's own is served if it asks nobody who they are. It learns of no caller."""
    assert (await client.get("/mine/open", headers={"Authorization": "Bearer x"})).json() is False


async def test_another_site(client: httpx.AsyncClient) -> None:
    """What a page of another site sends is refused, before its body is read."""
    foreign = await client.post("/deidentify", json={"text": NOTE}, headers={"Origin": "https://evil.example"})
    rebound = await client.post("/deidentify", json={"text": NOTE}, headers={"Host": "evil.example"})

    assert (foreign.status_code, foreign.json()["code"]) == (403, "origin")
    assert (rebound.status_code, rebound.json()["code"]) == (421, "unknown_host")
    assert foreign.headers["content-type"] == "application/problem+json"


# How much


async def test_everybody_is_a_stranger(client: httpx.AsyncClient) -> None:
    """Bodies count against the small budget for strangers: a route without a limit of its own takes little."""
    reply = await client.post("/mine/length", json={"text": "x" * STRANGERS_BODY})

    assert reply.status_code == 413


async def test_the_largest_note_fits_into_the_form(client: httpx.AsyncClient) -> None:
    """In a form each byte of such a letter takes three. Beyond the size of a note the form is refused."""
    replies = [await client.post("/deidentify/try", data={"text": "é" * count}) for count in (50_000, 200_000)]

    assert [reply.status_code for reply in replies] == [200, 413]
    assert replies[1].json()["code"] == "note_too_large"


async def test_one_address_has_a_share() -> None:
    """The bodies of one address together have a share, so that it leaves room for others."""
    settings = Settings(sign_in="none", apps=(APP,), variables=ONE | {"DEIDENTIFY_NOTE_SIZE": "10000000"})
    async with open_service(settings=settings) as running:
        held = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b'{"text": "' + b"x" * (settings.body_memory // 4 - 1000)
            held.set()
            await asyncio.Event().wait()

        async with httpx.AsyncClient(transport=httpx.ASGITransport(running.app), base_url=HOME, timeout=60) as client:
            kind = {"Content-Type": "application/json"}
            first = asyncio.create_task(client.post("/deidentify", content=slow(), headers=kind))
            await held.wait()
            reply = await client.post("/deidentify", content=b"{" + b" " * 100_000, headers=kind)
            first.cancel()

    assert reply.status_code in {429, 503}
    assert reply.headers["retry-after"]


# What does not start


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"apps": ("desk",)}, "SERVICE_SIGN_IN: desk does not say that it keeps nothing", id="desk"),
        pytest.param(
            {"apps": ("tests.support.visits.application:application",)},
            "SERVICE_SIGN_IN: visits does not say that it keeps nothing",
            id="somebody else's",
        ),
        pytest.param({"listen_given": ("http://0.0.0.0:8080",)}, "at http://0.0.0.0:8080 everybody", id="all"),
        pytest.param(
            {"listen_given": ("http://127.0.0.1:1", "https://[::]:8443")}, "at https://[::]:8443 everybody", id="one"
        ),
        pytest.param({"listen_given": ("http://deid.example.org",)}, "everybody who can reach it", id="a name"),
        pytest.param({"public_host": "https://deid.example.org"}, "with PUBLIC_HOST everybody", id="PUBLIC_HOST"),
        pytest.param({"api_token": SecretStr("t" * 32)}, "a Hub or Entra ID is set up", id="a Hub"),
        pytest.param({"entra_tenant_id": GUID}, "a Hub or Entra ID is set up", id="Entra ID"),
        pytest.param({"password_grant": True}, "SERVICE_PASSWORD_GRANT", id="passwords"),
        pytest.param({"shell_sign_in": True}, "SERVICE_SHELL_SIGN_IN", id="shells"),
        pytest.param({"forward_auth": True}, "SERVICE_FORWARD_AUTH", id="forward-auth"),
    ],
)
def test_a_start_that_is_refused(changed: dict[str, object], said: str) -> None:
    """It does not start with an application that keeps something, at an address of others, or with a way to sign in."""
    with pytest.raises(ConfigurationError, match=r".") as caught:
        create_app(Settings.model_validate({"sign_in": "none", **changed}))

    assert said in str(caught.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "unix:/run/x.sock"])
def test_addresses_of_this_machine(address: str) -> None:
    """Addresses that only this machine can reach need no more."""
    create_app(Settings(sign_in="none", listen_given=(address,)))


def test_an_operator_who_means_it() -> None:
    """`none-public` serves at every address."""
    given = {"SERVICE_SIGN_IN": "none-public", "SERVICE_LISTEN": "http://0.0.0.0:8080", "SERVICE_APPS": APP}
    settings = load_settings(given | {"PUBLIC_HOST": "https://deid.example.org"})

    assert [each.application.name for each in configure(settings)] == [APP]
    create_app(settings)


async def _right(_: None) -> None: ...


def _guarded_router(kind: str) -> APIRouter:
    router = APIRouter()
    if kind == "router":
        router = APIRouter(dependencies=[require("custom:x:y")])
        router.add_api_route("/x", lambda: None)
    elif kind == "WebSocket":

        @router.websocket("/x")
        async def talk(websocket: WebSocket, user: CurrentUser) -> None: ...

    elif kind == "deep":

        async def who(user: CurrentUser) -> str:
            return user.name

        async def deeper(name: str = Depends(who)) -> str:
            return name

        router.add_api_route("/x", _right, dependencies=[Depends(deeper)])
    else:
        parameter = {"user": CurrentUser, "admin": HubAdmin, "caller": HubAsCaller}[kind]

        async def handler(caller) -> None: ...  # type: ignore[no-untyped-def] # noqa: ANN001

        handler.__annotations__ = {"caller": parameter}
        router.add_api_route("/x", handler, response_model=None)
    return router


@pytest.mark.parametrize("kind", ["user", "admin", "caller", "router", "WebSocket", "deep"])
def test_a_router_that_asks_who_is_calling(kind: str) -> None:
    """A router of one's own that asks for a caller or a right does not become open to all."""
    with pytest.raises(ConfigurationError, match="SERVICE_SIGN_IN: /x asks who is calling"):
        create_app(Settings(sign_in="none"), routers=[_guarded_router(kind)])


async def test_an_application_with_guards_of_its_own() -> None:
    """Somebody's application with `Hub` never serves everybody because of a variable."""
    hub = Hub(lambda: load_settings({"SERVICE_SIGN_IN": "none"}))
    app = FastAPI(lifespan=hub.lifespan)
    hub.install(app)

    with pytest.raises(ConfigurationError, match="this application asks who is calling"):
        async with LifespanManager(app):
            pass


async def test_a_batch_stays_open() -> None:
    """A connection that stays open is judged again as it was at first: nobody is asked for a credential."""
    anonymous = Identity(kind="anonymous", name="anonymous")
    policy = Hub(Settings(sign_in="none"), anonymous=anonymous).policy
    conn = HTTPConnection({"type": "http", "headers": [], STATE_KEY: AuthState(cast("AuthContext", None), policy)})

    await judge_again(conn, since=datetime.now(UTC))

    assert await identify_since(conn, datetime.now(UTC)) is anonymous


async def test_both_must_have_decided(serve_settings: Settings) -> None:
    """Nobody is anonymous where people sign in, even if the application had it so."""
    hub = Hub(serve_settings, anonymous=Identity(kind="anonymous", name="anonymous"))

    with pytest.raises(ConfigurationError, match="needs SERVICE_SIGN_IN=none"):
        async with hub.open():
            pass


@pytest.fixture
def serve_settings() -> Settings:
    """Settings beside a Hub."""
    return Settings(api_token=SecretStr("t" * 32), service_name="fastapi")


def test_it_is_said_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """The log warns that everybody is served."""
    with caplog.at_level(logging.WARNING, "service"):
        create_app(Settings(sign_in="none"))

    assert "everybody who can reach this service may use it" in caplog.text
