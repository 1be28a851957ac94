"""Opens and closes what lives as long as the process. It knows no application."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from service.auth.context import AuthContext
from service.hub.attempts import PasswordAttempts
from service.hub.auth import HubAuth, Key
from service.hub.cache import AnswerCache
from service.hub.client import HubClient, open_http
from service.hub.folding import Folded
from service.hub.oauth import Client
from service.hub.readiness import Readiness
from service.hub.sealing import Sealer, derive_key
from service.hub.throttle import Throttle
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
    """Open the HTTP client of this process, of which there is one, and everything that is built on it."""
    secret = settings.api_token.get_secret_value()
    oauth = Client(
        client_id=settings.client_id,
        redirect_uri=settings.redirect_uri,
        authorize_url=f"{settings.hub_url}api/oauth2/authorize",
    )
    metrics = Metrics(settings.metrics_folder)
    async with metrics.sampled(), open_http(timeout=settings.hub_timeout, tls=hub_tls(settings)) as http:
        hub = HubClient(
            http, api_url=settings.api_url, api_token=settings.api_token, oauth=oauth, asked=metrics.count_hub_request
        )
        cache = AnswerCache[Key, Folded](ttl=settings.cache_ttl, grace=settings.stale_grace, size=settings.cache_size)
        throttle = Throttle()
        _sample(metrics, cache)
        try:
            yield Resources(
                settings=settings,
                oauth=oauth,
                hub=hub,
                auth=HubAuth(hub, cache, throttle),
                readiness=Readiness(hub),
                throttle=throttle,
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
        finally:
            await cache.aclose()


def _sample(metrics: Metrics, cache: AnswerCache[Key, Folded]) -> None:
    """Register the metrics that the cache already counts."""
    metrics.sample_counts(
        "service_identity_cache_lookups_total", "Lookups in the cache of identities.", "result", cache.figures.as_dict
    )
    metrics.sample_gauge(
        "service_identity_cache", "Entries in the cache of identities.", "what", lambda: {"entries": len(cache)}
    )


def instance_of(settings: Settings) -> str:
    """Return an id that tells this service from others. It is derived from the API token: all workers have the same."""
    return derive_key(settings.api_token.get_secret_value(), purpose="instance").hex()[:16]


def hub_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context for requests to the Hub. With `internal_ssl` it trusts the Hub's CA alone."""
    if not (settings.ssl_client_ca or settings.ssl_certfile):
        # Plain http needs no CAs, and loading the usual ones would take longer than the rest of the start.
        return None if settings.api_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context(cafile=settings.ssl_client_ca or None)
    if settings.ssl_certfile:
        context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile or None)
    return context
