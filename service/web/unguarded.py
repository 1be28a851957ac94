"""Finds routes that the dependencies of their router do not guard. The service does not start with such routes.

FastAPI runs dependencies only for its own kinds of routes. Routes of Starlette (mounts, `add_route`,
`add_websocket_route`, `host`) are open to everybody, even if the router has `dependencies=[require()]`. FastAPI also
copies the dependencies of a router when a route is added, so routes that were added earlier lack later dependencies.
"""

from collections.abc import Iterator

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute, Host, Mount, WebSocketRoute

from service.web.flat_routes import frontends, included

_FILES = "for files, use a route with {path:path} (docs/migrate.md shows one); for an application, include its router"
_LATE = (
    "it lacks dependencies of its router: pass the dependencies when you create the router, and add routes with "
    "@router.get(…) and the like"
)


def unguarded(router: APIRouter) -> Iterator[str]:
    """Yield a sentence for each unguarded route of a router and of the routers that it includes."""
    for context in iter_route_contexts(router.routes):
        route = context.original_route
        if not isinstance(route, APIRoute | APIWebSocketRoute):
            problem = f"{_kind(route)} is open to everybody, even if the router has dependencies"
            yield f"{_path(context)}: {problem}: {_solution(route)}"
    yield from _without_dependencies(router)


def _without_dependencies(router: APIRouter) -> Iterator[str]:
    for context in iter_route_contexts(router.routes):
        if isinstance(context.original_route, APIRoute | APIWebSocketRoute) and _lacks(context, router):
            yield f"{_path(context)}: {_LATE}"
    for group in frontends(router):
        if _lacks(group, router):
            yield f"{', '.join(route.path for route in group.routes)}: {_LATE}"
    for route in router.routes:
        if (inner := included(route)) is not None:
            yield from _without_dependencies(inner)


def _lacks(route: object, router: APIRouter) -> bool:
    own = getattr(route, "dependencies", ())
    return any(dependency not in own for dependency in router.dependencies)


def _path(context: RouteContext) -> str:
    route = context.original_route
    return f"host {route.host}" if isinstance(route, Host) else context.path or "/"


def _kind(route: BaseRoute) -> str:
    if isinstance(route, Mount | Host):
        return "a mounted application"
    return "a WebSocket route of Starlette" if isinstance(route, WebSocketRoute) else "a route of Starlette"


def _solution(route: BaseRoute) -> str:
    if isinstance(route, Mount | Host):
        return _FILES
    if getattr(getattr(route, "endpoint", None), "__module__", "") == FastAPI.__module__:
        return "FastAPI's own documentation: turn it off with FastAPI(openapi_url=None), as the service has its own"
    return f"use @router.{'websocket' if isinstance(route, WebSocketRoute) else 'get'}(…)"
