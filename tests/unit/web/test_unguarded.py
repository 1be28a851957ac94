"""The service does not start if the dependencies of a router do not guard all of its routes."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI, Request, Security, WebSocket
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.responses import PlainTextResponse

from service.app import create_app
from service.application import load
from service.auth import CurrentUser, Identity
from service.auth.guard import require
from service.errors import ConfigurationError
from service.web.unguarded import unguarded
from tests.unit.conftest import Serve, serving, settings_of

HERE = Path(__file__).parent
SECRET = "for those who are signed in"


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start services with different settings."""
    async with serving() as start:
        yield start


def guarded(prefix: str = "/reports") -> APIRouter:
    """A router with `require()` for all of its routes."""
    return APIRouter(prefix=prefix, dependencies=[require()])


async def asgi(_request: Request) -> PlainTextResponse:
    """A Starlette route."""
    return PlainTextResponse(SECRET)


async def socket(websocket: WebSocket) -> None:
    """A Starlette WebSocket route."""
    await websocket.accept()


async def plain() -> str:
    """A FastAPI route."""
    return SECRET


def mounted(router: APIRouter) -> None:
    """Mount files, as in Starlette's documentation."""
    router.mount("/files", StaticFiles(directory=HERE))


def including(add: Callable[[APIRouter], None]) -> Callable[[APIRouter], None]:
    """Return a function that calls `add` with a router that is included in another."""

    def add_to_inner(router: APIRouter) -> None:
        inner, middle = APIRouter(prefix="/inner"), APIRouter()
        add(inner)
        middle.include_router(inner)
        router.include_router(middle, prefix="/middle")

    return add_to_inner


FILES = "for files, use a route with {path:path}"
CASES = [
    pytest.param(mounted, "/files: a mounted application is open to everybody", FILES, id="files"),
    pytest.param(
        lambda router: router.mount("/app", FastAPI()),
        "/app: a mounted application is open",
        "its router",
        id="application",
    ),
    pytest.param(
        lambda router: router.host("a.example.org", PlainTextResponse(SECRET)),
        "host a.example.org: a mounted application is open",
        FILES,
        id="host",
    ),
    pytest.param(
        lambda router: router.add_route("/raw", asgi),
        "/raw: a route of Starlette is open",
        "@router.get(…)",
        id="route",
    ),
    pytest.param(
        lambda router: router.add_websocket_route("/ws", socket),
        "/ws: a WebSocket route of Starlette is open",
        "@router.websocket(…)",
        id="WebSocket",
    ),
    pytest.param(
        including(mounted), "/reports/middle/files: a mounted application is open", FILES, id="included files"
    ),
    pytest.param(
        including(lambda router: router.add_route("/raw", asgi, include_in_schema=False)),
        "/reports/middle/raw: a route of Starlette is open",
        "@router.get(…)",
        id="included route",
    ),
]


@pytest.mark.parametrize(("add", "says", "instead"), CASES)
def test_what_dependencies_do_not_guard(add: Callable[[APIRouter], None], says: str, instead: str) -> None:
    """The service does not start. It names the path, and what to use instead."""
    router = guarded()
    add(router)
    with pytest.raises(ConfigurationError) as raised:
        create_app(settings_of(), routers=[router])

    (problem,) = raised.value.problems
    assert problem.startswith(says)
    assert instead in problem


def test_routers_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The routers in SERVICE_ROUTERS are checked, too."""
    code = "from fastapi import APIRouter\nrouter = APIRouter()\nrouter.mount('/files', router)\n"
    (tmp_path / "own_mount.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_mount", raising=False)
    with pytest.raises(ConfigurationError, match="/files: a mounted application is open to everybody"):
        create_app(settings_of(routers=("own_mount:router",)))


def test_an_applications_own_documentation() -> None:
    """FastAPI's own documentation would be open to everybody. The error says how to turn it off."""
    with pytest.raises(ConfigurationError) as raised:
        create_app(settings_of(), routers=[FastAPI(dependencies=[require()]).router])

    paths = [problem.partition(":")[0] for problem in raised.value.problems]
    assert paths == ["/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"]
    assert all("FastAPI(openapi_url=None)" in problem for problem in raised.value.problems)


def late_dependency() -> APIRouter:
    """A router that gets its dependency after its routes."""
    router = APIRouter(prefix="/reports")
    router.add_api_route("/late", plain)
    router.dependencies.append(require())
    return router


def late_websocket() -> APIRouter:
    """The same with a WebSocket."""
    router = APIRouter(prefix="/reports")
    router.add_api_websocket_route("/late", socket)
    router.dependencies.append(require())
    return router


def late_frontend() -> APIRouter:
    """The same with files of two frontends."""
    router = APIRouter(prefix="/reports")
    router.frontend("/late", directory=HERE)
    router.dependencies.append(require())
    router.frontend("/later", directory=HERE)
    return router


def ready_made_routes() -> APIRouter:
    """A router with routes that were made elsewhere."""
    return APIRouter(dependencies=[require()], routes=[APIRoute("/reports/late", plain)])


def late_around_an_included_router() -> APIRouter:
    """A router that gets its dependency after it has included another."""
    inner, router = APIRouter(), APIRouter(prefix="/reports")
    inner.add_api_route("/late", plain)
    router.include_router(inner)
    router.dependencies.append(require())
    return router


def late_in_an_included_router() -> APIRouter:
    """An included router that gets its dependency too late."""
    router = APIRouter()
    router.include_router(late_dependency())
    return router


@pytest.mark.parametrize(
    "make",
    [
        late_dependency,
        late_websocket,
        late_frontend,
        ready_made_routes,
        late_around_an_included_router,
        late_in_an_included_router,
    ],
)
def test_dependencies_that_do_not_reach_a_route(make: Callable[[], APIRouter]) -> None:
    """The service does not start if FastAPI does not apply a router's dependency to one of its routes."""
    with pytest.raises(ConfigurationError, match="/reports/late") as raised:
        create_app(settings_of(), routers=[make()])

    assert "pass the dependencies when you create the router" in str(raised.value)


def scopes_that_nobody_checks() -> APIRouter:
    """A router that asks for a scope as FastAPI's tutorial does."""
    router = APIRouter()

    async def me(user: CurrentUser) -> str:
        return user.name

    @router.get("/wrong", dependencies=[Security(me, scopes=["custom:x"])])
    async def wrong() -> None:
        """Answer whoever has access."""

    return router


def identity_without_a_guard() -> APIRouter:
    """A router whose author took Identity itself for a guard."""
    router = APIRouter()

    @router.get("/wrong")
    async def wrong(user: Identity) -> str:
        return user.name

    return router


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (scopes_that_nobody_checks, '/wrong: nobody checks Security(…, scopes=["custom:x"])'),
        (identity_without_a_guard, "/wrong: it reads an Identity from the request"),
    ],
)
def test_what_seems_to_be_guarded(make: Callable[[], APIRouter], said: str) -> None:
    """The service does not start with a router that promises what nobody checks."""
    with pytest.raises(ConfigurationError) as raised:
        create_app(settings_of(), routers=[make()])

    assert said in str(raised.value)


async def test_what_dependencies_guard(serve: Serve) -> None:
    """Dependencies of a router guard all FastAPI routes in it, for every method, in the schema or not."""
    router, inner = guarded(), APIRouter(prefix="/inner")
    inner.add_api_route("/hidden", plain, methods=["GET", "HEAD", "OPTIONS"], include_in_schema=False)
    inner.frontend("/files", directory=HERE)
    router.include_router(inner)
    inner.add_api_route("/added-later", plain)
    service = await serve(app={"routers": [router]})
    stranger, user = service.api(), service.api(service.hub.issue("testuser"))

    for path in ("hidden", "added-later", "files/test_unguarded.py"):
        assert (await stranger.get(f"reports/inner/{path}")).status_code == 401
        assert (await user.get(f"reports/inner/{path}")).status_code == 200
    for method in ("HEAD", "OPTIONS"):
        assert (await stranger.request(method, "reports/inner/hidden")).status_code == 401
    assert (await stranger.request("HEAD", "reports/inner/files/test_unguarded.py")).status_code == 401


@pytest.mark.parametrize("name", ["deidentify", "desk"])
def test_our_own_applications(name: str) -> None:
    """Our own applications pass this check."""
    assert [problem for router in load(name).routers() for problem in unguarded(router)] == []
