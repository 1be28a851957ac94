"""Opens and holds what authentication needs for as long as the process lives."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from service.auth.state import state_of
from service.hub.auth import HubAuth
from service.hub.client import OnRequest, tls_for
from service.hub.oauth import Client
from service.hub.password_attempts import PasswordAttempts
from service.hub.password_tokens import PasswordTokens
from service.hub.sealing import Sealer, derive_key
from service.hub.shell_codes import ShellSealer
from service.settings import Settings

if TYPE_CHECKING:
    from service.auth.providers.entra import Entra


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthContext:
    """What all requests share; `context_of` finds it. `entra` judges tokens of Entra ID, where that is set up.

    `count_sign_in` is called with the way in which a session or token was begun, `count_problem` with an error's code.
    """

    settings: Settings
    oauth: Client
    auth: HubAuth
    passwords: PasswordAttempts
    password_tokens: PasswordTokens
    state_sealer: Sealer
    session_sealer: Sealer
    link_sealer: Sealer
    shell_sealer: ShellSealer
    xsrf_key: bytes = field(repr=False)
    count_sign_in: Callable[[str], None] = field(repr=False)
    count_problem: Callable[[str], None] = field(repr=False)
    entra: "Entra | None" = field(default=None, repr=False)


def context_of(conn: HTTPConnection) -> AuthContext:
    """The process's AuthContext. Raises RuntimeError where no Hub is installed."""
    return state_of(conn).context


def _count_nothing(_what: str) -> None:
    """Used where nobody counts."""


@asynccontextmanager
async def open_auth(
    settings: Settings,
    *,
    on_request: OnRequest = lambda _path, _status, _seconds: None,
    count_sign_in: Callable[[str], None] = _count_nothing,
    count_problem: Callable[[str], None] = _count_nothing,
) -> AsyncIterator[AuthContext]:
    """Open the process's only HTTP client, and everything that is built on it.

    `on_request` is called after each request to the Hub. For `count_sign_in` and `count_problem` see AuthContext.
    """
    secret = settings.api_token.get_secret_value()
    oauth = Client(
        client_id=settings.client_id,
        redirect_uri=settings.redirect_uri,
        authorize_url=f"{settings.hub_url}api/oauth2/authorize",
        client_secret=settings.api_token,
    )
    auth = HubAuth(
        api_url=settings.api_url,
        api_token=settings.api_token,
        access_scopes=settings.access_scopes,
        tls=hub_tls(settings),
        timeout=settings.hub_timeout,
        cache_ttl=settings.cache_ttl,
        stale_grace=settings.stale_grace,
        cache_size=settings.cache_size,
        on_request=on_request,
    )
    password_tokens = PasswordTokens(auth.hub, service=settings.service_name, access_scopes=settings.access_scopes)
    async with auth, aclosing(password_tokens):
        yield AuthContext(
            settings=settings,
            oauth=oauth,
            auth=auth,
            passwords=PasswordAttempts(),
            password_tokens=password_tokens,
            state_sealer=Sealer(secret, purpose="oauth state"),
            session_sealer=Sealer(secret, purpose="session cookie"),
            link_sealer=Sealer(secret, purpose="token in an address"),
            shell_sealer=ShellSealer(secret),
            xsrf_key=derive_key(secret, purpose="xsrf token"),
            count_sign_in=count_sign_in,
            count_problem=count_problem,
        )


def hub_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context for requests to the Hub. With `internal_ssl` it trusts the Hub's CA alone."""
    return tls_for(
        settings.api_url,
        client_ca=settings.ssl_client_ca,
        certfile=settings.ssl_certfile,
        keyfile=settings.ssl_keyfile,
    )
