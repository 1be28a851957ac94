"""What authentication needs as long as the process lives."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from service.auth.state import state_of
from service.hub.attempts import PasswordAttempts
from service.hub.auth import HubAuth, Key
from service.hub.cache import AnswerCache
from service.hub.client import Asked, HubClient, open_http
from service.hub.folding import Folded
from service.hub.oauth import Client
from service.hub.sealing import Sealer, derive_key
from service.hub.throttle import Throttle
from service.settings import Settings

if TYPE_CHECKING:
    from service.auth.providers.entra import Entra


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthContext:
    """What `context_of` finds in every request. `entra` judges tokens of Entra ID, where that is set up.

    `count_sign_in` counts a session or token by the way it was begun, `count_problem` an error by its code.
    """

    settings: Settings
    oauth: Client
    hub: HubClient
    auth: HubAuth
    throttle: Throttle
    passwords: PasswordAttempts
    state_sealer: Sealer
    session_sealer: Sealer
    link_sealer: Sealer
    xsrf_key: bytes = field(repr=False)
    count_sign_in: Callable[[str], None] = field(repr=False)
    count_problem: Callable[[str], None] = field(repr=False)
    entra: "Entra | None" = field(default=None, repr=False)


def context_of(conn: HTTPConnection) -> AuthContext:
    """The process's AuthContext. Raises RuntimeError where no Hub is installed."""
    return state_of(conn).context


def _uncounted(_what: str) -> None:
    """Count nothing."""


@asynccontextmanager
async def open_auth(
    settings: Settings,
    *,
    asked: Asked = lambda _path, _status, _seconds: None,
    count_sign_in: Callable[[str], None] = _uncounted,
    count_problem: Callable[[str], None] = _uncounted,
) -> AsyncIterator[AuthContext]:
    """Open the process's one HTTP client and all that is built on it. The callables count; see AuthContext."""
    secret = settings.api_token.get_secret_value()
    oauth = Client(
        client_id=settings.client_id,
        redirect_uri=settings.redirect_uri,
        authorize_url=f"{settings.hub_url}api/oauth2/authorize",
    )
    async with open_http(timeout=settings.hub_timeout, tls=hub_tls(settings)) as http:
        hub = HubClient(http, api_url=settings.api_url, api_token=settings.api_token, oauth=oauth, asked=asked)
        cache = AnswerCache[Key, Folded](ttl=settings.cache_ttl, grace=settings.stale_grace, size=settings.cache_size)
        throttle = Throttle()
        try:
            yield AuthContext(
                settings=settings,
                oauth=oauth,
                hub=hub,
                auth=HubAuth(hub, cache, throttle),
                throttle=throttle,
                passwords=PasswordAttempts(),
                state_sealer=Sealer(secret, purpose="oauth state"),
                session_sealer=Sealer(secret, purpose="session cookie"),
                link_sealer=Sealer(secret, purpose="token in an address"),
                xsrf_key=derive_key(secret, purpose="xsrf token"),
                count_sign_in=count_sign_in,
                count_problem=count_problem,
            )
        finally:
            await cache.aclose()


def hub_tls(settings: Settings) -> ssl.SSLContext | None:
    """The Hub's internal_ssl: trust its CA alone, and show our certificate."""
    if not (settings.ssl_client_ca or settings.ssl_certfile):
        # Over http nobody has to be trusted; loading the usual CAs would take longer than all the rest of starting.
        return None if settings.api_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context(cafile=settings.ssl_client_ca or None)
    if settings.ssl_certfile:
        context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile or None)
    return context
