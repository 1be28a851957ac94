"""Opens and closes what lives as long as the process. It knows no application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import cast

from starlette.requests import HTTPConnection

from service.auth.context import AuthContext, context_of, open_auth
from service.hub.auth import HubAuth
from service.hub.readiness import Readiness
from service.hub.sealing import derive_key
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
    return cast("Resources", context_of(conn))


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open what authentication needs, and count what it does."""
    metrics = Metrics(settings.metrics_folder)
    async with (
        metrics.sampled(),
        open_auth(
            settings,
            on_request=metrics.count_hub_request,
            count_sign_in=metrics.count_sign_in,
            count_problem=metrics.count_problem,
        ) as context,
    ):
        _sample(metrics, context.auth)
        yield Resources(
            **{each.name: getattr(context, each.name) for each in fields(context)},
            readiness=Readiness(context.auth.hub, name=settings.service_name, prefix=_prefix_at_hub(settings)),
            metrics=metrics,
            instance=instance_of(settings),
        )


def _prefix_at_hub(settings: Settings) -> str:
    """Return the prefix that the Hub must have for us, too; empty if it may have another, or we have no name there."""
    # With forward-auth we are below the application's host, where the Hub's proxy does not lead.
    return "" if settings.forward_auth or not settings.service_name else settings.prefix


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
