"""Shorter ways through FastAPI to the same answers.

Routes are found by their path, where FastAPI tries one after another. Those that want nothing of a request but who
sends it are answered at once: FastAPI goes through all kinds of parameters for each request, and sets up for clean-ups
that they do not have. What routes mean does not change, and whatever is not as simple as that is left to FastAPI.
Source: `get_request_handler` in fastapi/routing.py, whose branch for plain JSON `_answer` is.
"""

from collections.abc import Awaitable, Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, APIWebSocketRoute, serialize_response
from fastapi.utils import is_body_allowed_for_status_code
from starlette.routing import BaseRoute, Match, request_response
from starlette.types import Receive, Scope, Send

# What a Dependant has where FastAPI is needed.
_MORE = (
    "path_params", "query_params", "header_params", "cookie_params", "body_params", "websocket_param_name",
    "response_param_name", "background_tasks_param_name", "security_scopes_param_name", "concurrency",
)  # fmt: skip


def add_router(app: FastAPI, router: APIRouter) -> None:
    """As `app.include_router(router)`, whose second table of routes is searched twice for every request."""
    if not _is_mere_list(router):
        app.include_router(router)
        return
    for route in router.routes:
        if type(route) is APIRoute and _is_short(route):
            route.app = request_response(_answer(route))
        app.router.routes.append(route)


class FixedPaths(BaseRoute):
    """To stand before `routes`: finds at once those whose path has no parameters and no rival before them."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._found: dict[tuple[str, str], APIRoute] = {}
        for position, route in enumerate(routes):
            if not isinstance(route, APIRoute):  # whatever it matches comes first
                break
            rivals = (other for other in routes[:position] if isinstance(other, APIRoute) and other.param_convertors)
            if not route.param_convertors and not any(other.path_regex.match(route.path) for other in rivals):
                for method in route.methods or ():
                    self._found.setdefault((method, route.path), route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Look a request up."""
        if scope["type"] != "http":
            return Match.NONE, {}
        route = self._found.get((scope["method"], scope["path"].removeprefix(scope["root_path"])))
        if route is None:
            return Match.NONE, {}
        return Match.FULL, {"endpoint": route.endpoint, "path_params": {}, "route": route}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that `matches` has found."""
        await scope["route"].app(scope, receive, send)


def _is_mere_list(router: APIRouter) -> bool:
    """Whether there is nothing in a router but routes, which have been given all else that was said to it."""
    empty = APIRouter()
    return (
        all(isinstance(route, APIRoute | APIWebSocketRoute) for route in router.routes)
        and type(router.lifespan_context) is type(empty.lifespan_context)
        and (router.on_startup, router.on_shutdown) == (empty.on_startup, empty.on_shutdown)
        and router.form_limits == empty.form_limits
        and router._low_priority_routes == empty._low_priority_routes  # noqa: SLF001 - nothing public tells
    )


def _is_short(route: APIRoute) -> bool:
    parts = [route.dependant, *route.dependant.dependencies]
    return (
        all(_is_coroutine_function(part.call) and not any(getattr(part, name) for name in _MORE) for part in parts)
        and not any(part.dependencies for part in route.dependant.dependencies)
        and len({part.call for part in parts}) == len(parts)  # FastAPI asks one that comes twice once
        and isinstance(route.response_class, DefaultPlaceholder)
        and is_body_allowed_for_status_code(route.status_code)
        and route.max_body_size is None
    )


def _answer(route: APIRoute) -> Callable[[Request], Awaitable[Response]]:
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


def _serialization(route: APIRoute) -> dict[str, Any]:
    names = ("include", "exclude", "by_alias", "exclude_unset", "exclude_defaults", "exclude_none")
    return {name: getattr(route, f"response_model_{name}") for name in names}


def _request_name(part: Dependant) -> str | None:
    return part.request_param_name or part.http_connection_param_name


def _call(part: Dependant) -> Callable[..., Awaitable[Any]]:
    assert part.call is not None  # noqa: S101 - of a route, and of its dependencies
    return part.call


def _is_coroutine_function(call: object) -> bool:
    return iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__)
