"""Finds the routes of a router that its dependencies do not guard, so that the service can refuse to start with them.

FastAPI asks dependencies for its own kinds of routes only. Starlette's kinds (mounts, `add_route`,
`add_websocket_route`, `host`) are served to everybody, whatever the router's `dependencies=[require()]` says. FastAPI
also copies a router's dependencies when a route is added: a route that was there before has none of them.
"""

from collections.abc import Iterator

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute, Host, Mount, WebSocketRoute

_FILES = "for files, use a route with {path:path} (docs/migrate.md shows one); for an application, include its router"
_LATE = (
    "it lacks dependencies that its router has: give the router its dependencies when you make it, and add routes with "
    "@router.get(…) and the like"
)


def unguarded(router: APIRouter) -> Iterator[str]:
    """A sentence for each route, also of the routers that it includes, which its routers' dependencies do not guard."""
    for context in iter_route_contexts(router.routes):
        route = context.original_route
        if not isinstance(route, APIRoute | APIWebSocketRoute):
            everybody = "is open to everybody, whatever dependencies the router has"
            yield f"{_path(context)}: {_kind(route)} {everybody}: {_way(route)}"
    yield from _without_dependencies(router)


def _without_dependencies(router: APIRouter) -> Iterator[str]:
    for context in iter_route_contexts(router.routes):
        if isinstance(context.original_route, APIRoute | APIWebSocketRoute) and _lacks(context, router):
            yield f"{_path(context)}: {_LATE}"
    # What `APIRouter.frontend` adds, which FastAPI lists nowhere else. It asks dependencies, but copies them, too.
    for group in getattr(router, "_low_priority_routes", ()):
        if _lacks(group, router):
            yield f"{', '.join(route.path for route in group.routes)}: {_LATE}"
    for route in router.routes:
        if isinstance(included := getattr(route, "original_router", None), APIRouter):
            yield from _without_dependencies(included)


def _lacks(route: object, router: APIRouter) -> bool:
    own = getattr(route, "dependencies", ())
    return any(dependency not in own for dependency in router.dependencies)


def _path(context: RouteContext) -> str:
    route = context.original_route
    return f"host {route.host}" if isinstance(route, Host) else context.path or "/"


def _kind(route: BaseRoute) -> str:
    if isinstance(route, Mount | Host):
        return "what is mounted"
    return "a WebSocket of Starlette's" if isinstance(route, WebSocketRoute) else "a route of Starlette's"


def _way(route: BaseRoute) -> str:
    if isinstance(route, Mount | Host):
        return _FILES
    if getattr(getattr(route, "endpoint", None), "__module__", "") == FastAPI.__module__:
        return "this is FastAPI's own documentation, which FastAPI(openapi_url=None) leaves to ours"
    return f"use @router.{'websocket' if isinstance(route, WebSocketRoute) else 'get'}(…)"
