"""Runs an application in the process of the test, with a fake Hub, and creates its callers."""

import inspect
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import respx
from asgi_lifespan import LifespanManager, LifespanNotSupported
from starlette.types import ASGIApp

from service.hub.scopes import several
from service.registration import read_manifests
from service.settings import Settings
from service.testing.callers import Caller
from service.testing.environment import environment, environment_of
from service.testing.fake_hub import FakeHub, own_scopes

_hubs = count(1)


@dataclass(frozen=True)
class Service:
    """A running application (`app`), with its settings and its fake Hub (`hub`)."""

    app: ASGIApp
    settings: Settings
    hub: FakeHub

    @property
    def url(self) -> str:
        """The URL of the service. Callers take paths relative to it."""
        return f"{self.settings.public_origin or 'http://jupyter.example.org'}{self.settings.prefix}"

    def user(
        self,
        name: str,
        *,
        scopes: Collection[str] = (),
        groups: Collection[str] = (),
        admin: bool = False,
        access: bool = True,
    ) -> Caller:
        """Create or change a user of the Hub. Returns a caller with a token of this user.

        The token has the access scope of this service (unless `access` is False) and `scopes`, and no others but what
        these include at a Hub, as `servers!user` includes `read:servers!user`.
        """
        held = self._held(scopes, access=access)
        self.hub.add_user(name, scopes=own_scopes(name) | held, groups=several(groups), admin=admin)
        return Caller(self, name=name, scopes=held, token=self.hub.issue(name, scopes=held))

    def other_service(self, name: str, *, scopes: Collection[str] = (), access: bool = True) -> Caller:
        """Create another service of the Hub. Returns a caller with its API token."""
        held = self._held(scopes, access=access)
        return Caller(self, name=name, scopes=held, token=self.hub.add_service(name, scopes=held))

    def anonymous(self) -> Caller:
        """Return a caller without a credential. Its browser has none either."""
        return Caller(self)

    def _held(self, scopes: Collection[str], *, access: bool) -> frozenset[str]:
        own = (f"access:services!service={self.settings.service_name}",) if access else ()
        return frozenset((*several(scopes), *own))


def make_settings(**changed: Any) -> Settings:  # noqa: ANN401
    """Return the settings that a Hub gives a service. `changed` are other values of fields of `Settings`.

    Each call names another Hub. Nothing is cached, so that what a test changes at the Hub takes effect at once.
    """
    defaults: dict[str, Any] = {
        "api_token": "api-token-of-the-service-in-tests",
        "api_url": f"http://hub-{next(_hubs)}.test/hub/api",
        "service_name": "fastapi",
        "service_prefix": f"/services/{changed.get('service_name', 'fastapi')}/",
        "cache_ttl": 1e-9,
        "stale_grace": 0,
    }
    return Settings(**(defaults | changed))


@asynccontextmanager
async def open_service(
    create: Callable[..., ASGIApp] | None = None,
    *,
    settings: Settings | None = None,
    hub: FakeHub | None = None,
    **options: Any,  # noqa: ANN401
) -> AsyncIterator[Service]:
    """Run the ASGI application that `create` returns, with its lifespan. None: the service's own, by `create_app`.

    `create` gets the settings if its first parameter has no default or is named `settings`, and `options`. Any other
    finds them in the environment, as a service of a Hub does: `HubAuth.from_env()` and `Hub.from_env()` read them while
    the application is made and while it starts. Then the environment is as it was before. A `.env` is not read.

    `settings` are those of `make_settings`. `hub` must know the API token in these settings; by default a new one is
    made. Meanwhile, httpx can reach nothing else in this process, unless the test has a respx router of its own.
    """
    settings = settings or make_settings(**({"api_url": str(hub.api_url), "api_token": hub.api_token} if hub else {}))
    rights = read_manifests(settings.apps)
    hub = hub or FakeHub(
        settings.api_url,
        service=settings.service_name,
        api_token=settings.api_token.get_secret_value(),
        redirect_uri=settings.redirect_uri,
        service_scopes=rights.service_scopes,
        groups=rights.groups,
    )
    async with AsyncExitStack() as stack:
        router = stack.enter_context(respx.mock(assert_all_called=False))
        router.route(url__startswith=settings.api_url).mock(side_effect=hub)
        with environment(environment_of(settings)):
            app = await _started(_made(create or _own_application(), settings, options), stack)
        yield Service(app, settings, hub)


def _own_application() -> Callable[..., ASGIApp]:
    """Return what makes the service. It needs the extra `[serve]`, which tests of another application do without."""
    from service.app import create_app  # noqa: PLC0415

    return create_app


def _made(create: Callable[..., ASGIApp], settings: Settings, options: dict[str, Any]) -> ASGIApp:
    first = next(iter(inspect.signature(create).parameters.values()), None)
    takes_settings = (
        first is not None
        and first.kind in {first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD}
        and (first.default is first.empty or first.name == "settings")
    )
    return create(settings, **options) if takes_settings else create(**options)


async def _started(app: ASGIApp, stack: AsyncExitStack) -> ASGIApp:
    """Start an application. One that knows no lifespan is served without, as the specification of ASGI has it."""
    manager = LifespanManager(app, startup_timeout=None, shutdown_timeout=None)
    try:
        return (await stack.enter_async_context(manager)).app
    except LifespanNotSupported:
        return app
