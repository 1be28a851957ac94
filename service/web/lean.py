"""A shorter way through FastAPI to the same answers.

Routes that want nothing of a request but who sends it, at a path without parameters, are found by that path and
answered at once. FastAPI tries one route after another, goes through all kinds of parameters for each request, and sets
up for clean-ups that such routes do not have. What routes mean does not change: they are taken as FastAPI has put them
together, and whatever is not as simple as that is left to it.
Source: `get_request_handler` in fastapi/routing.py, whose branch for plain JSON `_answer` is.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from inspect import iscoroutinefunction
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts, serialize_response
from fastapi.utils import is_body_allowed_for_status_code
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

# What a Dependant has where FastAPI is needed.
_MORE = (
    "path_params", "query_params", "header_params", "cookie_params", "body_params", "websocket_param_name",
    "response_param_name", "background_tasks_param_name", "security_scopes_param_name", "concurrency",
)  # fmt: skip


class ShortWays(BaseRoute):
    """To stand before `routes`, whose shorter ways it knows."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._found: dict[tuple[str, str], tuple[ASGIApp, Scope]] = {}
        before: list[RouteContext] = []
        for route in _plain(routes):
            if _is_short(route):
                endpoint, path = route.endpoint, route.path or ""
                scope: Scope = {"endpoint": endpoint, "path_params": {}, "route": route.original_route}
                rivals = [other for other in before if other.path_regex.match(path)]
                for method in route.methods or ():
                    if not any(method in (other.methods or ()) for other in rivals):
                        self._found[method, path] = (request_response(_answer(route)), scope)
            before.append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Look a request up."""
        if scope["type"] != "http":
            return Match.NONE, {}
        found = self._found.get((scope["method"], scope["path"].removeprefix(scope["root_path"])))
        return (Match.NONE, {}) if found is None else (Match.FULL, {**found[1], "service.short_way": found[0]})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that `matches` has found."""
        await scope["service.short_way"](scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:  # noqa: ANN401 - Starlette's
        """Leave names to the routes themselves."""
        raise NoMatchFound(name, path_params)


def _plain(routes: Sequence[BaseRoute]) -> Iterator[RouteContext]:
    """Yield routes up to the first of which it cannot be told from its path and methods what it would match."""
    for route in routes:
        if any(type(router) is not APIRouter for router in _routers([route])):
            return
        for context in iter_route_contexts([route]):
            if type(context.original_route) is APIRoute:
                yield context
            elif type(context.original_route) is not APIWebSocketRoute:
                return


def _routers(routes: Sequence[BaseRoute]) -> Iterator[APIRouter]:
    for route in routes:
        if (router := getattr(route, "original_router", None)) is not None:
            yield router
            yield from _routers(router.routes)


def _is_short(route: RouteContext) -> bool:
    parts = [route.dependant, *route.dependant.dependencies]
    return (
        all(_is_coroutine_function(part.call) and not any(getattr(part, name) for name in _MORE) for part in parts)
        and not any(part.dependencies for part in route.dependant.dependencies)
        and not any(part.request_param_name and part.http_connection_param_name for part in parts)
        and not route.param_convertors
        and len({part.call for part in parts}) == len(parts)  # FastAPI asks one that comes twice once
        and isinstance(route.response_class, DefaultPlaceholder)
        and is_body_allowed_for_status_code(route.status_code)
        and route.max_body_size is None
    )


def _answer(route: RouteContext) -> Callable[[Request], Awaitable[Response]]:
    endpoint, status = _call(route.dependant), route.status_code or 200
    dependencies = [(part.name, _call(part), _request_name(part)) for part in route.dependant.dependencies]
    name_of_request = _request_name(route.dependant)
    field, options = route.response_field, _serialization(route)

    async def answer(request: Request) -> Response:
        values: dict[str, Any] = {name_of_request: request} if name_of_request else {}
        for name, call, wanted in dependencies:
            value = await (call(**{wanted: request}) if wanted else call())
            if name:
                values[name] = value
        result = await endpoint(**values)
        if isinstance(result, Response):
            return result
        if field is None:
            return JSONResponse(await serialize_response(response_content=result), status)
        content = await serialize_response(field=field, response_content=result, dump_json=True, **options)
        return Response(content, status, media_type="application/json")

    return answer


def _serialization(route: RouteContext) -> dict[str, Any]:
    names = ("include", "exclude", "by_alias", "exclude_unset", "exclude_defaults", "exclude_none")
    return {name: getattr(route, f"response_model_{name}") for name in names}


def _request_name(part: Dependant) -> str | None:
    return part.request_param_name or part.http_connection_param_name


def _call(part: Dependant) -> Callable[..., Awaitable[Any]]:
    assert part.call is not None  # noqa: S101 - of a route, and of its dependencies
    return part.call


def _is_coroutine_function(call: object) -> bool:
    return iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__)
