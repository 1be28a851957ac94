"""The composition root: makes and closes what lives as long as the process."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from service.hub.auth import HubAuth
from service.hub.cache import AnswerCache
from service.hub.client import HubClient, open_http
from service.hub.oauth import Client
from service.hub.readiness import Readiness
from service.hub.sealing import Sealer, derive_key
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """What a request needs beyond itself. Open it with `open_context`; nothing else makes or closes these."""

    settings: Settings
    oauth: Client
    hub: HubClient
    auth: HubAuth
    readiness: Readiness
    state_sealer: Sealer
    session_sealer: Sealer
    xsrf_key: bytes = field(repr=False)


@asynccontextmanager
async def open_context(settings: Settings) -> AsyncIterator[Context]:
    """Open the process's one HTTP client and all that is built on it."""
    secret = settings.api_token.get_secret_value()
    oauth = Client(
        client_id=settings.client_id,
        redirect_uri=settings.redirect_uri,
        authorize_url=f"{settings.hub_url}api/oauth2/authorize",
    )
    async with open_http(timeout=settings.hub_timeout, tls=_hub_tls(settings)) as http:
        hub = HubClient(http, api_url=settings.api_url, api_token=settings.api_token, oauth=oauth)
        auth = HubAuth(hub, AnswerCache(ttl=settings.cache_ttl, grace=settings.stale_grace, size=settings.cache_size))
        try:
            yield Context(
                settings=settings,
                oauth=oauth,
                hub=hub,
                auth=auth,
                readiness=Readiness(hub),
                state_sealer=Sealer(secret, purpose="oauth state"),
                session_sealer=Sealer(secret, purpose="session cookie"),
                xsrf_key=derive_key(secret, purpose="xsrf token"),
            )
        finally:
            await auth.cache.aclose()


def _hub_tls(settings: Settings) -> ssl.SSLContext | None:
    """The Hub's internal_ssl: trust its CA alone, and show our certificate."""
    if not (settings.ssl_client_ca or settings.ssl_certfile):
        # Over http nobody has to be trusted; loading the usual CAs would take longer than all the rest of starting.
        return None if settings.api_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context(cafile=settings.ssl_client_ca or None)
    if settings.ssl_certfile:
        context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile or None)
    return context
