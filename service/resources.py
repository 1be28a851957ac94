"""Opens and closes what lives as long as the process. It knows no application."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from service.auth.context import AuthContext
from service.hub.attempts import PasswordAttempts
from service.hub.auth import HubAuth
from service.hub.client import tls_for
from service.hub.oauth import Client
from service.hub.readiness import Readiness
from service.hub.sealing import Sealer, derive_key
from service.metrics import Metrics
from service.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources(AuthContext):
    """What the handlers of requests share. Only `open_resources` makes and closes it."""

    readiness: Readiness
    metrics: Metrics
    instance: str


def resources_of(conn: HTTPConnection) -> Resources:
    """Return the Resources of this process."""
    resources: Resources = conn.scope["state"]["context"]
    return resources


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open the process's one HTTP client and all that is built on it."""
    secret = settings.api_token.get_secret_value()
    oauth = Client(
        client_id=settings.client_id,
        redirect_uri=settings.redirect_uri,
        authorize_url=f"{settings.hub_url}api/oauth2/authorize",
        client_secret=settings.api_token,
    )
    metrics = Metrics(settings.metrics_folder)
    auth = HubAuth(
        api_url=settings.api_url,
        api_token=settings.api_token,
        access_scopes=settings.access_scopes,
        tls=hub_tls(settings),
        timeout=settings.hub_timeout,
        cache_ttl=settings.cache_ttl,
        stale_grace=settings.stale_grace,
        cache_size=settings.cache_size,
        on_request=metrics.count_hub_request,
    )
    _sample(metrics, auth)
    async with metrics.sampled(), auth:
        yield Resources(
            settings=settings,
            oauth=oauth,
            hub=auth.hub,
            auth=auth,
            readiness=Readiness(auth.hub),
            throttle=auth.throttle,
            passwords=PasswordAttempts(),
            metrics=metrics,
            state_sealer=Sealer(secret, purpose="oauth state"),
            session_sealer=Sealer(secret, purpose="session cookie"),
            link_sealer=Sealer(secret, purpose="token in an address"),
            instance=instance_of(settings),
            xsrf_key=derive_key(secret, purpose="xsrf token"),
            count_sign_in=metrics.count_sign_in,
            count_problem=metrics.count_problem,
        )


def _sample(metrics: Metrics, auth: HubAuth) -> None:
    """Register the metrics that the cache already counts."""
    cache = auth.cache
    metrics.sample_counts(
        "service_identity_cache_lookups_total", "Lookups in the cache of identities.", "result", cache.stats.as_dict
    )
    metrics.sample_gauge(
        "service_identity_cache", "Entries in the cache of identities.", "what", lambda: {"entries": len(cache)}
    )


def instance_of(settings: Settings) -> str:
    """Return an id that tells this service from others. It is derived from the API token: all workers have the same."""
    return derive_key(settings.api_token.get_secret_value(), purpose="instance").hex()[:16]


def hub_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context for requests to the Hub. With `internal_ssl` it trusts the Hub's CA alone."""
    return tls_for(
        settings.api_url,
        client_ca=settings.ssl_client_ca,
        certfile=settings.ssl_certfile,
        keyfile=settings.ssl_keyfile,
    )
