"""The composition root: makes and closes what lives as long as the process."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.errors import ConfigurationError, DatabaseUnavailableError
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
from service.server import tls
from service.settings import Settings

if TYPE_CHECKING:
    from service.apps.deidentify.workers.pool import Pool
    from service.apps.desk.domain.roles import RoleKeeper
    from service.apps.desk.storage.desk import Desk


@dataclass(frozen=True, slots=True)
class Context:
    """What a request needs beyond itself. Open it with `open_context`; nothing else makes or closes these.

    `desk` and `roles` are there where the desk runs.
    """

    settings: Settings
    oauth: Client
    hub: HubClient
    auth: HubAuth
    readiness: Readiness
    throttle: Throttle
    passwords: PasswordAttempts
    metrics: Metrics
    state_sealer: Sealer
    session_sealer: Sealer
    link_sealer: Sealer
    xsrf_key: bytes = field(repr=False)
    instance: str
    deidentifier: "Pool | None" = None
    desk: "Desk | None" = None
    roles: "RoleKeeper | None" = None


@asynccontextmanager
async def open_context(settings: Settings) -> AsyncIterator[Context]:
    """Open the process's one HTTP client and all that is built on it."""
    secret = settings.api_token.get_secret_value()
    oauth = Client(
        client_id=settings.client_id,
        redirect_uri=settings.redirect_uri,
        authorize_url=f"{settings.hub_url}api/oauth2/authorize",
    )
    metrics = Metrics(settings.metrics_folder)
    async with (
        metrics.sampled(),
        open_http(timeout=settings.hub_timeout, tls=hub_tls(settings)) as http,
        _deidentifier(settings) as deidentifier,
    ):
        hub = HubClient(
            http, api_url=settings.api_url, api_token=settings.api_token, oauth=oauth, asked=metrics.asked_hub
        )
        cache = AnswerCache[Key, Folded](ttl=settings.cache_ttl, grace=settings.stale_grace, size=settings.cache_size)
        throttle = Throttle()
        _sample(metrics, cache, deidentifier)
        try:
            async with open_team(settings, hub) as (desk, roles):
                yield Context(
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
                    deidentifier=deidentifier,
                    desk=desk,
                    roles=roles,
                )
        finally:
            await cache.aclose()


def _sample(metrics: Metrics, cache: AnswerCache[Key, Folded], pool: "Pool | None") -> None:
    """Have those counted who count for themselves."""
    metrics.sample_counts(
        "service_identity_cache_lookups_total", "Looks into the cache of identities.", "result", cache.figures.as_dict
    )
    metrics.sample_gauge(
        "service_identity_cache", "Answers of the Hub that are kept.", "what", lambda: {"entries": len(cache)}
    )
    if pool is not None:
        metrics.sample_counts("service_deidentify_notes_total", "Notes by their end.", "result", lambda: pool.results)
        metrics.sample_gauge("service_deidentify_load", "Notes and workers just now.", "what", pool.load)


def instance_of(settings: Settings) -> str:
    """Which service answers, for who has its token and wants to tell it from others: the same for all its processes."""
    return derive_key(settings.api_token.get_secret_value(), purpose="instance").hex()[:16]


def _deidentifier(settings: Settings) -> "AbstractAsyncContextManager[Pool | None]":
    if "deidentify" not in settings.apps:
        return nullcontext()
    from service.apps.deidentify.workers import pool  # noqa: PLC0415 - an extra, and nobody else needs it

    return pool.open_pool(
        workers=max(1, (settings.deidentify_workers or pool.cores()) // settings.workers),
        deadline=settings.deidentify_deadline,
        note_size=settings.deidentify_note_size,
        notes=settings.deidentify_queue,
        size=settings.deidentify_queue_size,
        batches=settings.deidentify_batches,
    )


@asynccontextmanager
async def open_team(settings: Settings, hub: HubClient) -> AsyncIterator[tuple["Desk | None", "RoleKeeper | None"]]:
    """Open the desk's database where the desk runs, and what changes roles at the Hub."""
    if "desk" not in settings.apps:
        yield None, None
        return
    from service.apps.desk.domain.roles import RoleKeeper  # noqa: PLC0415 - likewise
    from service.apps.desk.storage.desk import open_desk  # noqa: PLC0415 - brings SQLAlchemy, which the others do without

    async with open_desk(settings.database_url.get_secret_value()) as desk:
        yield desk, RoleKeeper(hub, desk.database, desk.accounts, groups_are_managed=settings.groups_are_managed)


def check_database(settings: Settings) -> None:
    """Bring the desk's tables up to date where the desk runs. Raises ConfigurationError where that cannot be done."""
    if "desk" not in settings.apps:
        return
    from service.apps.desk.storage.migrate import migrate  # noqa: PLC0415 - brings SQLAlchemy, which the others do without

    try:
        asyncio.run(migrate(settings.database_url.get_secret_value()))
    except DatabaseUnavailableError as error:
        raise ConfigurationError([f"DATABASE_URL: the database cannot be used: {error.reason}"]) from None


def check_tls(settings: Settings) -> None:
    """Raises ConfigurationError where https cannot be served, or a file of TLS is not there or does not load."""
    own = settings.tls_certfile, settings.tls_keyfile
    hubs = settings.ssl_certfile, settings.ssl_keyfile
    problems = []
    if settings.ssl_client_ca and (flaw := _flaw_of_authority(settings.ssl_client_ca)):
        problems.append(f"JUPYTERHUB_SSL_CLIENT_CA: {flaw}")
    if settings.ssl_certfile and (flaw := tls.flaw_of(settings.ssl_certfile, settings.ssl_keyfile or None)):
        problems.append(f"JUPYTERHUB_SSL_CERTFILE, JUPYTERHUB_SSL_KEYFILE: {flaw}")
    if all(own) and (flaw := tls.flaw_of(*own)):
        problems.append(f"SERVICE_TLS_CERT, SERVICE_TLS_KEY: {flaw}")
    if any(own) and not all(own):
        problems.append("SERVICE_TLS_CERT and SERVICE_TLS_KEY belong together: set both")
    elif any(own) and not settings.is_https:
        problems.append("SERVICE_TLS_CERT: no address in SERVICE_LISTEN is https")
    elif all(own) and all(hubs) and settings.service_url in settings.listen:
        problems.append("SERVICE_TLS_CERT: JUPYTERHUB_SERVICE_URL is served with the Hub's certificate (internal_ssl)")
    elif settings.is_https and not all(own) and not all(hubs):
        problems.append("SERVICE_TLS_CERT and SERVICE_TLS_KEY are needed: an address to listen at is https")
    if problems:
        raise ConfigurationError(problems)


def _flaw_of_authority(path: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except FileNotFoundError:
        return "there is no such file"
    except ssl.SSLError:
        return "not in PEM form"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""


def hub_tls(settings: Settings) -> ssl.SSLContext | None:
    """The Hub's internal_ssl: trust its CA alone, and show our certificate."""
    if not (settings.ssl_client_ca or settings.ssl_certfile):
        # Over http nobody has to be trusted; loading the usual CAs would take longer than all the rest of starting.
        return None if settings.api_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context(cafile=settings.ssl_client_ca or None)
    if settings.ssl_certfile:
        context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile or None)
    return context
