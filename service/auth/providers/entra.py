"""Access tokens of Entra ID: who holds one, asked of nobody but the token and Entra ID's keys.

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
from jwt import PyJWTError

from service.auth.errors import EntraUnavailableError, GuestRefusedError
from service.auth.providers.entra_claims import BAD, grants_of, header_of, identity_of
from service.hub.errors import InvalidTokenError
from service.hub.models import Identity
from service.hub.throttle import Throttle
from service.settings import Settings

if TYPE_CHECKING:
    from jwt.algorithms import AllowedPublicKeys

# Seconds. Entra ID announces a key a day before it signs; but one that is stolen it takes away at once.
REFRESH = 3600.0
RETRY = 3.0  # after a failure
PAUSE = 60.0  # between two questions that unknown keys can cause: anybody can name one
PATIENCE = 5.0  # for an answer; callers wait for it

_DEMANDED = {"require": ["exp", "aud", "iat", "nbf", "sub", "iss"]}  # all that are there are verified

_log = logging.getLogger("service")


class Keys:
    """Entra ID's configuration and signing keys: the last that were fetched, whatever has failed since.

    `problem` is empty when there are some, else a sentence that says what is wrong.
    """

    def __init__(self, configuration: Callable[[], OpenIdConfig], *, clock: Callable[[], float] = monotonic) -> None:
        self._new = configuration
        self._clock = clock
        self._found: OpenIdConfig | None = None
        self._flight: asyncio.Task[bool] | None = None
        self._provoked_at = -PAUSE
        self._flaw = "not asked yet"  # of the last answer

    @property
    def problem(self) -> str:
        """What keeps tokens from being judged."""
        if self._found:
            return ""
        return "Entra ID's keys are not fetched yet. If that lasts, check ENTRA_TENANT_ID and the way to Entra ID."

    @property
    def issuer(self) -> str:
        """What tokens must say who made them. Raises EntraUnavailableError."""
        if self._found is None:
            raise EntraUnavailableError
        return self._found.issuer

    async def find(self, kid: str) -> "AllowedPublicKeys":
        """Return a key; one that is not known is asked for, if that has not just been done.

        Raises:
            InvalidTokenError: Entra ID has no such key.
            EntraUnavailableError: it could not be asked.
        """
        if self._found is None:
            raise EntraUnavailableError
        if kid not in self._found.signing_keys:
            await self._look_again()
        # What was fetched last, not what it was when we began to wait.
        key = self._found.signing_keys.get(kid)
        if key is None:
            raise EntraUnavailableError if self._flaw else InvalidTokenError(BAD)
        return key

    def refresh(self) -> "asyncio.Task[bool]":
        """Fetch them; who asks while that is under way waits for the same answer. Its result: whether it worked."""
        if self._flight is None:
            self._flight = asyncio.create_task(self._fetch())
        return self._flight

    async def _look_again(self) -> None:
        if self._flight is None and self._clock() - self._provoked_at < PAUSE:
            return
        self._provoked_at = self._clock()
        await asyncio.shield(self.refresh())

    async def keep_fresh(self) -> None:
        """Fetch them now and again, for ever."""
        while True:
            has_worked = await asyncio.shield(self.refresh())
            await asyncio.sleep(REFRESH if has_worked else RETRY)

    async def aclose(self) -> None:
        """Stop what is under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)

    async def _fetch(self) -> bool:
        # A new one each time: it drops its keys when it cannot fetch others, and fetches none for a day when it can.
        found = self._new()
        flaw = ""
        try:
            async with asyncio.timeout(PATIENCE):
                await found.load_config()
            flaw = _flaw_of(found)
        except TimeoutError:
            flaw = "it is slow to answer"
        except Exception as error:  # noqa: BLE001 - whatever it was, there must be a next time
            flaw = type(error.__cause__ or error).__name__
        finally:
            self._flight = None
        if flaw and flaw != self._flaw:
            known = "those known go on being good" if self._found else "none are known yet"
            _log.warning("Entra ID's keys cannot be fetched: %s; %s.", flaw, known)
        elif self._flaw and not flaw:
            _log.info("Entra ID's keys are fetched: tokens of %s are judged.", found.issuer)
        self._flaw = flaw
        self._found = self._found if flaw else found
        return not flaw


def _flaw_of(found: OpenIdConfig) -> str:
    """An issuer has the address that its configuration is found at (OpenID Connect Discovery section 4.3)."""
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
            raise InvalidTokenError(BAD)
        key = await self.keys.find(kid)
        try:
            claims = self._scheme.validate(token, key, self.keys.issuer, _DEMANDED)
        except PyJWTError:
            raise InvalidTokenError(BAD) from None
        if claims.get("tid") != self._settings.entra_tenant_id:
            raise InvalidTokenError(BAD)
        if is_guest(claims):
            raise GuestRefusedError
        return identity_of(claims, settings=self._settings, grants=self._grants)


@asynccontextmanager
async def open_entra(settings: Settings) -> AsyncIterator[Entra]:
    """Begin to fetch the keys, and keep them fresh."""
    for name in ("fastapi_azure_auth", "httpx2"):  # they would log what the issuer said, and each question
        logging.getLogger(name).setLevel(logging.CRITICAL)
    where = f"{settings.entra_authority}/{settings.entra_tenant_id}/v2.0/.well-known/openid-configuration"
    tls = ssl.create_default_context()
    keys = Keys(lambda: OpenIdConfig(settings.entra_tenant_id, config_url=where, http_client_config={"verify": tls}))
    task = asyncio.create_task(keys.keep_fresh())
    try:
        # A throttle of its own: a client that goes on with an expired token keeps no token from the Hub.
        yield Entra(settings, keys, Throttle())
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await keys.aclose()
