"""`Hub`: JupyterHub's sign-in for any FastAPI application.

    hub = Hub.from_env()
    app = FastAPI(lifespan=hub.lifespan)
    hub.install(app)

    @app.get("/notes")
    async def notes(user: Annotated[Identity, Depends(hub.user)]) -> list[str]: ...

docs/adopt.md shows how, step by step.
"""

import logging
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import cached_property, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

from fastapi import APIRouter, FastAPI
from fastapi.openapi.models import OAuth2, OAuthFlowAuthorizationCode, OAuthFlows
from starlette.types import ASGIApp

from service.auth import installation
from service.auth.context import AuthContext, open_auth
from service.auth.cookies import problem_with_names
from service.auth.dependencies import UserGuard, as_caller_of, required_of, visitor_of, xsrf_of
from service.auth.forward import problem_with as problem_with_forward
from service.auth.guard import Entitlement, Guard, SignInVeto, Veto
from service.auth.pages import PlainPages, SignInPages
from service.auth.policy import Answer, Paths, Policy, SignInPolicy
from service.auth.promises import unchecked
from service.auth.protection import Protected, problem_with_frames
from service.auth.state import AuthState, bind
from service.errors import HOW_TO_INSTALL, ConfigurationError
from service.hub.models import Identity
from service.hub.scopes import Mode, several
from service.settings import Settings, load_settings, old_names

if TYPE_CHECKING:
    from service.auth.providers.entra import Entra

_log = logging.getLogger("service")

Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


class Hub:
    """JupyterHub, as one FastAPI application needs it. Make it with `Hub.from_env()`.

    `user`: the caller, as an Identity; callers without access are refused. `visitor`: the same for pages open to all,
    None for somebody unknown. `admin`: an administrator of the Hub. `as_caller`: asks the Hub in the caller's name.
    `xsrf`: the XSRF token for a page of yours. All are for `Depends`, in routes and WebSockets.
    """

    def __init__(  # noqa: PLR0913 - all but one are keyword-only
        self,
        settings: Settings | Callable[[], Settings],
        *,
        admit: Sequence[Veto] = (),
        admit_sign_in: Sequence[SignInVeto] = (),
        entitled: Sequence[Entitlement] = (),
        sign_in: SignInPolicy = "navigation",
        pages: SignInPages | None = None,
        answer: Answer | None = None,
        forward: bool = False,
        anonymous: Identity | None = None,
        opening: Callable[[Settings], AbstractAsyncContextManager[AuthContext]] = open_auth,
    ) -> None:
        """Take `settings`, or what reads them when the application starts. See `service.app.create_app` for the rest.

        `answer`: answers errors of the sign-in routes, where the plain answers are not wanted.
        `forward`: as `install` has it.
        `anonymous`: who every caller is with SERVICE_SIGN_IN=none; without it an application does not start then.
        `opening`: opens what lives as long as the application.
        """
        self._given = settings
        if isinstance(settings, Settings):
            _warn(settings)
        self.opening = opening
        self._context: AuthContext | None = None
        self._scopes: set[str] = set()
        self._protected: list[Protected] = []
        self._scheme = OAuth2(flows=OAuthFlows(), description="Sign in through the Hub.")
        self.policy = Policy(
            vetoes=tuple(admit),
            sign_in_vetoes=tuple(admit_sign_in),
            entitlements=tuple(entitled),
            sign_in=sign_in,
            pages=pages or PlainPages(),
            answer=answer,
            forward=forward,
            anonymous=anonymous,
        )
        self.user = UserGuard(self, self._scheme)
        self.visitor = visitor_of(self)
        self.admin = required_of(self, Guard(admin=True))
        self.as_caller = as_caller_of(self)
        self.xsrf = xsrf_of(self)

    @classmethod
    def from_env(cls, **options: Any) -> Self:  # noqa: ANN401 - those of `Hub`
        """Return a Hub that reads `.env` and the environment when the application starts; `options` are those of Hub.

        A mistake in them ends the start with a ConfigurationError that names every variable.
        """
        return cls(load_settings, **options)

    def require(self, *scopes: str, mode: Mode = "all") -> Any:  # noqa: ANN401 - for Depends
        """Return a dependency, for `Depends`: as `user`, and their token holds all `scopes`, or with `mode="any"` one.

        It depends on `user`, so that a test that overrides `user` decides whose scopes are looked at.
        """
        guard = Guard(*scopes, mode=mode)
        self._scopes.update(scopes)
        return required_of(self, guard)

    def protect(
        self, app: ASGIApp, *, scopes: Sequence[str] = (), mode: Mode = "all", cookies: bool | None = None
    ) -> ASGIApp:
        """Return `app`, any ASGI application, behind this sign-in: mount that in its place.

        `cookies`: whether browsers may use it by our cookie. Its scripts send no XSRF token, so that takes a host of
        the service's own; None: where there is one. With True the application does not start without one.
        """
        protected = Protected(self, app, Guard(*several(scopes), mode=mode), cookies=cookies)
        self._protected.append(protected)
        return protected

    @cached_property
    def router(self) -> APIRouter:
        """The routes of signing in and out. `install` adds them; they answer their own errors."""
        return installation.router_of(self)

    def install(
        self,
        app: FastAPI,
        *,
        paths: Paths | dict[str, str] | None = None,
        harden: bool = False,
        forward: bool = False,
    ) -> None:
        """Add the sign-in routes, the handlers of our own errors, and one middleware. Call it before `app` starts.

        `paths`: where the routes are, if not at Paths' defaults. `harden`: security headers for all answers, and a
        limit of 1 MB for request bodies where the application has none. `forward`: proxies may ask at `/auth` who is
        calling, for an application of any kind that is the rest of this host. It takes a host of the service's own, and
        strict cookies, or the application does not start.

        Raises:
            RuntimeError: the router was taken already, so that its paths are fixed; or `harden` needs a later FastAPI
                (0.164).
            ValueError: a path of `paths` does not begin with a slash, or two are the same.
        """
        if paths is not None or forward:
            if "router" in self.__dict__:
                raise RuntimeError("hub.router is in use already: its paths cannot be changed any more.")
            chosen = Paths(**paths) if isinstance(paths, dict) else paths or self.policy.paths
            self.policy = replace(self.policy, paths=chosen, forward=forward or self.policy.forward)
        installation.install(self, app, harden=harden)

    def lifespan(self, app: Any = None, *, around: Lifespan | None = None) -> Any:  # noqa: ANN401 - two signatures
        """Open the Hub while an application runs: `FastAPI(lifespan=hub.lifespan)`.

        `hub.lifespan(around=mine)` returns a lifespan that runs `mine` within, and yields what it yields.
        """
        return partial(self._run, around=around) if app is None else self._run(app, around=around)

    @asynccontextmanager
    async def _run(self, app: Any, *, around: Lifespan | None) -> AsyncIterator[Any]:  # noqa: ANN401 - as FastAPI
        async with self.open(), around(app) if around else nullcontext() as state:
            # `install` checks its application. This one may have `router` alone, or others mounted in it.
            if found := [*unchecked(app)]:
                raise ConfigurationError(found)
            yield state

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AuthContext]:
        """Read the settings, and open what lives as long as the application.

        Raises:
            ConfigurationError: the settings are wrong, or do not allow what the application asks for.
            RuntimeError: it is open already.
        """
        if self._context is not None:
            raise RuntimeError("This Hub is open already: each application that runs needs one of its own.")
        settings = self._given if isinstance(self._given, Settings) else self._given()
        problems = [*problems_of(settings), *(each.problem_with(settings) for each in self._protected)]
        if self.policy.forward:
            problems.append(problem_with_forward(settings))
        problems.append(_problem_with_anonymous(settings, self.policy.anonymous))
        if found := [problem for problem in problems if problem]:
            raise ConfigurationError(found)
        if not isinstance(self._given, Settings):
            _warn(settings)
        async with AsyncExitStack() as stack:
            context = await stack.enter_async_context(self.opening(settings))
            entra = await stack.enter_async_context(_entra(settings))
            self._context = context if entra is None else replace(context, entra=entra)
            self._scheme.flows = self._flows(settings)
            try:
                yield self._context
            finally:
                self._context = None

    @property
    def context(self) -> AuthContext:
        """What lives as long as the application. Raises RuntimeError where it is not running."""
        if self._context is None:
            raise RuntimeError(
                "The Hub is not open, as the application's lifespan was not run: FastAPI(lifespan=hub.lifespan). A "
                "mounted application has none: give its lifespan to the outermost one."
            )
        return self._context

    @property
    def is_open(self) -> bool:
        """Whether the application runs."""
        return self._context is not None

    def bind(self, scope: MutableMapping[str, Any]) -> AuthState:
        """Return the state of a request; for middleware and guards. Raises RuntimeError where the Hub is not open."""
        return bind(scope, self.context, self.policy)

    def _flows(self, settings: Settings) -> OAuthFlows:
        token = self.policy.paths.token.removeprefix("/")
        return OAuthFlows(
            authorizationCode=OAuthFlowAuthorizationCode(
                authorizationUrl=f"{settings.hub_url}api/oauth2/authorize",
                tokenUrl=f"{settings.public_host}{settings.prefix}{token}",
                scopes=dict.fromkeys(sorted(self._scopes), ""),
            )
        )


def problems_of(settings: Settings) -> list[str]:
    """Return what keeps an application from starting with these settings."""
    if settings.entra_tenant_id and find_spec("fastapi_azure_auth") is None:
        return [f"ENTRA_TENANT_ID: Entra ID needs an optional package: {HOW_TO_INSTALL.format('entra')}"]
    can_sign_in = bool(settings.has_hub or settings.entra_tenant_id)
    if settings.has_sign_in and not can_sign_in:
        return ["Neither a Hub nor Entra ID is set up, so nobody could sign in."]
    if can_sign_in and not settings.has_sign_in:
        return ["SERVICE_SIGN_IN: nobody signs in here, but a Hub or Entra ID is set up: remove one or the other."]
    if not settings.has_sign_in:
        return []
    found = [problem_with_frames(settings), problem_with_names(settings) if settings.has_hub else ""]
    return [problem for problem in found if problem]


def _problem_with_anonymous(settings: Settings, anonymous: Identity | None) -> str:
    """Both the operator and whoever built the application must have decided that nobody is asked who they are."""
    if settings.has_sign_in and anonymous is not None:
        return "This application serves everybody without a sign-in: it needs SERVICE_SIGN_IN=none."
    if not settings.has_sign_in and anonymous is None:
        return "SERVICE_SIGN_IN: this application asks who is calling, so people must be able to sign in."
    return ""


def _warn(settings: Settings) -> None:
    """Log settings with which an application starts, but which are probably a mistake."""
    if not settings.access_scopes:
        _log.error("Nobody has access, because no access scope is known: set JUPYTERHUB_SERVICE_NAME.")
    if not settings.has_hub and settings.entra_tenant_id:
        _log.warning("There is no Hub: JUPYTERHUB_API_TOKEN is not set. Only tokens of Entra ID are accepted.")
    if not settings.has_sign_in:
        _log.warning("Nobody signs in (SERVICE_SIGN_IN): everybody who can reach this service may use it.")
    for sentence in old_names.found(settings.variables):
        _log.warning(sentence)


def _entra(settings: Settings) -> "AbstractAsyncContextManager[Entra | None]":
    if not settings.entra_tenant_id:
        return nullcontext()
    from service.auth.providers.entra import open_entra  # noqa: PLC0415 - an extra, and nobody else needs it

    return open_entra(settings)
