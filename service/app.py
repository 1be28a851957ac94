"""Puts the ASGI application together, in the order in which it starts."""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from service import __version__
from service.application import Configured, configure, open_applications
from service.auth import login, token, token_links
from service.auth.guard import Entitlement, SignedInByUrl, SignInVeto, Veto
from service.auth.login import SignInPolicy
from service.auth.revalidation import Revalidation
from service.errors import HOW_TO_INSTALL, ConfigurationError, ServiceError
from service.resources import open_resources
from service.settings import Settings
from service.web import pages, problems
from service.web.middleware.access_log import AccessLog
from service.web.middleware.bodies import Bodies, RefusedBody
from service.web.middleware.cors import with_cors
from service.web.middleware.gateway import Gateway
from service.web.route_index import RouteIndex
from service.web.routes import docs, health, metrics, start
from service.web.unguarded import unguarded

if TYPE_CHECKING:
    from service.auth.providers.entra import Entra

_log = logging.getLogger("service")

T = TypeVar("T")


def create_app(  # noqa: PLR0913 - one keyword for each part that can be changed
    settings: Settings,
    *,
    configured: Sequence[Configured] | None = None,
    routers: Sequence[APIRouter] = (),
    admit: Sequence[Veto] = (),
    admit_sign_in: Sequence[SignInVeto] = (),
    entitled: Sequence[Entitlement] = (),
    sign_in: SignInPolicy = "navigation",
    title: str = "FastAPI service",
) -> ASGIApp:
    """Return the service as an ASGI application. `routers` are served below its prefix, beside our own.

    Args:
        settings: the settings of the service.
        configured: the applications in `settings`, if `configure` has loaded them already.
        routers: routers of your own.
        admit: each is called with every identified caller, and raises a NotAdmittedError to keep one out.
        admit_sign_in: the same, for callers who are about to start a session or get a token through this service.
        entitled: each returns the scopes that a new token of the caller would carry. A caller whose token lacks one of
            them is told to get a new token.
        sign_in: which requests are redirected to the Hub to sign in, instead of being refused.
        title: the name of the service, in pages and in the OpenAPI document.

    Raises:
        ConfigurationError: an application or router named in `settings` does not exist, or a router has a route that
            its dependencies do not guard.
    """
    if not settings.access_scopes:
        _log.error("Nobody has access, because no access scope is known: set JUPYTERHUB_SERVICE_NAME.")
    if settings.entra_tenant_id and find_spec("fastapi_azure_auth") is None:
        raise ConfigurationError(
            [f"ENTRA_TENANT_ID: Entra ID needs an optional package: {HOW_TO_INSTALL.format('entra')}"]
        )
    if not (settings.has_hub or settings.entra_tenant_id):
        raise ConfigurationError(["Neither a Hub nor Entra ID is set up, so nobody could sign in."])
    if not settings.has_hub:
        _log.warning("There is no Hub: JUPYTERHUB_API_TOKEN is not set. Only tokens of Entra ID are accepted.")
    configured = configure(settings) if configured is None else configured
    applications = [each.application for each in configured]
    state = {
        "admit": (*_all(application.vetoes() for application in applications), *admit),
        "admit_sign_in": (*_all(application.sign_in_vetoes() for application in applications), *admit_sign_in),
        "entitled": (*_all(application.entitlements() for application in applications), *entitled),
        "sign_in": sign_in,
        "pages": pages,
        "configured": configured,
        "templates": pages.environment(application.templates for application in applications),
    }
    app = FastAPI(
        title=title,
        version=__version__,
        servers=[{"url": settings.prefix.rstrip("/") or "/"}],
        lifespan=_lifespan(settings, configured, state),
        openapi_url=None,  # `service.web.routes.docs` serves it
        docs_url=None,
        redoc_url=None,
        # Spans would contain URLs with tokens and codes, and log records the text of exceptions. FastAPI would also
        # look into the environment with each request to learn whether metrics are on.
        telemetry={"tracing": False, "logs": False, "metrics": False},
        redirect_slashes=False,  # such a redirect would repeat a token that is in the URL
    )
    sign_in_routers = (login.router, token_links.router, token.router) if settings.has_hub else ()
    for router in (start.router, health.router, metrics.router, *sign_in_routers, docs.router):
        app.include_router(router)
    of_applications = _all(application.routers() for application in applications)
    added = [*of_applications, *_named_routers(settings.routers), *routers]
    if open_routes := [problem for router in added for problem in unguarded(router)]:
        raise ConfigurationError(open_routes)
    for router in added:
        app.include_router(router)
    app.mount("/static", pages.Assets(application.static for application in applications))
    app.router.routes.insert(0, RouteIndex(app.router.routes))
    _handle_errors(app)
    headers = _all(application.response_headers for application in applications)
    gateway = Gateway(Revalidation(app, interval=settings.recheck_interval), settings=settings)
    access_log = AccessLog(with_cors(gateway, settings, headers=headers), routes=app.routes)
    return Bodies(access_log, routes=app.routes, size=settings.body_memory)


def _lifespan(
    settings: Settings, configured: Sequence[Configured], state: dict[str, Any]
) -> Callable[[FastAPI], AbstractAsyncContextManager[dict[str, Any]]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with (
            open_resources(settings) as resources,
            _entra(settings) as entra,
            open_applications(configured, resources) as opened,
        ):
            yield {"context": resources, "entra": entra, "opened": opened, **state}

    return lifespan


def _entra(settings: Settings) -> "AbstractAsyncContextManager[Entra | None]":
    if not settings.entra_tenant_id:
        return nullcontext()
    from service.auth.providers.entra import open_entra  # noqa: PLC0415 - needs an optional package

    return open_entra(settings)


def _all(many: Iterable[Iterable[T]]) -> tuple[T, ...]:
    return tuple(chain.from_iterable(many))


def _handle_errors(app: FastAPI) -> None:
    handlers: dict[type[Exception], Any] = {
        ServiceError: problems.answer_error,
        RefusedBody: problems.answer_refused_body,
        HTTPException: problems.answer_http_exception,
        RequestValidationError: problems.answer_invalid,
        SignedInByUrl: token_links.drop_token_from_url,
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
