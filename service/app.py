"""Puts the ASGI application together, in the order in which it starts."""

import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service import __version__
from service.application import Configured, configure, open_applications
from service.auth import forward
from service.auth.guard import Entitlement, SignInVeto, Veto
from service.auth.hub import Hub, Lifespan, problems_of
from service.auth.identification import SignedInByUrl
from service.auth.installation import handler_of
from service.auth.middleware import HubMiddleware
from service.auth.policy import SignInPolicy
from service.auth.promises import unchecked
from service.errors import ConfigurationError, ServiceError
from service.resources import Resources, open_resources
from service.settings import Settings, load_settings
from service.web import pages, problems, without_sign_in
from service.web.flat_routes import add_flat, is_flat
from service.web.middleware.access_log import AccessLog
from service.web.middleware.bodies import Bodies, RefusedBody
from service.web.middleware.cors import with_cors
from service.web.middleware.gateway import Gateway
from service.web.middleware.own_pages import OwnPages
from service.web.operation_ids import OperationIds
from service.web.other_spelling import OtherSpelling
from service.web.route_index import RouteIndex
from service.web.routes import docs, health, metrics, start
from service.web.unguarded import unguarded

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServiceApp:
    """The service as an ASGI application, with `fastapi`, the application inside, and `hub`, its sign-in.

    If it is mounted in another application, that one must run its lifespan: `FastAPI(lifespan=service.lifespan)`.
    """

    fastapi: FastAPI
    hub: Hub
    asgi: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        await self.asgi(scope, receive, send)

    def lifespan(self, _outer: Any) -> AbstractAsyncContextManager[Any]:  # noqa: ANN401 - any application
        """Open all that the service needs, as its own lifespan does."""
        return self.fastapi.router.lifespan_context(self.fastapi)


def create() -> ServiceApp:
    """Return the service with the settings in `.env` and the environment.

    `uvicorn --factory service.app:create --reload` serves it.
    """
    return create_app(load_settings())


def create_app(  # noqa: PLR0913 - one keyword for each part that can be changed
    settings: Settings,
    *,
    configured: Sequence[Configured] | None = None,
    routers: Sequence[APIRouter] = (),
    admit: Sequence[Veto] = (),
    admit_sign_in: Sequence[SignInVeto] = (),
    entitled: Sequence[Entitlement] = (),
    sign_in: SignInPolicy = "navigation",
    lifespan: Lifespan | None = None,
    **options: Any,  # noqa: ANN401 - those of FastAPI
) -> ServiceApp:
    """Return the service as an ASGI application. `routers` are served below its prefix, beside our own.

    Args:
        settings: the settings of the service.
        configured: the applications in `settings`, if `configure` has loaded them already.
        routers: routers of your own.
        admit: each is called with every identified caller, and raises a NotAdmittedError to keep one out: on every
            route but signing in, signing out and `/me`, and while a connection stays open. If it returns a moment
            (aware UTC), earlier answers of the Hub do not count.
        admit_sign_in: the same, for callers who are about to start a session or get a token through this service.
        entitled: each returns the scopes that a new token of the caller would carry. A caller whose token lacks one of
            them is told to get a new token, or sent to the Hub for it.
        sign_in: which requests are redirected to the Hub to sign in, instead of being refused: "navigation" for
            browsers that open a page, "always" or "never".
        lifespan: a lifespan of your own, which runs inside. What it yields is in `request.state`.
        options: FastAPI's own, such as `title`, `version`, `description` and `openapi_tags`.

    Raises:
        ConfigurationError: an application or router named in `settings` does not exist, or a router has a route that
            its dependencies do not guard, or one of our own.
        TypeError: one of `options` is decided here.
    """
    problems_found = problems_of(settings)
    if settings.forward_auth:
        problems_found.append(forward.problem_with_service(settings))
    if any(problems_found):
        raise ConfigurationError([problem for problem in problems_found if problem])
    configured = configure(settings) if configured is None else configured
    applications = [each.application for each in configured]
    hub = Hub(
        settings,
        admit=(*_all(application.vetoes() for application in applications), *admit),
        admit_sign_in=(*_all(application.sign_in_vetoes() for application in applications), *admit_sign_in),
        entitled=(*_all(application.entitlements() for application in applications), *entitled),
        sign_in=sign_in,
        pages=pages,
        answer=problems.answer_error,
        forward=settings.forward_auth,
        anonymous=without_sign_in.anonymous_in(settings, configured),
        opening=open_resources,
    )
    of_applications = _all(application.routers() for application in applications)
    theirs = [*_named_routers(settings.routers), *routers]
    added = [*of_applications, *theirs]
    lifespans = [lifespan] if lifespan else []
    lifespans += [router.lifespan_context for router in added if is_flat(router)]
    app = FastAPI(
        **{
            "title": "FastAPI service",
            "version": __version__,
            "generate_unique_id_function": OperationIds(),
            **options,
        },
        servers=[{"url": settings.prefix.rstrip("/") or "/"}],
        lifespan=_lifespan(hub, configured, lifespans),
        openapi_url=None,  # `service.web.routes.docs` serves it
        docs_url=None,
        redoc_url=None,
        # Spans would contain URLs with tokens and codes, and log records the text of exceptions. FastAPI would also
        # look into the environment with each request to learn whether metrics are on.
        telemetry={"tracing": False, "logs": False, "metrics": False},
        redirect_slashes=False,  # see `service.web.other_spelling`
    )
    for router in (start.router, health.router, *_routers_for_callers(hub, settings), docs.router):
        _add(app, router)
    app.mount("/static", pages.Assets(application.static for application in applications))
    ours = list(app.routes)
    found = [*_collisions(ours, added)]
    found += (problem for router in added for problem in (*unguarded(router), *unchecked(router)))
    found += without_sign_in.problems_with(settings, theirs)
    if found:
        raise ConfigurationError(found)
    for router in added:
        _add(app, router)
    routes = list(app.router.routes)
    app.router.routes[:] = [RouteIndex(routes), *routes, OtherSpelling(routes)]
    _handle_errors(app)
    headers = _all(application.response_headers for application in applications)
    inner: ASGIApp = HubMiddleware(app, hub=hub)
    gateway = Gateway(inner if settings.has_sign_in else OwnPages(inner, settings=settings), settings=settings)
    access_log = AccessLog(
        with_cors(gateway, settings, headers=headers),
        routes=app.routes,
        metrics=lambda: cast("Resources", hub.context).metrics,
    )
    return ServiceApp(app, hub, Bodies(access_log, routes=app.routes, size=settings.body_memory))


def _routers_for_callers(hub: Hub, settings: Settings) -> Sequence[APIRouter]:
    """Return our own routers that make sense only if somebody can sign in or send a token."""
    if not settings.has_sign_in:
        return ()
    return (start.callers, metrics.router, *((hub.router,) if settings.has_hub else ()))


def _lifespan(hub: Hub, configured: Sequence[Configured], inner: Sequence[Lifespan]) -> Lifespan:
    templates = pages.environment(each.application.templates for each in configured)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with (
            hub.open() as context,
            open_applications(configured, cast("Resources", context)) as opened,
            AsyncExitStack() as stack,
        ):
            states = [await stack.enter_async_context(each(app)) for each in inner]
            state = dict(chain.from_iterable(state.items() for state in states if state))
            yield {**state, "opened": opened, "configured": configured, "templates": templates}

    return lifespan


def _add(app: FastAPI, router: APIRouter) -> None:
    if is_flat(router):
        add_flat(app, router)
    else:
        app.include_router(router)


def _collisions(ours: Sequence[BaseRoute], theirs: Sequence[APIRouter]) -> Iterator[str]:
    """Yield a sentence for each route of a router that one of ours would hide, with the same path and method."""
    taken = {(context.path, method) for context in iter_route_contexts(ours) for method in context.methods or ()}
    for context in (context for router in theirs for context in iter_route_contexts(router.routes)):
        if not isinstance(context.original_route, APIRoute):
            continue  # `unguarded` reports these
        for method in sorted(method for method in context.methods or () if (context.path, method) in taken):
            handler = handler_of(context.original_route)
            yield f"{method} {context.path}: the service itself answers there, so that {handler} never would: move it"


def _all(many: Iterable[Iterable[T]]) -> tuple[T, ...]:
    return tuple(chain.from_iterable(many))


def _handle_errors(app: FastAPI) -> None:
    handlers: dict[type[Exception], Any] = {
        ServiceError: problems.answer_error,
        RefusedBody: problems.answer_refused_body,
        HTTPException: problems.answer_http_exception,
        RequestValidationError: problems.answer_invalid,
        SignedInByUrl: problems.answer_error,
        Exception: problems.answer_unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _named_routers(names: Sequence[str]) -> list[APIRouter]:
    """Import the operator's own routers, each named `package.module:router`.

    They may be in the working directory. It is put at the end of `sys.path`, where it cannot replace an installed
    module.
    """
    routers = []
    if names and (working_directory := str(Path.cwd())) not in sys.path:
        sys.path.append(working_directory)
    for name in names:
        module, _, attribute = name.partition(":")
        try:
            router = getattr(import_module(module), attribute, None) if module and attribute else None
        except ImportError as error:
            raise ConfigurationError([f"SERVICE_ROUTERS: {name!r} cannot be imported: {error}"]) from error
        if not isinstance(router, APIRouter):
            raise ConfigurationError([f"SERVICE_ROUTERS: {name!r} must be package.module:router, an APIRouter"])
        routers.append(router)
    return routers
