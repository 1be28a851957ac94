"""What an application of somebody's own is with a Hub installed: all that it was, and signed in."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from difflib import unified_diff
from typing import Annotated, Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from service.app import ServiceApp, create_app
from service.auth import Hub, Identity
from service.errors import ConfigurationError
from service.settings import Settings
from tests.support.open_connection import OpenConnection
from tests.support.shop import FOLDER, example, shop
from tests.unit.conftest import HUB_HOST, ORIGIN, PREFIX, Serve, Service, connect, settings_of


@pytest.fixture
async def stock(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The application of examples/existing_app."""
    return await serve(
        app={"create": lambda settings: example(settings, monkeypatch)}, api_token="0" * 32, recheck_interval=0.05
    )


def test_the_example_changes_few_lines() -> None:
    """The Hub comes into an existing application with fewer than ten lines."""
    before, after = ((FOLDER / f"{name}.py").read_text().splitlines() for name in ("before", "after"))
    changed = [
        line
        for line in unified_diff(before, after, n=0, lineterm="")
        if line[0] in "+-" and line[:3] not in {"+++", "---"}
    ]
    added = [line for line in changed if line[0] == "+"]

    assert len(added) < 10
    assert len(changed) - len(added) < 10


async def test_it_works_as_before(stock: Service) -> None:
    """Sync routes, class-based dependencies, the lifespan's state, background tasks and middleware are as they were."""
    token = stock.hub.issue("testuser")
    api = stock.api(token)

    assert (await api.get("items/chair")).json() == {"chair": 4}
    sold = await api.post("items/table/sales")
    assert (sold.status_code, sold.json(), sold.headers["X-Shop"]) == (201, {"table": 0}, "stock")
    assert (await api.get("reports/today")).json() == {"today": "quiet"}
    assert (await api.get("dashboard/chart")).headers["Content-Type"] == "image/svg+xml"
    headers = {"Authorization": f"Bearer {token}"}
    async with OpenConnection(stock.app, "websocket", f"{PREFIX}live", headers=headers) as socket:
        await socket.until(lambda: "4 chairs" in socket.said)
        stock.hub.revoke(token)
        await socket.until_over()
    assert socket.closed == (1008, "invalid_token")


async def test_its_own_handlers_answer(stock: Service) -> None:
    """Errors are told in its own words, ours too; headers that its handler forgets are there all the same."""
    api, stranger = stock.api(stock.hub.issue("testuser")), stock.api()
    await api.post("items/table/sales")
    own, missing, refused = (
        await api.post("items/table/sales"),
        await api.get("items/sofa"),
        await stranger.get("items/chair"),
    )

    assert (own.status_code, own.json()) == (409, {"error": "out of stock"})
    assert (missing.status_code, missing.json()) == (404, {"error": "no such item"})
    assert (refused.status_code, [*refused.json()]) == (401, ["error"])
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="JupyterHub"'
    assert refused.headers["X-Shop"] == "stock"


async def test_a_browser_signs_in_and_out(stock: Service) -> None:
    """A page leads to the Hub and back, is signed in by cookie, and signing out ends that."""
    browser = stock.browser()
    begun = await browser.visit("", follow=False)
    assert (begun.status_code, begun.headers["Location"].partition("?")[0]) == (302, "/hub/api/oauth2/authorize")
    returned = await browser.visit(stock.authorized(begun), follow=False)
    assert (returned.status_code, returned.headers["Location"]) == (302, PREFIX)
    page = await browser.visit("")
    assert (page.status_code, f"_xsrf={browser.cookie('_xsrf')}" in page.text) == (200, True)

    asked = await browser.visit("logout")
    assert "You are signed in as <strong>testuser</strong>" in asked.text
    out = await browser.submit(asked, follow=False)

    assert (out.status_code, out.headers["Location"]) == (303, "/hub/logout")
    assert (await browser.visit("", follow=False)).status_code == 302


async def test_what_was_mounted_is_guarded(stock: Service) -> None:
    """Sub-applications and mounted applications refuse strangers: 401 to scripts, the way to the Hub to browsers."""
    for path in ("reports/today", "dashboard/chart"):
        refused = await stock.api().get(path)
        page = await stock.browser().visit(path, follow=False)

        assert (path, refused.status_code, refused.headers["WWW-Authenticate"]) == (
            path,
            401,
            'Bearer realm="JupyterHub"',
        )
        assert (path, page.status_code) == (path, 302)
        assert page.headers["Location"].startswith("/hub/api/oauth2/authorize?")
        assert page.headers.get_list("Set-Cookie")


async def test_a_stranger_opens_no_websocket(stock: Service) -> None:
    """The handshake is refused with a reason; a server that can send none closes with a bare 403."""
    refused = await connect(stock, "live")
    bare = await connect(stock, "live", extensions=())

    assert (refused.status, json.loads(refused.text)["code"]) == (401, "not_signed_in")
    assert refused.headers["www-authenticate"] == 'Bearer realm="JupyterHub"'
    assert bare.status == 403


async def test_its_own_document_and_docs(stock: Service) -> None:
    """The OpenAPI document is the application's own, with the Hub's sign-in, which its own /docs uses."""
    document = (await stock.api().get("openapi.json")).json()
    page = (await stock.browser().visit("docs")).text

    assert (document["info"], sorted(document["paths"])) == (
        {"title": "Stock", "version": "3.2"},
        ["/", "/items/{name}", "/items/{name}/sales"],
    )
    [(name, scheme)] = document["components"]["securitySchemes"].items()
    assert (name, scheme["type"]) == ("JupyterHub", "oauth2")
    assert scheme["flows"]["authorizationCode"] == {
        "authorizationUrl": "/hub/api/oauth2/authorize",
        "tokenUrl": f"{PREFIX}token",
        "scopes": {},
    }
    assert document["paths"]["/items/{name}"]["get"]["security"] == [{"JupyterHub": []}]
    assert f'"oauth2RedirectUrl": "{PREFIX}oauth_callback"' in page
    assert "window.location.origin" not in page
    assert '"usePkceWithAuthorizationCodeGrant": true' in page


async def test_its_swagger_ui_comes_back_from_the_hub(stock: Service) -> None:
    """A state that is not ours belongs to Swagger UI's window, whose script alone may run there."""
    page = await stock.browser().visit("oauth_callback?state=swagger&code=x")

    assert "swaggerUIRedirectOauth2" in page.text
    assert "script-src 'sha256-" in page.headers["Content-Security-Policy"]
    assert page.headers["Cross-Origin-Opener-Policy"] == "unsafe-none"


async def test_the_settings_are_read_at_the_start() -> None:
    """Nothing is read when a Hub is made; a mistake ends the start, and is named."""
    reads: list[str] = []

    def read() -> Settings:
        reads.append("now")
        return settings_of()

    hub = Hub(read)
    assert reads == []
    async with hub.open():
        assert reads == ["now"]
    with pytest.raises(ConfigurationError, match="neither a Hub nor Entra ID"):
        async with Hub(Settings()).open():
            pass


async def test_the_lifespan_of_its_own() -> None:
    """It runs within the Hub's, and its state is the application's."""
    happened: list[str] = []

    @asynccontextmanager
    async def mine(app: FastAPI) -> AsyncIterator[dict[str, int]]:
        happened.append(f"open {app.title} {app.state.hub.is_open}")
        yield {"answer": 42}
        happened.append(f"close {app.state.hub.is_open}")

    hub = Hub(settings_of())
    app = FastAPI(title="Mine", lifespan=hub.lifespan(around=mine))
    hub.install(app)
    app.state.hub = hub
    async with LifespanManager(app) as manager:
        state = manager._state  # noqa: SLF001 - what a server would copy for each request

    assert happened == ["open Mine True", "close True"]
    assert state == {"answer": 42}
    assert not hub.is_open


async def test_a_lifespan_that_was_forgotten() -> None:
    """The application does not start, and says what to write."""
    hub = Hub(settings_of())
    app = FastAPI()
    hub.install(app)

    with pytest.raises(ConfigurationError, match=r"FastAPI\(lifespan=hub.lifespan\)"):
        async with LifespanManager(app):
            pass


async def test_no_lifespan_at_all() -> None:
    """Where a server runs none, a request fails with a sentence for the log, and answers nobody."""
    app = shop(settings_of())
    with pytest.raises(RuntimeError, match="lifespan was not run"):
        await httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN).get("/whoami")


async def test_a_hub_serves_one_application() -> None:
    """Opened twice at once it would serve with the connections of another."""
    hub = Hub(settings_of())
    async with hub.open():
        with pytest.raises(RuntimeError, match="open already"):
            async with hub.open():
                pass


@pytest.mark.parametrize("install", [True, False], ids=["installed", "without middleware"])
async def test_no_two_requests_share_anything(serve: Serve, install: bool) -> None:  # noqa: FBT001 - a table
    """Where neither server nor test transport copies the lifespan's state, an anonymous caller is nobody all the same.

    asgi-lifespan gives every request the same dictionary.
    """
    service = await serve(app={"create": shop, "install": install}, service_prefix="/")
    token = service.hub.issue("testuser")

    assert (await service.api(token).get("whoami")).json() == {"name": "testuser"}
    assert (await service.api().get("whoami")).status_code == 401
    assert (await service.api().get("open")).json() is None


async def test_requests_at_the_same_time(serve: Serve) -> None:
    """Each has its own identity, however they are mixed."""
    service = await serve(app={"create": shop})
    users = [f"user{number}" for number in range(5)]
    tokens = {}
    for user in users:
        service.hub.add_user(user)
        tokens[user] = service.hub.issue(user)
    asked = [user for _ in range(6) for user in [*users, ""]]
    replies = await asyncio.gather(*(service.api(tokens.get(user)).get("open") for user in asked))

    assert [reply.json() or "" for reply in replies] == asked


async def test_without_install(serve: Serve) -> None:
    """`hub.router` and `Depends` sign in and refuse as well: script, browser, WebSocket, sign-out."""
    service = await serve(app={"create": lambda settings: shop(settings, install=False)}, service_prefix="/")
    browser = service.browser()
    home = f"{ORIGIN}/"
    begun = await browser.visit(f"{home}whoami", follow=False)
    assert (begun.status_code, begun.headers["Location"].partition("?")[0]) == (302, "/hub/api/oauth2/authorize")
    await browser.visit(service.authorized(begun), follow=False)

    assert (await browser.visit(f"{home}whoami")).json() == {"name": "testuser"}
    refused = await service.api().get(f"{home}whoami")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="JupyterHub"')
    out = await browser.submit(await browser.visit(f"{home}logout"), follow=False)
    assert (out.status_code, (await browser.visit(f"{home}whoami", follow=False)).status_code) == (303, 302)


async def test_xsrf_needs_the_middleware(serve: Serve) -> None:
    """A page that holds the token must be closed to other pages, which the middleware sees to."""

    def add(app: FastAPI, hub: Hub) -> None:
        @app.get("/page")
        async def page(xsrf: Annotated[str, Depends(hub.xsrf)]) -> str:
            return xsrf

    service = await serve(app={"create": lambda settings: shop(settings, install=False, add=add)})
    with pytest.raises(RuntimeError, match=r"hub.xsrf needs hub.install\(app\)"):
        await service.api().get(f"{ORIGIN}/page")


async def test_a_page_with_the_token_is_closed(serve: Serve) -> None:
    """The token is in a page that somebody opens, which nobody frames, keeps or looks into; a script gets none."""

    def add(app: FastAPI, hub: Hub) -> None:
        @app.get("/page")
        async def page(xsrf: Annotated[str, Depends(hub.xsrf)]) -> str:
            return xsrf

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})
    browser = await service.signed_in()
    page = await browser.visit("page")
    script = await browser.fetch("GET", "page")

    assert page.json() == browser.cookie("_xsrf")
    assert {
        name: page.headers[name] for name in ("Cache-Control", "X-Frame-Options", "Cross-Origin-Opener-Policy")
    } == {
        "Cache-Control": "no-store",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    }
    assert script.json() == ""


def test_overrides_in_the_tests_of_an_adopter() -> None:
    """`app.dependency_overrides[hub.user]` decides who calls, without a Hub; `require` judges that person's scopes."""
    hub = Hub.from_env()
    app = FastAPI()

    @app.get("/whoami")
    def whoami(user: Annotated[Identity, Depends(hub.user)]) -> str:
        return user.name

    @app.get("/notes")
    def notes(user: Annotated[Identity, Depends(hub.require("custom:notes:read"))]) -> str:
        return user.name

    @app.get("/admin", dependencies=[Depends(hub.admin)])
    def admin() -> str:
        return "admin"

    hub.install(app)
    client = TestClient(app)
    with pytest.raises(RuntimeError, match="lifespan was not run"):
        client.get("/whoami")
    app.dependency_overrides[hub.user] = lambda: Identity(name="alice", scopes=("custom:notes:read",))
    assert (client.get("/whoami").json(), client.get("/notes").json()) == ("alice", "alice")
    assert client.get("/admin").status_code == 403

    app.dependency_overrides[hub.user] = lambda: Identity(name="bob", admin=True)
    assert client.get("/admin").json() == "admin"
    refused = client.get("/notes")
    assert (refused.status_code, 'scope="custom:notes:read"' in refused.headers["WWW-Authenticate"]) == (403, True)


def test_overrides_while_the_lifespan_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that need it run it, with any token, and ask no Hub."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    hub = Hub.from_env()
    app = FastAPI(lifespan=hub.lifespan)
    hub.install(app)
    app.get("/notes", dependencies=[Depends(hub.require("custom:notes:read"))])(lambda: "notes")
    app.dependency_overrides[hub.user] = lambda: Identity(name="alice", scopes=())
    with TestClient(app) as client:
        assert client.get("/notes").status_code == 403
        app.dependency_overrides[hub.user] = lambda: Identity(name="alice", scopes=("custom:notes:read",))
        assert client.get("/notes").json() == "notes"


async def test_our_service_within_another_application(serve: Serve) -> None:
    """Mounted under its prefix it works where the outer application runs its lifespan."""

    def build(settings: Settings) -> FastAPI:
        service = create_app(settings)
        outer = FastAPI(lifespan=service.lifespan)
        outer.mount(PREFIX.rstrip("/"), service)
        return outer

    service = await serve(app={"create": build})
    assert (await service.api(service.hub.issue("testuser")).get("me")).json()["name"] == "testuser"
    assert (await service.api().get("me")).status_code == 401


async def test_our_service_without_its_lifespan() -> None:
    """Mounted without that it answers nobody, and the log says what to write."""
    outer = FastAPI()
    outer.mount(PREFIX.rstrip("/"), create_app(settings_of()))
    with pytest.raises(RuntimeError, match="give its lifespan to the outermost one"):
        await httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url=ORIGIN).get(f"{PREFIX}me")


async def test_others_mount_into_it(serve: Serve) -> None:
    """What adds itself to an application, as gradio's `mount_gradio_app` does, finds FastAPI's own interface."""
    built: list[ServiceApp] = []

    def build(settings: Settings) -> ServiceApp:
        built.append(create_app(settings))
        part = FastAPI()
        part.get("/")(lambda: "part")
        built[0].fastapi.mount("/part", built[0].hub.protect(part))
        return built[0]

    service = await serve(app={"create": build})
    token = service.hub.issue("testuser")

    assert (await service.api(token).get("part/")).json() == "part"
    assert (await service.api().get("part/")).status_code == 401


async def test_streams_end_with_the_sign_in(serve: Serve) -> None:
    """An event stream of the application's own gets a last event; a WebSocket is closed with the reason."""

    def add(app: FastAPI, hub: Hub) -> None:
        @app.get("/events")
        async def events(_user: Annotated[Identity, Depends(hub.user)]) -> StreamingResponse:
            async def parts() -> AsyncIterator[str]:
                yield "data: begun\n\n"
                await asyncio.Event().wait()

            return StreamingResponse(parts(), media_type="text/event-stream")

    service = await serve(app={"create": lambda settings: shop(settings, add=add)}, recheck_interval=0.05)
    token = service.hub.issue("testuser")
    headers = {"Authorization": f"Bearer {token}"}
    async with OpenConnection(service.app, "http", f"{PREFIX}events", headers=headers) as stream:
        await stream.until(lambda: "begun" in stream.said)
        service.hub.revoke(token)
        await stream.until_over()

    assert "event: problem" in stream.said
    assert "invalid_token" in stream.said


def test_importing_it_is_cheap() -> None:
    """What others take loads none of what our own service needs besides."""
    heavy = [
        "jinja2",
        "typer",
        "uvicorn",
        "prometheus_client",
        "trustme",
        "sqlalchemy",
        "jupyterhub",
        "fastapi_azure_auth",
    ]
    script = f"import sys, service.auth; print([name for name in {heavy} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)

    assert ended.stdout.strip() == "[]"


def test_it_does_without_multipart() -> None:
    """Signing in reads forms of its own, and python-multipart need not be installed for that."""
    script = (
        "import sys; sys.modules['python_multipart'] = sys.modules['multipart'] = None\n"
        "from fastapi import FastAPI; from service.auth import Hub\n"
        "hub = Hub.from_env(); app = FastAPI(lifespan=hub.lifespan); hub.install(app); print('installed')"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)

    assert ended.stdout.strip() == "installed"


async def test_its_own_router_still_goes_into_ours(serve: Serve) -> None:
    """`create_app(routers=…)` takes a router whose dependencies are a guard of ours, as ever."""
    router = APIRouter()

    @router.get("/stock/{item}")
    def stock(item: str, request: Request) -> dict[str, Any]:
        return {"item": item, "url": str(request.url_for("stock", item="x"))}

    service = await serve(app={"routers": [router]})
    reply = await service.api().get("stock/chair")

    assert reply.json() == {"item": "chair", "url": f"{ORIGIN}{PREFIX}stock/x"}
    assert HUB_HOST not in reply.text
