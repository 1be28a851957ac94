"""Finds routes that seem to be guarded and are not. An application that `hub.install` got does not start with such."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args

from fastapi import FastAPI, routing
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import Mount, Route, WebSocketRoute

from service.auth import dependencies
from service.hub.models import Identity

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant

    from service.auth.hub import Hub


def unchecked(hub: "Hub", app: FastAPI) -> Iterator[str]:
    """Yield a sentence for each route of an application, and of those mounted in it, that promises what nobody checks.

    FastAPI writes the scopes of `Security(hub.user, scopes=[…])` into the OpenAPI document, but leaves it to `hub.user`
    to check them, which does not. An `Identity` without `Depends` is read from the body.
    """
    for context in contexts(app):
        path, dependant = getattr(context, "path", ""), getattr(context, "dependant", None)
        if dependant is not None:
            for scopes in _scopes(hub, dependant):
                needed = ", ".join(f'"{scope}"' for scope in scopes)
                yield f"{path}: nobody checks Security(…, scopes=[{needed}]). Write Depends(hub.require({needed}))."
            if any(_has_identity(param.field_info.annotation) for param in dependant.body_params):
                yield f"{path}: it reads an Identity from the body. Depends(…) is missing around the guard."
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            yield from (f"{route.path}{problem}" for problem in unchecked(hub, route.app))


def open_to_all(hub: "Hub", app: FastAPI) -> Iterator[str]:
    """Yield the path of each route of Starlette in an application whose dependencies guard its other routes."""
    called = [each.dependency for each in app.router.dependencies]
    if not any(call is hub.user or _is_ours(call) for call in called):
        return
    for context in contexts(app):
        route = getattr(context, "original_route", context)
        is_starlettes = isinstance(route, Route | WebSocketRoute) and not isinstance(
            route, APIRoute | APIWebSocketRoute
        )
        # FastAPI's documents are such routes, too.
        if is_starlettes and getattr(route.endpoint, "__module__", "") != FastAPI.__module__:
            yield route.path


def contexts(app: FastAPI) -> Iterator[Any]:
    """Yield the routes of an application, those of its routers among them."""
    # FastAPI before 0.138 copies the routes of an included router into the one that includes it.
    yield from getattr(routing, "iter_route_contexts", iter)(app.router.routes)


def _has_identity(kind: object) -> bool:
    """Whether a type is or contains Identity: `Identity | None`, `list[Identity]`, and the like."""
    return (isinstance(kind, type) and issubclass(kind, Identity)) or any(map(_has_identity, get_args(kind)))


def _scopes(hub: "Hub", dependant: "Dependant", asked: Sequence[str] = ()) -> Iterator[Sequence[str]]:
    """Yield the scopes that a dependency of the Hub is asked for, and that no dependency on the way takes."""
    for each in dependant.dependencies:
        scopes = [*asked, *(each.own_oauth_scopes or ())]
        if each.security_scopes_param_name:  # it may check them itself
            continue
        if each.call is hub.user or _is_ours(each.call):
            if scopes:
                yield scopes
        else:
            yield from _scopes(hub, each, scopes)


def _is_ours(call: object) -> bool:
    return getattr(call, "__module__", "") == dependencies.__name__
