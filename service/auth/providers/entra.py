"""Access tokens of Entra ID: finds out who holds one, from the token and Entra ID's keys alone.

The only file that talks to Entra ID, loaded where ENTRA_TENANT_ID is set. Keys and checks are fastapi-azure-auth's;
when keys are fetched, and that scopes are judged after the signature, is decided here: docs/decisions/0015.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING

from fastapi_azure_auth.auth import AzureAuthorizationCodeBearerBase
from fastapi_azure_auth.openid_config import OpenIdConfig
from fastapi_azure_auth.utils import is_guest
from jwt import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from service.auth.errors import EntraTokenError, EntraUnavailableError, GuestRefusedError
from service.auth.providers.entra_claims import grants_of, header_of, identity_of
from service.hub.errors import InvalidTokenError
from service.hub.models import Identity
from service.hub.throttle import Throttle
from service.settings import Settings

if TYPE_CHECKING:
    from jwt.algorithms import AllowedPublicKeys

# Seconds. Entra ID publishes a key a day before it signs with it, but withdraws a stolen one at once.
REFRESH = 3600.0
RETRY = 3.0  # after a failure
PAUSE = 60.0  # between two fetches because of an unknown key: anybody can name one
PATIENCE = 5.0  # for an answer; callers wait for it

# Claims that must be present. All that are present are verified.
_REQUIRED = {"require": ["exp", "aud", "iat", "nbf", "sub", "iss"]}

# What the log says of a token that is refused. The first kind that fits counts.
_REASONS: dict[type[PyJWTError], str] = {
    ExpiredSignatureError: "it has expired (exp)",
    ImmatureSignatureError: "it is not valid yet (nbf, iat): compare the clocks",
    InvalidAudienceError: "it is for another API (aud): callers must ask for a scope of ENTRA_CLIENT_ID",
    InvalidIssuerError: "its issuer (iss) is another, or it is of version 1: set requestedAccessTokenVersion to 2",
    InvalidSignatureError: "its signature is wrong",
    InvalidAlgorithmError: "its algorithm (alg) is not RS256",
}
_NO_KEY = "its header names no key (kid), so it is not of Entra ID"
_UNKNOWN_KEY = "its key (kid) is unknown; if the API has signing keys of its own, set ENTRA_OWN_KEYS=1"
_OTHER_TENANT = "it is of another tenant (tid)"

_log = logging.getLogger("service")


class Keys:
    """Entra ID's configuration and signing keys: the last that were fetched, whatever has failed since.

    `problem` is empty when there are some, else a sentence that says what is wrong.
    """

    def __init__(self, configuration: Callable[[], OpenIdConfig], *, clock: Callable[[], float] = monotonic) -> None:
        self._new = configuration
        self._clock = clock
        self._found: OpenIdConfig | None = None
        self._fetching: asyncio.Task[bool] | None = None
        self._unknown_key_at = -PAUSE
        self._failure = "not asked yet"  # of the last answer

    @property
    def problem(self) -> str:
        """What keeps tokens from being judged."""
        if self._found:
            return ""
        return "Entra ID's keys are not fetched yet. If that lasts, check ENTRA_TENANT_ID and the way to Entra ID."

    @property
    def issuer(self) -> str:
        """The issuer that tokens must name. Raises EntraUnavailableError."""
        if self._found is None:
            raise EntraUnavailableError
        return self._found.issuer

    async def find(self, kid: str) -> "AllowedPublicKeys":
        """Return a key. For an unknown one the keys are fetched again, but not more often than every `PAUSE` seconds.

        Raises:
            InvalidTokenError: Entra ID has no such key.
            EntraUnavailableError: it could not be asked.
        """
        if self._found is None:
            raise EntraUnavailableError
        if kid not in self._found.signing_keys:
            await self._look_again()
        # Not the keys from before the wait: others may have been fetched since.
        key = self._found.signing_keys.get(kid)
        if key is None:
            raise EntraUnavailableError if self._failure else EntraTokenError(_UNKNOWN_KEY)
        return key

    def refresh(self) -> "asyncio.Task[bool]":
        """Fetch the keys. Calls during a fetch wait for the same one. The result says whether it worked."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _look_again(self) -> None:
        if self._fetching is None and self._clock() - self._unknown_key_at < PAUSE:
            return
        self._unknown_key_at = self._clock()
        await asyncio.shield(self.refresh())

    async def keep_fresh(self) -> None:
        """Fetch the keys regularly, until cancelled."""
        while True:
            has_worked = await asyncio.shield(self.refresh())
            await asyncio.sleep(REFRESH if has_worked else RETRY)

    async def aclose(self) -> None:
        """Cancel a fetch in progress."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    async def _fetch(self) -> bool:
        # A new OpenIdConfig each time: after a failure it has no keys, and after a success it fetches none for a day.
        found = self._new()
        failure = ""
        try:
            async with asyncio.timeout(PATIENCE):
                await found.load_config()
            failure = _problem_with(found)
        except TimeoutError:
            failure = "it is slow to answer"
        except Exception as error:  # noqa: BLE001 - whatever it was, there must be a next time
            failure = type(error.__cause__ or error).__name__
        finally:
            self._fetching = None
        if failure and failure != self._failure:
            known = "those known go on being good" if self._found else "none are known yet"
            _log.warning("Entra ID's keys cannot be fetched: %s; %s.", failure, known)
        elif self._failure and not failure:
            _log.info("Entra ID's keys are fetched: tokens of %s are judged.", found.issuer)
        self._failure = failure
        self._found = self._found if failure else found
        return not failure


def _problem_with(found: OpenIdConfig) -> str:
    """Return what is wrong with a configuration, whose URL begins with its issuer (OpenID Connect Discovery 4.3)."""
    if found.config_url != f"{found.issuer}/.well-known/openid-configuration":
        return "its issuer is not that of ENTRA_AUTHORITY and ENTRA_TENANT_ID"
    return "" if found.signing_keys else "it has none"


class Entra:
    """Answers who holds a token of Entra ID."""

    def __init__(self, settings: Settings, keys: Keys, throttle: Throttle) -> None:
        self.keys = keys
        self._throttle = throttle
        self._settings = settings
        self._grants = grants_of(settings)
        self._scheme = AzureAuthorizationCodeBearerBase(
            settings.entra_client_id, tenant_id=settings.entra_tenant_id, scheme_name="Entra"
        )

    async def identify(self, token: str, *, address: str | None = None) -> Identity:
        """Return who holds `token`. `address`: the client's address; None for a token that was valid before.

        Raises:
            InvalidTokenError: it is not Entra ID's, not for us, or not of this time.
            GuestRefusedError: its user is a guest.
            InsufficientScopeError: it grants nothing here.
            EntraUnavailableError: no keys are known.
            ThrottledError: it is wrong, as were too many from `address`.
        """
        try:
            return await self._judge(token)
        except InvalidTokenError:
            if address is None:
                raise
            with self._throttle.asking(address):
                raise

    async def _judge(self, token: str) -> Identity:
        kid = (header_of(token) or {}).get("kid")
        if not isinstance(kid, str):
            raise EntraTokenError(_NO_KEY)
        key = await self.keys.find(kid)
        try:
            claims = self._scheme.validate(token, key, self.keys.issuer, _REQUIRED)
        except PyJWTError as error:
            raise EntraTokenError(_reason(error)) from None
        if claims.get("tid") != self._settings.entra_tenant_id:
            raise EntraTokenError(_OTHER_TENANT)
        if is_guest(claims):
            raise GuestRefusedError
        return identity_of(claims, settings=self._settings, grants=self._grants)


def _reason(error: PyJWTError) -> str:
    if isinstance(error, MissingRequiredClaimError):
        return f"it lacks the claim {error.claim}"
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "it is malformed")


@asynccontextmanager
async def open_entra(settings: Settings) -> AsyncIterator[Entra]:
    """Begin to fetch the keys, and keep them fresh."""
    for name in ("fastapi_azure_auth", "httpx2"):  # they would log what the issuer said, and each question
        logging.getLogger(name).setLevel(logging.CRITICAL)
    where = f"{settings.entra_authority}/{settings.entra_tenant_id}/v2.0/.well-known/openid-configuration"
    app_id = settings.entra_client_id if settings.entra_own_keys else None
    tls = ssl.create_default_context()

    def configuration() -> OpenIdConfig:
        return OpenIdConfig(
            settings.entra_tenant_id, config_url=where, app_id=app_id, http_client_config={"verify": tls}
        )

    keys = Keys(configuration)
    task = asyncio.create_task(keys.keep_fresh())
    try:
        # A throttle of its own, so that expired tokens of Entra ID do not use up the attempts for tokens of the Hub.
        yield Entra(settings, keys, Throttle())
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await keys.aclose()
