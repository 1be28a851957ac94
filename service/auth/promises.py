"""Finds routes that seem to be guarded and are not. An application does not start with such."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, routing
from fastapi.routing import APIRoute, APIWebSocketRoute
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.types import ASGIApp

from service.auth import dependencies, guard, identification
from service.auth.guard import Guard
from service.hub.models import Identity

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant

_OURS = {module.__name__ for module in (dependencies, guard, identification)}


def unchecked(app: object, *, above: Sequence[object] = ()) -> Iterator[str]:
    """Yield a sentence for each route of an application or router, or mounted in it, that promises what nobody checks.

    FastAPI writes the scopes of `Security(hub.user, scopes=[…])` into the OpenAPI document, but leaves it to `hub.user`
    to check them, which does not. An `Identity` without a guard is read from the request: callers say who they are.
    `above`: what `app` is mounted in.
    """
    inner = unwrapped(app)
    routes = inner.routes if inner else ()
    for context in contexts(routes):
        path, dependant = getattr(context, "path", ""), getattr(context, "dependant", None)
        if dependant is None:
            continue
        for scopes in _scopes(dependant):
            needed = ", ".join(f'"{scope}"' for scope in scopes)
            yield (
                f"{path}: nobody checks Security(…, scopes=[{needed}]). Write Depends(hub.require({needed})), or in a"
                f" router of the service require({needed})."
            )
        if _reads_identity(dependant):
            yield f"{path}: it reads an Identity from the request. It takes Depends(…) with a guard in it."
    inside = [*above, app]
    for where, part in mounted(routes):
        if part not in inside:
            yield from (f"{where}{problem}" for problem in unchecked(part, above=inside))


def open_to_all(app: FastAPI) -> Iterator[str]:
    """Yield the path of each route of Starlette in an application whose dependencies guard its other routes."""
    called = [each.dependency for each in app.router.dependencies]
    if not any(map(_is_ours, called)):
        return
    for context in contexts(app.routes):
        route = getattr(context, "original_route", context)
        is_starlettes = isinstance(route, Route | WebSocketRoute) and not isinstance(
            route, APIRoute | APIWebSocketRoute
        )
        # FastAPI's documents are such routes, too.
        if is_starlettes and getattr(route.endpoint, "__module__", "") != FastAPI.__module__:
            yield route.path


def contexts(routes: Sequence[BaseRoute]) -> Iterator[Any]:
    """Yield the routes of an application, those of its routers among them."""
    # FastAPI before 0.138 copies the routes of an included router into the one that includes it.
    yield from getattr(routing, "iter_route_contexts", iter)(routes)


def mounted(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, ASGIApp]]:
    """Yield the path or host of each mounted application, and the application; those of routers among them."""
    for context in contexts(routes):
        route = getattr(context, "original_route", context)
        if isinstance(route, Mount | Host):
            yield getattr(context, "path", "") or getattr(route, "host", ""), route.app


def unwrapped(app: object) -> Starlette | Router | None:
    """Return an application without `hub.protect` or a middleware around it; None if it is not of Starlette's."""
    while app is not None and not isinstance(app, Starlette | Router):
        app = getattr(app, "app", None)
    return app


def _reads_identity(dependant: "Dependant") -> bool:
    """Whether a route or one of its dependencies takes an Identity, or what contains one, as the caller sends it."""
    if _is_identity(dependant.call):
        return True
    params = (dependant.path_params, dependant.query_params, dependant.header_params, dependant.cookie_params)
    return any(_contains_identity(param) for some in (*params, dependant.body_params) for param in some) or any(
        map(_reads_identity, dependant.dependencies)
    )


def _contains_identity(param: Any) -> bool:  # noqa: ANN401 - FastAPI's ModelField
    info = param.field_info
    # With its metadata, which may say how to read a type that pydantic does not know.
    annotated: Any = Annotated[info.annotation, info]
    unseen: list[Any] = [TypeAdapter(annotated).core_schema]
    while unseen:
        schema = unseen.pop()
        if isinstance(schema, dict):
            if _is_identity(schema.get("cls")):
                return True
            unseen.extend(schema.values())
        elif isinstance(schema, list | tuple):
            unseen.extend(schema)
    return False


def _is_identity(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Identity)


def _scopes(dependant: "Dependant", asked: Sequence[str] = ()) -> Iterator[Sequence[str]]:
    """Yield the scopes that a dependency of the Hub is asked for, and that no dependency on the way takes."""
    for each in dependant.dependencies:
        scopes = [*asked, *(each.own_oauth_scopes or ())]
        if each.security_scopes_param_name:  # it may check them itself
            continue
        if isinstance(each.call, Guard):
            scopes = [scope for scope in scopes if scope not in each.call.scopes]
        if not _is_ours(each.call):
            yield from _scopes(each, scopes)
        elif scopes:
            yield scopes


def _is_ours(call: object) -> bool:
    return getattr(call, "__module__", "") in _OURS
