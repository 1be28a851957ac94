"""The only file that sends HTTP to the Hub."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic

import httpx
from pydantic import SecretStr

from service.hub import administration, protocol
from service.hub.administration import Invitation, Registration
from service.hub.errors import HubUnavailableError, HubUnreachableError
from service.hub.models import Identity, IssuedToken, TokenReply
from service.hub.oauth import Client
from service.hub.protocol import HubReply, HubRequest


def open_http(*, timeout: float, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """Make the one client of the process; `timeout` in seconds. Close it with `aclose`.

    No proxy or certificate bundle from the environment (a token could leave through HTTP_PROXY), no redirects, and no
    cookies: one that the Hub set on one caller's reply must not go out with another's request.
    """
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeout, connect=min(timeout, 2.0)),
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=60),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
        verify=tls or True,
        headers={"User-Agent": "service-fastapi", "Accept": "application/json"},
    )


Asked = Callable[[str, int | None, float], None]
"""Is told of each question: its path, the status of the answer, None where none came, and how many seconds it took."""


class HubClient:
    """Asks the Hub. Raises HubUnavailableError whenever no usable answer comes; see `protocol` for the other errors."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        api_url: str,
        api_token: SecretStr,
        oauth: Client,
        asked: Asked = lambda _path, _status, _seconds: None,
    ) -> None:
        self._http = http
        self._limit = 2 * (http.timeout.read or 0) or None
        self._api_url = api_url
        self._api_token = api_token
        self._oauth = oauth
        self._asked = asked

    async def identify(self, token: str) -> Identity:
        """Return who holds `token`. Raises InvalidTokenError if nobody does."""
        return protocol.read_identity(await self.send(protocol.identify(token)))

    async def identify_self(self) -> Identity:
        """Return who we are to the Hub. Raises HubRefusedServiceError if our token is bad."""
        return protocol.read_own_identity(await self.send(protocol.identify(self._own)))

    async def version(self) -> str:
        """Return the Hub's version."""
        return protocol.read_version(await self.send(protocol.version()))

    async def exchange(self, code: str, *, verifier: str) -> TokenReply:
        """Exchange an authorization code. Raises TokenRequestError, HubRefusedServiceError."""
        return protocol.read_exchange(await self._exchange(code, verifier))

    async def demands_verifier(self, code: str) -> bool:
        """Try whether an authorization code is good with its PKCE verifier alone; one that is not is used up by this.

        Raises TokenRequestError, HubRefusedServiceError.
        """
        return protocol.read_demands_verifier(await self._exchange(code, ""))

    async def issue(
        self, *, username: str, password: SecretStr, scopes: Sequence[str], expires_in: int, note: str, address: str
    ) -> IssuedToken:
        """Return a new token for a user at `address` who gives their password.

        Raises:
            TokenRequestError: the Hub refuses.
            ThrottledError: the Hub has looked at too many passwords.

        """
        request = protocol.issue(
            username=username,
            password=password.get_secret_value(),
            scopes=scopes,
            expires_in=expires_in,
            note=note,
            address=address,
        )
        return protocol.read_issued(await self.send(request))

    async def revoke(self, token: str, *, name: str, token_id: str) -> None:
        """Delete a user's token with itself. Raises RevokeRefusedError where it may not."""
        protocol.read_revoked(await self.send(protocol.revoke(token, name=name, token_id=token_id)))

    # With the service's own token; each raises HubRefusedServiceError where that may not

    async def registration(self, name: str) -> Registration | None:
        """Return how the Hub has a service; None where it does not tell."""
        return administration.read_registration(await self.send(administration.service(self._own, name)))

    async def group_members(self, group: str) -> frozenset[str]:
        """Return who is in a group."""
        return administration.read_members(await self.send(administration.group(self._own, group)))

    async def add_to_group(self, group: str, name: str) -> frozenset[str]:
        """Put a user into a group, and return who is in it then. Raises HubUserMissingError, GroupsManagedError."""
        return administration.read_members(await self.send(administration.add(self._own, group, name)))

    async def remove_from_group(self, group: str, name: str) -> frozenset[str]:
        """Take a user out of a group, who need not be in it. Raises as `add_to_group`."""
        return administration.read_members(await self.send(administration.remove(self._own, group, name)))

    async def has_user(self, name: str) -> bool:
        """Say whether the Hub has a user of exactly this name."""
        return administration.read_has_user(await self.send(administration.user_tokens(self._own, name)))

    async def create_user(self, name: str) -> None:
        """Make a user. Raises HubUserMissingError where the service may not make one."""
        administration.read_created(await self.send(administration.create_user(self._own, name)))

    async def invite(self, name: str) -> Invitation:
        """Return what lets a user set their first password. Raises InvitationRefusedError."""
        return administration.read_invitation(await self.send(administration.invite(self._own, name)))

    async def token_created(self, name: str, token_id: str) -> datetime | None:
        """Return since when there is a user's token; None where the Hub knows of no such token."""
        return administration.read_token_created(await self.send(administration.user_token(self._own, name, token_id)))

    async def _exchange(self, code: str, verifier: str) -> HubReply:
        request = protocol.exchange(
            code=code,
            verifier=verifier,
            client_id=self._oauth.client_id,
            client_secret=self._own,
            redirect_uri=self._oauth.redirect_uri,
        )
        return await self.send(request)

    @property
    def _own(self) -> str:
        return self._api_token.get_secret_value()

    async def send(self, request: HubRequest) -> HubReply:
        """Send one request and return the reply, whatever it says."""
        began, status = monotonic(), None
        try:
            reply = await self._send(request)
            status = reply.status
        finally:
            self._asked(request.path, status, monotonic() - began)
        return reply

    async def _send(self, request: HubRequest) -> HubReply:
        try:
            # httpx limits the time for each part of an answer, so that one in drops would never end.
            async with asyncio.timeout(self._limit):
                response = await self._http.request(
                    request.method,
                    f"{self._api_url}/{request.path}",
                    headers=request.headers,
                    data=request.form,
                    json=request.json,
                )
        except TimeoutError:
            raise HubUnavailableError(reason="it did not answer in time") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise HubUnreachableError(reason=_reason(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise HubUnavailableError(reason=_reason(error)) from None
        return HubReply(
            response.status_code,
            response.content,
            response.headers.get("Retry-After", ""),
            response.headers.get("Date", ""),
        )


def _reason(error: Exception) -> str:
    """Say what happened without the address, which httpx's own texts may carry."""
    if isinstance(error, httpx.TimeoutException):
        return "it did not answer in time"
    return "it takes no connection" if isinstance(error, httpx.ConnectError) else "it broke off its answer"
