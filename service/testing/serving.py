"""Runs an application in the test's own process, beside a Hub in memory, and makes those who call it."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import respx
from asgi_lifespan import LifespanManager
from starlette.types import ASGIApp

from service.app import create_app
from service.registration import read_manifests
from service.settings import Settings
from service.testing.callers import Caller
from service.testing.fake_hub import FakeHub, own_scopes

_hubs = count(1)


@dataclass(frozen=True)
class Service:
    """A running application (`app`), what it was told (`settings`), and the Hub beside it (`hub`)."""

    app: ASGIApp
    settings: Settings
    hub: FakeHub

    @property
    def url(self) -> str:
        """Where browsers find it; callers take paths relative to this."""
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
        """Make a user, or change one, and a token of theirs; return who calls with it.

        The token holds access to this service (not without `access`), `scopes`, and no others.
        """
        held = self._held(scopes, access=access)
        self.hub.add_user(name, scopes=own_scopes(name) | held, groups=tuple(groups), admin=admin)
        return Caller(self, name=name, scopes=held, token=self.hub.issue(name, scopes=held))

    def other_service(self, name: str, *, scopes: Collection[str] = (), access: bool = True) -> Caller:
        """Make another service of the Hub; return it as a caller, with its own API token."""
        held = self._held(scopes, access=access)
        return Caller(self, name=name, scopes=held, token=self.hub.add_service(name, scopes=held))

    def anonymous(self) -> Caller:
        """Return a caller without a credential, whose browser has none either."""
        return Caller(self)

    def _held(self, scopes: Collection[str], *, access: bool) -> frozenset[str]:
        return frozenset(scopes) | ({f"access:services!service={self.settings.service_name}"} if access else set())


def make_settings(**changed: Any) -> Settings:  # noqa: ANN401
    """Return what a Hub tells a service that it starts, with some fields of `Settings` changed.

    Each has a Hub of its own, and asks it at every request: what a test changes there holds at once.
    """
    told: dict[str, Any] = {
        "api_token": "api-token-of-the-service",
        "api_url": f"http://hub-{next(_hubs)}.test/hub/api",
        "service_name": "fastapi",
        "service_prefix": f"/services/{changed.get('service_name', 'fastapi')}/",
        "cache_ttl": 1e-9,
        "stale_grace": 0,
    }
    return Settings(**(told | changed))


@asynccontextmanager
async def open_service(
    create: Callable[..., ASGIApp] = create_app,
    *,
    settings: Settings | None = None,
    hub: FakeHub | None = None,
    **options: Any,  # noqa: ANN401
) -> AsyncIterator[Service]:
    """Run what `create(settings, **options)` returns, with its lifespan; the options are those of `create`.

    `settings`: of `make_settings`. `hub`: one that knows the service by these settings' API token; made if not given.
    Meanwhile httpx reaches nothing else in this process, unless a respx router of the test's own says otherwise.
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
    with respx.mock(assert_all_called=False) as router:
        router.route(url__startswith=settings.api_url).mock(side_effect=hub)
        async with LifespanManager(create(settings, **options), startup_timeout=None, shutdown_timeout=None) as manager:
            yield Service(manager.app, settings, hub)
