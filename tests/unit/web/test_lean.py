"""The shorter ways give the answers that FastAPI gives."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Query, Request, Response, Security
from fastapi.exceptions import ResponseValidationError
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from service.web.lean import ShortWays


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


def _app(*routers: APIRouter, short: bool) -> FastAPI:
    app = FastAPI(openapi_url=None)
    for each in routers or (router,):
        app.include_router(each)
    if short:
        app.router.routes.insert(0, ShortWays(app.router.routes))
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
    expected = await _ask(_app(short=False), method, address)

    assert await _ask(_app(short=True), method, address) == expected


async def test_a_wrong_answer_is_the_same_failure() -> None:
    """What does not fit the response model is an error of the handler's, not an answer."""
    wrong = APIRouter()

    @wrong.get("/wrong", response_model=Animal)
    async def _wrong() -> object:
        return {"legs": "many"}

    for short in (False, True):
        with pytest.raises(ResponseValidationError):
            await _ask(_app(wrong, short=short), "GET", "/wrong")


@pytest.mark.parametrize(
    ("path", "is_short"), [*((path, True) for path in sorted(SHORT)), *((path, False) for path in sorted(GENERAL))]
)
def test_which_routes_are_shortened(path: str, is_short: bool) -> None:  # noqa: FBT001 - a cell of the table
    """A route goes by FastAPI's machinery as soon as it wants anything of it."""
    assert is_short == _is_found(path, router)


def _is_found(path: str, *routers: APIRouter, **scope: object) -> bool:
    table = ShortWays(_app(*routers, short=False).router.routes)
    match, _ = table.matches({"type": "http", "method": "GET", "path": f"/root{path}", "root_path": "/root", **scope})
    return match is Match.FULL


async def _fields(request: Request) -> int:
    return len(await request.form())


async def _size(request: Request) -> int:
    return len(await request.body())


async def _secret() -> str:
    return "secret"


async def _keep_out() -> None:
    raise HTTPException(403, "no")


class _ClosedRoute(APIRoute):
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("closed", 403)(scope, receive, send)


class _HiddenRoute(APIRoute):
    def matches(self, _scope: Scope) -> tuple[Match, Scope]:
        return Match.NONE, {}


class _ClosedRouter(APIRouter):
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("closed", 403)(scope, receive, send)


class _HiddenRouter(APIRouter):
    def matches(self, _scope: Scope) -> tuple[Match, Scope]:
        return Match.NONE, {}


def _secrets(more: APIRouter) -> APIRouter:
    more.add_api_route("/zoo/model", _secret)
    return more


def _with_frontend() -> APIRouter:
    more = APIRouter()
    more.frontend("/", directory=Path(__file__).parent)
    return more


def _with_mount() -> APIRouter:
    more = APIRouter()
    more.mount("/zoo", PlainTextResponse("mounted"))
    return more


def _with_routers() -> APIRouter:
    more = APIRouter()
    more.include_router(router)
    return more


def _with_a_closed_router() -> APIRouter:
    more = APIRouter()
    more.include_router(_secrets(_ClosedRouter()))
    return more


def _with_form_limits() -> APIRouter:
    more = APIRouter(form_limits={"max_fields": 1})
    more.add_api_route("/zoo/model", _fields, methods=["POST"])
    return more


def _with_a_body_limit_of_its_own() -> APIRouter:
    return APIRouter(max_body_size=5, routes=[APIRoute("/zoo/model", _size, methods=["POST"])])


def _with_a_body_limit_from_later() -> APIRouter:
    more = APIRouter()
    more.add_api_route("/zoo/model", _size, methods=["POST"])
    more.max_body_size = 5
    return more


def _with_a_dependency() -> APIRouter:
    return _secrets(APIRouter(dependencies=[Depends(_keep_out)]))


def _with_a_dependency_from_later() -> APIRouter:
    more = _secrets(APIRouter())
    for route in more.routes:
        assert isinstance(route, APIRoute)
        route.dependencies.append(Depends(_keep_out))
    return more


def _with_another_endpoint_from_later() -> APIRouter:
    more = _secrets(APIRouter())
    for route in more.routes:
        assert isinstance(route, APIRoute)
        route.endpoint = _failing
    return more


def _with_parameters() -> APIRouter:
    more = APIRouter()
    more.add_api_route("/zoo/{name}", _path)
    return more


def _with_another_method() -> APIRouter:
    more = APIRouter()
    more.add_api_route("/zoo/model", _secret, methods=["POST"])
    return more


def _with_the_same_path() -> APIRouter:
    return _secrets(APIRouter())


@pytest.mark.parametrize(
    "make",
    [
        _with_frontend,
        _with_mount,
        _with_routers,
        _with_a_closed_router,
        lambda: _secrets(_ClosedRouter()),
        lambda: _secrets(_HiddenRouter()),
        lambda: _secrets(APIRouter(route_class=_ClosedRoute)),
        lambda: _secrets(APIRouter(route_class=_HiddenRoute)),
        _with_form_limits,
        _with_a_body_limit_of_its_own,
        _with_a_body_limit_from_later,
        _with_a_dependency,
        _with_a_dependency_from_later,
        _with_another_endpoint_from_later,
        _with_parameters,
        _with_another_method,
        _with_the_same_path,
    ],
    ids=lambda make: make.__code__.co_names[-1] if make.__name__ == "<lambda>" else make.__name__.strip("_"),
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_whatever_a_router_brings(method: str, make: Callable[[], APIRouter]) -> None:
    """Nothing that a router or a route has, or was given later, is passed over; nor is its order among others."""
    for address in ("/", "/zoo/model", "/zoo/absent"):
        routers = (make(), router)
        expected = await _ask(_app(*routers, short=False), method, address, body="a=1&b=2")

        assert await _ask(_app(*routers, short=True), method, address, body="a=1&b=2") == expected


async def test_names_of_routes() -> None:
    """A route's address is found by its name."""
    named = APIRouter()

    @named.get("/named")
    async def _named(request: Request) -> str:
        return str(request.url_for("_named"))

    assert (await _ask(_app(named, short=True), "GET", "/named"))[2] == b'"http://zoo/named"'


@pytest.mark.parametrize(
    ("declared", "asked", "is_found"),
    [
        pytest.param(["/a", "/b"], "/b", True, id="by-its-path"),
        pytest.param(["/{name}", "/b"], "/b", False, id="one-with-parameters-stands-before-it"),
        pytest.param(["/b", "/{name}"], "/b", True, id="one-with-parameters-stands-behind-it"),
        pytest.param(["/x/{name}", "/b"], "/b", True, id="one-with-parameters-elsewhere"),
        pytest.param(["/a"], "/a/", False, id="another-path"),
        pytest.param(["/{name}"], "/{name}", False, id="no-fixed-path"),
    ],
)
def test_what_is_found_by_its_path(declared: list[str], asked: str, is_found: bool) -> None:  # noqa: FBT001 - likewise
    """A route is found at once where it would be the first to match; the others are left to be tried in order."""
    more = APIRouter()
    for path in declared:
        more.add_api_route(path, _path if "{" in path else _secret)

    assert is_found == _is_found(asked, more)


@pytest.mark.parametrize(
    "scope", [{"type": "websocket"}, {"method": "POST"}, {"method": "HEAD"}], ids=["websocket", "POST", "HEAD"]
)
def test_what_is_left_to_be_tried(scope: Scope) -> None:
    """WebSockets, and methods that the route does not have, go the usual way to their answer."""
    assert not _is_found("/zoo/model", router, **scope)
