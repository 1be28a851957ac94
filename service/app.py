"""Builds the application; read from top to bottom it is the order of starting up."""

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

_Each = TypeVar("_Each")


def create_app(
    settings: Settings,
    *,
    routers: Sequence[APIRouter] = (),
    admit: Sequence[Veto] = (),
    admit_sign_in: Sequence[SignInVeto] = (),
    entitled: Sequence[Entitlement] = (),
    sign_in: SignInPolicy = "navigation",
    title: str = "FastAPI service",
) -> ASGIApp:
    """Return the service as an ASGI application, with `routers` mounted under its prefix beside our own.

    `admit`: each is asked about every identified caller and raises a NotAdmittedError to keep one out.
    `admit_sign_in`: likewise, about those who would begin a session, or get a token, through this service.
    `entitled`: each says which scopes a newer token of a caller's would carry, so that who lacks one is told.
    `sign_in`: who is sent to the Hub to sign in instead of being refused.

    Raises:
        ConfigurationError: an application or router named in `settings` does not exist, or a route of a router is of a
            kind that its dependencies do not guard.
    """
    if not settings.access_scopes:
        _log.error("No access scopes are known, so nobody is let in: set JUPYTERHUB_SERVICE_NAME.")
    if settings.entra_tenant_id and find_spec("fastapi_azure_auth") is None:
        raise ConfigurationError([f"ENTRA_TENANT_ID: Entra ID needs an extra: {HOW_TO_INSTALL.format('entra')}"])
    if not (settings.has_hub or settings.entra_tenant_id):
        raise ConfigurationError(["There is neither a Hub nor Entra ID, so that nobody could be known."])
    if not settings.has_hub:
        _log.warning("There is no Hub: JUPYTERHUB_API_TOKEN is not set. Tokens of Entra ID alone are good.")
    configured = configure(settings)
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
        # Spans would carry addresses with tokens and codes, records the texts of exceptions; figures would be asked for
        # in the environment with each request.
        telemetry={"tracing": False, "logs": False, "metrics": False},
        redirect_slashes=False,  # such a redirect would repeat a token in the address
    )
    sign_in_routers = (login.router, token_links.router, token.router) if settings.has_hub else ()
    for router in (start.router, health.router, metrics.router, *sign_in_routers, docs.router):
        app.include_router(router)
    ours = _all(application.routers() for application in applications)
    theirs = [*ours, *_named_routers(settings.routers), *routers]
    if open_routes := [problem for router in theirs for problem in unguarded(router)]:
        raise ConfigurationError(open_routes)
    for router in theirs:
        app.include_router(router)
    app.mount("/static", pages.Assets(application.static for application in applications))
    app.router.routes.insert(0, RouteIndex(app.router.routes))
    _handle_errors(app)
    headers = _all(application.response_headers for application in applications)
    inside = Gateway(Revalidation(app, interval=settings.recheck_interval), settings=settings)
    access_log = AccessLog(with_cors(inside, settings, headers=headers), routes=app.routes)
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
    from service.auth.providers.entra import open_entra  # noqa: PLC0415 - an extra, and nobody else needs it

    return open_entra(settings)


def _all(many: Iterable[Iterable[_Each]]) -> tuple[_Each, ...]:
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
    """Import an operator's own routers, each named `package.module:router`.

    They may stand in the working folder. It goes to the end of the path, where it cannot replace an installed module.
    """
    routers = []
    if names and (folder := str(Path.cwd())) not in sys.path:
        sys.path.append(folder)
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
