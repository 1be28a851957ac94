"""Adds the routes of a router to an application one by one, as the application's own.

FastAPI keeps an included router as one route, and matches each request within it twice. That takes a fifth of the time
of a simple request, and twice that where the router includes others.
"""

from collections.abc import Iterator
from inspect import signature
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute

# What `add_api_route` takes, and a route has under the same name. New versions of FastAPI add to it.
_OPTIONS = signature(APIRouter.add_api_route).parameters.keys() - {"self", "path", "endpoint", "route_class_override"}


def is_flat(router: APIRouter) -> bool:
    """Whether `add_flat` can add its routes. It cannot add what `add_api_route` has no words for.

    These are routes of Starlette, of a class of its own, for files (`frontend`) or with typed streams, and limits for
    forms that hold for a whole router.
    """
    return all(_is_plain(route) for each in _routers(router) for route in _routes(each)) and not any(
        getattr(each, "form_limits", None) for each in _routers(router)
    )


def add_flat(app: FastAPI, router: APIRouter) -> None:
    """Add the routes, as `app.include_router(router)` does. The router's lifespan is left to the caller.

    A route that the router gets later is not served.
    """
    for context in iter_route_contexts(router.routes):
        path, endpoint = context.path or "", context.endpoint
        assert endpoint is not None  # noqa: S101 - each of these routes has one
        if isinstance(context.original_route, APIWebSocketRoute):
            app.router.add_api_websocket_route(path, endpoint, context.name, dependencies=context.dependencies)
        else:
            app.router.add_api_route(path, endpoint, **_options(context))


def _options(context: RouteContext) -> dict[str, Any]:
    own = context.original_route
    return {name: getattr(context if hasattr(context, name) else own, name) for name in _OPTIONS if hasattr(own, name)}


def included(route: BaseRoute) -> APIRouter | None:
    """Return the router that `include_router` has put into this route, or None if it is another kind of route."""
    router = getattr(route, "original_router", None)
    return router if isinstance(router, APIRouter) else None


def frontends(router: APIRouter) -> tuple[Any, ...]:
    """Return what `APIRouter.frontend` has added. FastAPI lists it apart. Its dependencies are copied, too."""
    return tuple(getattr(router, "_low_priority_routes", ()))


def _routers(router: APIRouter) -> Iterator[APIRouter]:
    yield router
    for route in router.routes:
        if (inner := included(route)) is not None:
            yield from _routers(inner)


def _routes(router: APIRouter) -> Iterator[BaseRoute]:
    yield from (route for route in router.routes if included(route) is None)
    yield from frontends(router)


def _is_plain(route: BaseRoute) -> bool:
    is_stream = getattr(route, "stream_item_type", None) is not None
    return type(route) in {APIRoute, APIWebSocketRoute} and not is_stream
