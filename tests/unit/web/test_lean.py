"""The shorter ways give the answers that FastAPI gives."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Query, Request, Response, Security
from fastapi.exceptions import ResponseValidationError
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection
from starlette.routing import Match, Mount
from starlette.types import Scope

from service.web.lean import FixedPaths, add_router


class Animal(BaseModel):
    """Something to answer with."""

    name: str
    legs: int | None = None
    given: str = Field("", alias="givenName")
    secret: str = Field("s", exclude=True)


class Agent:
    """A dependency that is an object, as our guards are."""

    async def __call__(self, conn: HTTPConnection) -> str:
        """Return what the caller says they use."""
        return conn.headers["user-agent"]


async def _refuse(request: Request) -> None:
    if "refuse" in request.query_params:
        raise HTTPException(403, "no")


async def _number() -> int:
    return 4


async def _from_number(number: Annotated[int, Depends(_number)]) -> int:
    return number + 1


async def _open() -> AsyncIterator[str]:
    yield "opened"


def _block() -> str:
    return "thread"


async def _needed(scopes: SecurityScopes) -> list[str]:
    return scopes.scopes


AgentName = Annotated[str, Depends(Agent())]

router = APIRouter(prefix="/zoo", tags=["zoo"])
SHORT, GENERAL = set[str](), set[str]()


def _short(path: str, **options: Any) -> Callable[[Any], Callable[..., Any]]:  # noqa: ANN401 - FastAPI's own
    SHORT.add(f"/zoo{path}")
    return router.get(path, **options)


def _general(path: str, **options: Any) -> Callable[[Any], Callable[..., Any]]:  # noqa: ANN401 - FastAPI's own
    GENERAL.add(f"/zoo{path}")
    return router.get(path, **options)


@_short("/model")
async def _model() -> Animal:
    return Animal(name="ant", givenName="A", legs=6)


@_short("/chosen", response_model=Animal, response_model_exclude={"legs"}, response_model_by_alias=False)
async def _chosen(request: Request) -> object:
    return Animal(name=request.method, givenName="B")


@_short("/unset", response_model_exclude_unset=True)
async def _unset() -> Animal:
    return Animal(name="ant")


@_short("/none", response_model_exclude_none=True)
async def _none() -> Animal:
    return Animal(name="ant")


@_short("/text", response_model=None)
async def _text() -> object:
    return {"a": [1, None, "ü"]}


@_short("/nothing")
async def _nothing() -> None:
    return None


@_short("/response")
async def _response() -> Response:
    return PlainTextResponse("plain", 202, headers={"x-a": "b"})


@_short("/agent", status_code=201)
async def _agent(name: AgentName, conn: HTTPConnection) -> dict[str, str]:
    return {"agent": name, "path": conn.scope["path"]}


@_short("/refused", dependencies=[Depends(_refuse)])
async def _refused() -> str:
    return "let in"


@_short("/failing")
async def _failing() -> str:
    raise HTTPException(418, "short and stout", headers={"x-tea": "pot"})


@_general("/query")
async def _query(q: Annotated[int, Query()] = 1) -> int:
    return q


@_general("/path/{name}")
async def _path(name: str) -> str:
    return name


@_general("/headers")
async def _headers(response: Response) -> str:
    response.headers["x-set"] = "yes"
    return "set"


@_general("/later")
async def _later(tasks: BackgroundTasks) -> str:
    tasks.add_task(_number)
    return "later"


@_general("/nested")
async def _nested(number: Annotated[int, Depends(_from_number)]) -> int:
    return number


@_general("/opened")
async def _opened(value: Annotated[str, Depends(_open)]) -> str:
    return value


@_general("/thread")
async def _thread(value: Annotated[str, Depends(_block)]) -> str:
    return value


@_general("/blocking")
def _blocking() -> str:
    return "blocking"


@_general("/scopes")
async def _scopes(found: Annotated[list[str], Security(_needed, scopes=["a"])]) -> list[str]:
    return found


@_general("/twice", dependencies=[Depends(_number)])
async def _twice(number: Annotated[int, Depends(_number)]) -> int:
    return number


@_general("/stream")
async def _stream() -> AsyncIterator[int]:
    yield 1
    yield 2


@_general("/empty", status_code=204)
async def _empty() -> None:
    return None


@_general("/plain", response_class=PlainTextResponse)
async def _plain() -> str:
    return "plain"


@_general("/limited", max_body_size=10)
async def _limited() -> str:
    return "limited"


def include(app: FastAPI, each: APIRouter) -> None:
    """As FastAPI does it."""
    app.include_router(each)


def _app(add: Callable[[FastAPI, APIRouter], None], *routers: APIRouter) -> FastAPI:
    app = FastAPI(openapi_url=None)
    for each in routers or (router,):
        add(app, each)
    if add is add_router:
        app.router.routes.insert(0, FixedPaths(app.router.routes))
    return app


async def _ask(
    app: FastAPI, method: str, address: str, *, body: str = ""
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    headers = {"content-type": "application/x-www-form-urlencoded"} if body else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://zoo") as client:
        reply = await client.request(method, address, content=body, headers=headers)
    return reply.status_code, reply.headers.raw, reply.content


ADDRESSES = [*sorted(SHORT | GENERAL), "/zoo/refused?refuse", "/zoo/query?q=x", "/zoo/absent", "/zoo/model/"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_answers_are_those_of_fastapi(method: str, address: str) -> None:
    """Status, headers and body of every answer are FastAPI's own."""
    expected = await _ask(_app(include), method, address)

    assert await _ask(_app(add_router), method, address) == expected


async def test_a_wrong_answer_is_the_same_failure() -> None:
    """What does not fit the response model is an error of the handler's, not an answer."""
    wrong = APIRouter()

    @wrong.get("/wrong", response_model=Animal)
    async def _wrong() -> object:
        return {"legs": "many"}

    for add in (include, add_router):
        with pytest.raises(ResponseValidationError):
            await _ask(_app(add, wrong), "GET", "/wrong")


@pytest.mark.parametrize(
    ("path", "is_short"), [*((path, True) for path in sorted(SHORT)), *((path, False) for path in sorted(GENERAL))]
)
def test_which_routes_are_shortened(path: str, is_short: bool) -> None:  # noqa: FBT001 - a cell of the table
    """A route goes by FastAPI's machinery as soon as it wants anything of it."""
    app = _app(add_router)

    (route,) = (route for route in app.routes if isinstance(route, APIRoute) and route.path == path)

    assert is_short == (getattr(route.app, "__module__", "") == "starlette.routing")


async def _fields(request: Request) -> int:
    return len(await request.form())


def _with_frontend(directory: Path) -> APIRouter:
    (directory / "index.html").write_text("page")
    more = APIRouter()
    more.frontend("/", directory=directory)
    return more


def _with_mount(_: Path) -> APIRouter:
    more = APIRouter()
    more.mount("/zoo", PlainTextResponse("mounted"))
    return more


def _with_routers(_: Path) -> APIRouter:
    more = APIRouter()
    more.include_router(router)
    return more


def _with_form_limits(_: Path) -> APIRouter:
    more = APIRouter(form_limits={"max_fields": 1})
    more.add_api_route("/zoo/model", _fields, methods=["POST"])
    return more


@pytest.mark.parametrize("make", [_with_frontend, _with_mount, _with_routers, _with_form_limits])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_router_that_is_more_than_a_list_of_routes(
    method: str, make: Callable[[Path], APIRouter], tmp_path: Path
) -> None:
    """Whatever else a router brings is not lost, and its order with other routers stays."""
    routers = (make(tmp_path), router)
    for address in ("/", "/zoo/model", "/zoo/absent"):
        expected = await _ask(_app(include, *routers), method, address, body="a=1&b=2")

        assert await _ask(_app(add_router, *routers), method, address, body="a=1&b=2") == expected


async def test_a_routers_own_lifespan() -> None:
    """It begins and ends with the application's."""
    happened = []

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        happened.append("begun")
        yield
        happened.append("ended")

    async with LifespanManager(_app(add_router, APIRouter(lifespan=lifespan))):
        pass

    assert happened == ["begun", "ended"]


def _paths(*declared: str) -> tuple[FixedPaths, list[APIRoute]]:
    routes = [APIRoute(path, _model, methods=["GET"]) for path in declared]
    return FixedPaths(routes), routes


@pytest.mark.parametrize(
    ("declared", "asked", "found"),
    [
        pytest.param(["/a", "/b"], "/b", 1, id="by-its-path"),
        pytest.param(["/a", "/a"], "/a", 0, id="the-first-of-two"),
        pytest.param(["/{name}", "/b"], "/b", None, id="one-with-parameters-stands-before-it"),
        pytest.param(["/b", "/{name}"], "/b", 0, id="one-with-parameters-stands-behind-it"),
        pytest.param(["/x/{name}", "/b"], "/b", 1, id="one-with-parameters-elsewhere"),
        pytest.param(["/a"], "/a/", None, id="another-path"),
        pytest.param(["/{name}"], "/{name}", None, id="no-fixed-path"),
    ],
)
def test_what_is_found_by_its_path(declared: list[str], asked: str, found: int | None) -> None:
    """A route is found at once where it would be the first to match; the others are left to be tried in order."""
    table, routes = _paths(*declared)

    match, child = table.matches({"type": "http", "method": "GET", "path": f"/root{asked}", "root_path": "/root"})

    assert (match, child.get("route")) == ((Match.NONE, None) if found is None else (Match.FULL, routes[found]))


@pytest.mark.parametrize(
    "scope", [{"type": "websocket"}, {"type": "http", "method": "POST"}], ids=["websocket", "another method"]
)
def test_what_is_left_to_be_tried(scope: Scope) -> None:
    """WebSockets, and methods that the route does not have, go the usual way to their answer."""
    table, _ = _paths("/a")

    assert table.matches({"path": "/a", "root_path": "", **scope}) == (Match.NONE, {})


def test_nothing_behind_a_mount_is_found() -> None:
    """What a mount would answer stays the mount's."""
    _, (route,) = _paths("/a")
    table = FixedPaths([Mount("/", PlainTextResponse("mounted")), route])

    assert table.matches({"type": "http", "method": "GET", "path": "/a", "root_path": ""}) == (Match.NONE, {})
