"""A router's routes are added to the application one by one, and nobody can tell, except by the time that it takes."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, Header, Request, WebSocket
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from service.web.flat_routes import add_flat, is_flat
from tests.unit.conftest import Serve, serving


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start services with routers."""
    async with serving() as start:
        yield start


class Found(BaseModel):
    """An answer."""

    name: str
    note: str | None = None


async def leave(conn: HTTPConnection) -> None:
    """A dependency that leaves a trace."""
    conn.state.trace = [*getattr(conn.state, "trace", ()), "leave"]


async def who(x_name: Annotated[str, Header()] = "nobody") -> str:
    """A dependency that tests replace."""
    return x_name


def unique(route: APIRoute) -> str:
    """Return an id for the OpenAPI document."""
    return f"{route.name}-of-{'-'.join(sorted(route.methods or ()))}"


def many_options() -> APIRouter:
    """A router that sets whatever a router and a route can set, with another one inside."""
    router = APIRouter(
        prefix="/outer",
        tags=["outer"],
        dependencies=[Depends(leave)],
        responses={418: {"description": "teapot"}},
        default_response_class=PlainTextResponse,
        generate_unique_id_function=unique,
        deprecated=True,
    )
    inner = APIRouter(prefix="/inner", tags=["inner"], include_in_schema=True)

    @router.get("/text/{item:path}", summary="Texts", name="texts", status_code=202, max_body_size=10)
    async def text(item: str) -> str:
        """Return what stands in the path."""
        return item

    @inner.post(
        "/found",
        operation_id="find",
        response_model=Found,
        response_model_exclude_none=True,
        openapi_extra={"x-more": 1},
    )
    async def found(
        given: Annotated[Found, Body()], user: Annotated[str, Depends(who)], request: Request
    ) -> PlainTextResponse:
        return PlainTextResponse(f"{user} {given.name} {request.state.trace} {request.scope['root_path']}")

    @inner.api_route("/both", methods=["PUT", "PATCH"], include_in_schema=False, response_class=PlainTextResponse)
    def both(limit: int = 3) -> str:
        return str(limit)

    @inner.websocket("/socket")
    async def socket(websocket: WebSocket, user: Annotated[str, Depends(who)]) -> None:
        await websocket.accept()
        await websocket.send_text(user)

    @router.get("/hidden", include_in_schema=False)
    async def hidden(request: Request) -> str:
        return str(request.url_for("texts", item="a/b"))

    router.include_router(inner, prefix="/middle", dependencies=[Depends(leave)], tags=["middle"])
    return router


def included(router: APIRouter) -> FastAPI:
    """An application that includes a router."""
    app = FastAPI(redirect_slashes=False)
    app.include_router(router)
    return app


def flat(router: APIRouter) -> FastAPI:
    """An application with the router's routes."""
    app = FastAPI(redirect_slashes=False)
    add_flat(app, router)
    return app


def test_the_same_document() -> None:
    """The OpenAPI document is that of an application which includes the router."""
    document = flat(many_options()).openapi()

    assert document == included(many_options()).openapi()
    assert sorted(document["paths"]) == [
        "/outer/middle/inner/found",
        "/outer/text/{item}",
    ]


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/outer/text/a/b", {}),
        ("GET", "/outer/text/a/b", {"content": b"a body that is too long"}),
        ("POST", "/outer/middle/inner/found", {"json": {"name": "x"}, "headers": {"X-Name": "alice"}}),
        ("POST", "/outer/middle/inner/found", {"json": {}}),
        ("PUT", "/outer/middle/inner/both?limit=7", {}),
        ("PATCH", "/outer/middle/inner/both?limit=x", {}),
        ("GET", "/outer/middle/inner/both", {}),
        ("DELETE", "/outer/text/a", {}),
        ("GET", "/outer/hidden", {}),
        ("GET", "/outer/hidden/", {}),
        ("GET", "/outer", {}),
        ("GET", "/", {}),
    ],
)
def test_the_same_answers(method: str, path: str, options: dict[str, Any]) -> None:
    """Status, headers and body are those of an application which includes the router; so are wrong methods."""
    one, other = (TestClient(make(many_options())).request(method, path, **options) for make in (flat, included))

    allowed, expected = (set(reply.headers.pop("Allow", "").split(", ")) for reply in (one, other))
    assert (one.status_code, one.headers, one.text, allowed) == (
        other.status_code,
        other.headers,
        other.text,
        expected,
    )


def test_dependencies_can_be_replaced() -> None:
    """`app.dependency_overrides` holds for the routes."""
    app = flat(many_options())
    app.dependency_overrides[who] = lambda: "bob"

    reply = TestClient(app).post("/outer/middle/inner/found", json={"name": "x"})
    assert reply.text == "bob x ['leave'] "
    with TestClient(app).websocket_connect("/outer/middle/inner/socket") as socket:
        assert socket.receive_text() == "bob"


class OwnRoute(APIRoute):
    """A class of routes of somebody's own."""


def with_own_class(router: APIRouter) -> None:
    """Add a route of another class."""
    router.add_api_route("/own", who, route_class_override=OwnRoute)


def with_files(router: APIRouter) -> None:
    """Mount files."""
    router.mount("/files", StaticFiles(directory="."))


def with_starlette_route(router: APIRouter) -> None:
    """Add a route of Starlette."""
    router.add_route("/plain", lambda _request: PlainTextResponse(""))


def with_frontend(router: APIRouter) -> None:
    """Add files in FastAPI's way."""
    router.frontend("/ui", directory=".", check_dir=False)


def with_typed_lines(router: APIRouter) -> None:
    """Add a route whose lines have a type, which `add_api_route` does not take."""

    @router.get("/lines")
    async def lines() -> AsyncIterator[Found]:
        yield Found(name="x")


def with_inner(add: Callable[[APIRouter], None]) -> Callable[[APIRouter], None]:
    """Return what adds a router with such a route."""

    def add_inner(router: APIRouter) -> None:
        inner = APIRouter()
        add(inner)
        router.include_router(inner, prefix="/inner")

    return add_inner


@pytest.mark.parametrize("make_inner", [False, True], ids=["itself", "included"])
@pytest.mark.parametrize("add", [with_own_class, with_files, with_starlette_route, with_frontend, with_typed_lines])
def test_what_is_included_as_ever(add: Callable[[APIRouter], None], *, make_inner: bool) -> None:
    """A router with anything that `add_api_route` cannot express is left to FastAPI."""
    router = APIRouter()
    router.add_api_route("/who", who)
    assert is_flat(router)
    (with_inner(add) if make_inner else add)(router)
    assert not is_flat(router)


def test_limits_for_forms_are_included_as_ever() -> None:
    """So is a router whose limits hold for all of its forms, and one that includes it."""
    limited, outer = APIRouter(form_limits={"max_fields": 1}), APIRouter()
    limited.add_api_route("/who", who)
    outer.include_router(limited)
    assert not is_flat(limited)
    assert not is_flat(outer)


def lived(name: str, trace: list[str]) -> Any:  # noqa: ANN401 - FastAPI's own type for it
    """Return a lifespan that says when it begins and ends."""

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[dict[str, str]]:
        trace.append(f"{name} begins")
        yield {name: "open"}
        trace.append(f"{name} ends")

    return lifespan


async def test_lifespans_of_routers(serve: Serve) -> None:
    """In the service, the lifespans of routers run within the one of `create_app`; what they yield is in the state."""
    trace: list[str] = []
    inner, outer = APIRouter(lifespan=lived("inner", trace)), APIRouter(prefix="/mine", lifespan=lived("outer", trace))

    @inner.get("/state")
    async def state(request: Request) -> list[str]:
        return [request.state.ours, request.state.inner, request.state.outer]

    outer.include_router(inner)
    service = await serve(app={"routers": [outer], "lifespan": lived("ours", trace)})
    assert (await service.api().get("mine/state")).json() == ["open"] * 3
    assert trace == ["ours begins", "outer begins", "inner begins"]


def _names(router: APIRouter) -> Iterator[str]:
    yield from (route.name for route in flat(router).routes if isinstance(route, APIRoute))


def test_routes_are_found_by_name() -> None:
    """The application has the routes under their names, for `url_for` and for whoever lists them."""
    assert [*_names(many_options())] == ["texts", "hidden", "found", "both"]
