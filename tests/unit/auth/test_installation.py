"""Installing a Hub: the application's own paths stay its own, and what does not fit together ends the start."""

from types import SimpleNamespace
from typing import Annotated, Any, cast

import pytest
from asgi_lifespan import LifespanManager
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse

from service.auth import Hub, Identity
from service.auth.hardening import harden
from service.errors import ConfigurationError
from service.settings import Settings
from tests.support.shop import shop
from tests.unit.conftest import ORIGIN, PREFIX, Serve, settings_of

OWN = ("/", "/me", "/metrics", "/health/live", "/debug")


def own_routes(app: FastAPI, _hub: Hub) -> None:
    """Add the paths that our own service has, and a catch-all."""
    for path in (*OWN, "/{rest:path}"):
        app.get(path)(lambda: "own")


def add_login(app: FastAPI, _hub: Hub) -> None:
    """Add a page of the application's own where ours is."""

    @app.get("/login")
    async def own_login() -> str:
        return "own login"


async def test_its_paths_are_its_own(serve: Serve) -> None:
    """Nothing of our own service answers there, and its catch-all takes nothing of signing in."""
    service = await serve(app={"create": lambda settings: shop(settings, add=own_routes)})

    for path in (*OWN, "/anything"):
        assert (path, (await service.api().get(path.removeprefix("/"))).json()) == (path, "own")
    assert (await service.api().get("login")).status_code == 302


async def test_outside_the_prefix(serve: Serve) -> None:
    """A probe that does not come through the Hub's proxy finds the same routes without it."""
    service = await serve(app={"create": lambda settings: shop(settings, add=own_routes)})

    assert (await service.api().get(f"{ORIGIN}/health/live")).json() == "own"


async def test_links_within_the_application(serve: Serve) -> None:
    """`url_for` leads to addresses below the prefix, in nested applications as well."""

    def add(app: FastAPI, _hub: Hub) -> None:
        @app.get("/link")
        async def link(request: Request) -> str:
            return str(request.url_for("whoami"))

        inner = FastAPI()

        @inner.get("/own")
        async def own(request: Request) -> str:
            return str(request.url_for("own"))

        app.mount("/inner", inner)

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})

    assert (await service.api().get("link")).json() == f"{ORIGIN}{PREFIX}whoami"
    assert (await service.api().get("inner/own")).json() == f"{ORIGIN}{PREFIX}inner/own"


async def test_a_path_that_is_taken() -> None:
    """The application does not start, and is told whose path it is and how to move ours."""
    with pytest.raises(ConfigurationError) as raised:
        async with LifespanManager(shop(settings_of(), add=add_login)):
            pass

    [problem] = raised.value.problems
    assert problem == (
        "hub.install(app): GET /login is where signing in happens, and the application has "
        "tests.unit.auth.test_installation.add_login.<locals>.own_login at /login. Move ours: paths={'login': …}."
    )


async def test_a_mount_that_would_be_hidden() -> None:
    """What is mounted above one of our paths is named as well; at the root it is not, as pages for all paths are."""

    def add(app: FastAPI, _hub: Hub) -> None:
        app.mount("/token", PlainTextResponse("own"))
        app.mount("/", PlainTextResponse("own"))

    with pytest.raises(ConfigurationError, match=r"POST /token .* at /token. Move ours: paths=\{'token'") as raised:
        async with LifespanManager(shop(settings_of(), add=add)):
            pass
    assert len(raised.value.problems) == 1


async def test_paths_that_are_moved(serve: Serve) -> None:
    """Ours can be moved, and both work."""

    def build(settings: Settings) -> FastAPI:
        return shop(
            settings, add=add_login, paths={"login": "/hub/login", "logout": "/hub/logout", "token": "/hub/token"}
        )

    service = await serve(app={"create": build})
    browser = service.browser()
    assert (await service.api().get("login")).json() == "own login"
    begun = await browser.visit("hub/login?next=/services/fastapi/whoami", follow=False)
    done = await browser.visit(service.authorized(begun), follow=False)
    assert done.headers["Location"] == f"{PREFIX}whoami"
    page = await browser.visit("hub/logout")
    assert f'action="{PREFIX}hub/logout"' in page.text
    assert (await browser.submit(page, follow=False)).status_code == 303
    flow = (await service.api().get("openapi.json")).json()["components"]["securitySchemes"]["JupyterHub"]["flows"]
    assert flow["authorizationCode"]["tokenUrl"] == f"{PREFIX}hub/token"


async def test_a_callback_that_the_hub_does_not_know() -> None:
    """The Hub would send people to an address that does not finish their sign-in."""
    app = shop(settings_of(), paths={"callback": "/back"})
    with pytest.raises(
        ConfigurationError, match="sends people back to /services/fastapi/oauth_callback, the callback is"
    ):
        async with LifespanManager(app):
            pass
    async with LifespanManager(shop(settings_of(callback_url_given=f"{PREFIX}back"), paths={"callback": "/back"})):
        pass


def test_paths_after_the_router_was_taken() -> None:
    """It was built with the paths of before."""
    hub = Hub(settings_of())
    assert hub.router.routes
    with pytest.raises(RuntimeError, match="in use already"):
        hub.install(FastAPI(lifespan=hub.lifespan), paths={"login": "/elsewhere"})


async def test_swagger_ui_that_signs_in_elsewhere(serve: Serve) -> None:
    """An application whose own page has a client of its own keeps it, and its own addresses of documentation."""

    def build(settings: Settings) -> FastAPI:
        return shop(settings, docs_url="/manual", swagger_ui_init_oauth={"clientId": "theirs"})

    service = await serve(app={"create": build})
    page = (await service.browser().visit("manual")).text

    assert '"clientId": "theirs"' in page
    assert "oauth_callback" not in page
    assert (await service.api().get("docs")).status_code == 404


async def test_scopes_are_shown(serve: Serve) -> None:
    """The document says which scopes an operation demands, and Swagger UI can ask for them."""

    def add(app: FastAPI, hub: Hub) -> None:
        @app.get("/notes")
        async def notes(user: Annotated[Identity, Depends(hub.require("custom:notes:read"))]) -> str:
            return user.name

        router = APIRouter(dependencies=[Depends(hub.require("custom:a", "custom:b", mode="any"))])
        router.get("/either")(lambda: "either")
        app.include_router(router)

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})
    document: dict[str, Any] = (await service.api().get("openapi.json")).json()
    flow = document["components"]["securitySchemes"]["JupyterHub"]["flows"]["authorizationCode"]
    held = ["access:services!service=fastapi"]
    service.hub.add_user("testuser", scopes={*held, "custom:notes:read", "custom:b"})
    reader = service.api(service.hub.issue("testuser", scopes=[*held, "custom:notes:read"]))
    other = service.api(service.hub.issue("testuser", scopes=[*held, "custom:b"]))

    assert sorted(flow["scopes"]) == ["custom:a", "custom:b", "custom:notes:read"]
    assert document["paths"]["/notes"]["get"]["security"] == [{"JupyterHub": ["custom:notes:read"]}]
    assert [(await api.get("notes")).status_code for api in (reader, other)] == [200, 403]
    assert [(await api.get("either")).status_code for api in (reader, other)] == [403, 200]


async def test_hardened(serve: Serve) -> None:
    """With `harden` all answers say that they are not to be framed, kept or sniffed, and bodies have a limit."""
    plain = await serve(app={"create": shop})
    hard = await serve(app={"create": lambda settings: shop(settings, harden=True)})

    for path in ("open", "whoami", "docs", "nothing", "login"):
        headers = (await hard.api().get(path)).headers
        assert (path, headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == (path, "DENY", "nosniff")
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Cross-Origin-Opener-Policy" in headers
    assert "X-Frame-Options" not in (await plain.api().get("open")).headers


def test_fastapi_that_cannot_limit_bodies() -> None:
    """An application that cannot have the limit is refused: it would be less safe than it was asked to be."""
    old = cast("FastAPI", SimpleNamespace(add_middleware=lambda _kind: None))

    with pytest.raises(RuntimeError, match=r"needs FastAPI 0\.164"):
        harden(old)
