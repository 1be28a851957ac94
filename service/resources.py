"""The composition root: makes and closes what lives as long as the process, and knows no application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import cast

from starlette.requests import HTTPConnection

from service.auth.context import AuthContext, context_of, open_auth
from service.hub.auth import Key
from service.hub.cache import AnswerCache
from service.hub.folding import Folded
from service.hub.readiness import Readiness
from service.hub.sealing import derive_key
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
    return cast("Resources", context_of(conn))


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open what authentication needs, and count what it does."""
    metrics = Metrics(settings.metrics_folder)
    async with (
        metrics.sampled(),
        open_auth(
            settings, asked=metrics.asked_hub, count_sign_in=metrics.signed_in, count_problem=metrics.told
        ) as auth,
    ):
        _sample(metrics, auth.auth.cache)
        yield Resources(
            **{each.name: getattr(auth, each.name) for each in fields(auth)},
            readiness=Readiness(auth.hub),
            metrics=metrics,
            instance=instance_of(settings),
        )


def _sample(metrics: Metrics, cache: AnswerCache[Key, Folded]) -> None:
    """Register the metrics that the cache already counts."""
    metrics.sample_counts(
        "service_identity_cache_lookups_total", "Looks into the cache of identities.", "result", cache.figures.as_dict
    )
    metrics.sample_gauge(
        "service_identity_cache", "Answers of the Hub that are kept.", "what", lambda: {"entries": len(cache)}
    )


def instance_of(settings: Settings) -> str:
    """Return what tells this service from others: the same for all its processes, derived from its token."""
    return derive_key(settings.api_token.get_secret_value(), purpose="instance").hex()[:16]
