"""What `Hub.install` adds to an application, and what it checks once the application has started."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount

from service.addresses import encoded_path
from service.auth import forward, hardening, login, shell, token, token_links
from service.auth.cookies import add_cookies
from service.auth.identification import SignedInByUrl
from service.auth.middleware import HubMiddleware
from service.auth.policy import Policy
from service.auth.promises import contexts, mounted, open_to_all, unchecked, unwrapped
from service.auth.refusals import Refused, answer, answer_refused
from service.errors import ConfigurationError, ServiceError

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant
    from fastapi.telemetry import TelemetryConfig

    from service.auth.hub import Hub

# Its spans would carry addresses with codes.
_NO_TELEMETRY: "TelemetryConfig" = {"tracing": False, "logs": False, "metrics": False}

_log = logging.getLogger("service")

_HANDLERS: dict[type[Exception], Any] = {Refused: answer_refused, ServiceError: answer, SignedInByUrl: answer}

_Handler = Callable[[Request], Awaitable[Response]]


def router_of(hub: "Hub") -> APIRouter:
    """Return the routes of signing in and out."""

    class SignInRoute(APIRoute):
        """A route that answers its own errors."""

        def get_route_handler(self) -> Any:  # noqa: ANN401 - FastAPI's own type for it
            """See FastAPI."""
            return partial(_answered, hub, super().get_route_handler())

    router = APIRouter(tags=["sign in"], route_class=SignInRoute)
    for part in (login, token_links, shell, token):
        part.add_routes(router, hub.policy.paths)
    if hub.policy.forward:
        forward.add_routes(router, hub.policy.paths)
    return router


async def _answered(hub: "Hub", handler: _Handler, request: Request) -> Response:
    state = hub.bind(request.scope)
    try:
        response = await handler(request)
    except (ServiceError, SignedInByUrl) as error:
        found = await (hub.policy.answer or answer)(request, error)
        assert found is not None  # noqa: S101 - it is no WebSocket
        response = found
    if not state.is_wrapped:
        add_cookies(response, state.set_cookies)
    return response


def install(hub: "Hub", app: FastAPI, *, harden: bool) -> None:
    """See `Hub.install`."""
    sign_in = FastAPI(title=app.title, openapi_url=None, telemetry=_NO_TELEMETRY)
    sign_in.include_router(hub.router)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(HubMiddleware, hub=hub, sign_in=sign_in, on_started=partial(check_started, hub, app))
    if harden:
        hardening.harden(app)


def check_started(hub: "Hub", app: FastAPI) -> None:
    """Check an application that has started, and set up its Swagger UI to sign in.

    Raises:
        ConfigurationError: its lifespan has not opened the Hub, a path is taken twice, a route asks for scopes that
            nobody checks, it has a root path or handlers that do not count, or the Hub sends people back to another
            address than the callback's.
    """
    if not hub.is_open:
        raise ConfigurationError(["hub.install(app): the Hub is not open. Write FastAPI(lifespan=hub.lifespan)."])
    settings = hub.context.settings
    paths = hub.policy.paths
    problems = [*_collisions(app, hub.policy), *unchecked(app), *_ignored(app, settings.root_path)]
    callback = settings.prefix + paths.callback.removeprefix("/")
    if encoded_path(urlsplit(settings.redirect_uri).path) != callback:
        problems.append(
            f"hub.install(app): the Hub sends people back to {settings.redirect_uri}, the callback is at {callback}."
            " Register the service with oauth_redirect_uri (if you start it yourself, set JUPYTERHUB_OAUTH_CALLBACK_URL"
            " too), or choose paths={'callback': …}."
        )
    if problems:
        raise ConfigurationError(problems)
    if hub.user in app.dependency_overrides:
        _log.warning("app.dependency_overrides has something in the place of hub.user: the Hub is not asked there.")
    for path in open_to_all(app):
        _log.warning("%s is open to everybody: dependencies of an application do not guard routes of Starlette.", path)
    parts = [*_mounted(app)]
    for part in parts:
        # An application answers its own errors, before they arrive at the one that it is mounted in.
        for kind, handler in _HANDLERS.items():
            part.exception_handlers.setdefault(kind, handler)
        part.middleware_stack = None  # it is built anew, with these, if a request before the start has built it
    for each in (app, *(part for part in parts if _asks_in(hub, part))):
        _sign_in_docs(hub, each)


def _ignored(app: FastAPI, root_path: str) -> Iterator[str]:
    """A sentence for each setting of the application that no longer works as it did."""
    if app.root_path not in {"", root_path}:
        yield f"hub.install(app): FastAPI(root_path={app.root_path!r}) hides all routes. Leave it out: we set it."
    if app.router.on_startup or app.router.on_shutdown:
        yield (
            "hub.install(app): on_event(…) handlers do not run in an application with a lifespan. Move them into one: "
            "FastAPI(lifespan=hub.lifespan(around=yours))."
        )


def _collisions(app: FastAPI, policy: Policy) -> Iterator[str]:
    """A sentence for each route at one of our paths, whatever its method: our routes alone are asked there."""
    names = {path: name for name, path in asdict(policy.paths).items()}
    for context in contexts(app.routes):
        route = getattr(context, "original_route", context)
        path = getattr(context, "path", None) or getattr(route, "path", None)
        for our_path in sorted(policy.served_paths):
            if _is_taken(route, path, our_path):
                yield (
                    f"hub.install(app): {our_path} is where signing in happens, and the application has "
                    f"{handler_of(route)} at {path}. Move ours: paths={{'{names.get(our_path, 'login')}': …}}."
                )


def _is_taken(route: BaseRoute, path: str | None, our_path: str) -> bool:
    if isinstance(route, Mount):
        return bool(path) and (our_path == path or our_path.startswith(f"{path}/"))
    return path == our_path


def handler_of(route: BaseRoute) -> str:
    """Return the dotted name of what handles the requests of a route, for messages."""
    endpoint = getattr(route, "endpoint", None) or getattr(route, "app", None)
    name = getattr(endpoint, "__qualname__", type(endpoint).__name__)
    return f"{getattr(endpoint, '__module__', '')}.{name}".lstrip(".")


def _mounted(app: FastAPI) -> Iterator[FastAPI]:
    """Yield the FastAPI applications that are mounted in `app`, also with `hub.protect` or a middleware around them."""
    for _, each in mounted(app.routes):
        if isinstance(part := unwrapped(each), FastAPI):
            yield part
            yield from _mounted(part)


def _asks_in(hub: "Hub", app: FastAPI) -> bool:
    return any(_asks(hub, getattr(context, "dependant", None)) for context in contexts(app.routes))


def _asks(hub: "Hub", dependant: "Dependant | None") -> bool:
    if dependant is None:
        return False
    return dependant.call is hub.user or any(_asks(hub, each) for each in dependant.dependencies)


def _sign_in_docs(hub: "Hub", app: FastAPI) -> None:
    """Have FastAPI's own Swagger UI sign in at the Hub, unless it signs in elsewhere already."""
    app.openapi_schema = None  # it may have been made before the addresses were known
    given = app.swagger_ui_init_oauth or {}
    if "clientId" in given:
        return
    oauth = hub.context.oauth
    app.swagger_ui_init_oauth = {"clientId": oauth.client_id, "usePkceWithAuthorizationCodeGrant": True, **given}
    # FastAPI would put the origin before it, and the Hub compares literally.
    app.swagger_ui_oauth2_redirect_url = None
    app.swagger_ui_parameters = {"oauth2RedirectUrl": oauth.redirect_uri, **(app.swagger_ui_parameters or {})}
