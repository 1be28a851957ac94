"""The composition root: makes and closes what lives as long as the process, and knows no application."""

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
    """What a request needs beyond itself. Open it with `open_resources`; nothing else makes or closes these."""

    readiness: Readiness
    metrics: Metrics
    instance: str


def resources_of(conn: HTTPConnection) -> Resources:
    """The process's Resources."""
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
        on_request=metrics.asked_hub,
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
            count_sign_in=metrics.signed_in,
            count_problem=metrics.told,
        )


def _sample(metrics: Metrics, auth: HubAuth) -> None:
    """Register the metrics that the cache already counts."""
    cache = auth.cache
    metrics.sample_counts(
        "service_identity_cache_lookups_total", "Looks into the cache of identities.", "result", cache.stats.as_dict
    )
    metrics.sample_gauge(
        "service_identity_cache", "Answers of the Hub that are kept.", "what", lambda: {"entries": len(cache)}
    )


def instance_of(settings: Settings) -> str:
    """Return what tells this service from others: the same for all its processes, derived from its token."""
    return derive_key(settings.api_token.get_secret_value(), purpose="instance").hex()[:16]


def hub_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context for asking the Hub, which has certificates of its own with internal_ssl."""
    return tls_for(
        settings.api_url,
        client_ca=settings.ssl_client_ca,
        certfile=settings.ssl_certfile,
        keyfile=settings.ssl_keyfile,
    )
