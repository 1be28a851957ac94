"""The only file that sends HTTP to the Hub."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from typing import TypeVar

import httpx
from pydantic import SecretStr

from service.hub.call import Call, HubReply
from service.hub.errors import CLOSED, HubUnavailableError, HubUnreachableError

T = TypeVar("T")

# Reasons of a HubUnreachableError that need words of their own. OpenSSL's words follow the first two.
UNTRUSTED = "its certificate is not trusted"
NO_TLS = "the connection cannot be encrypted"
UNRESOLVED = "its name cannot be resolved"
# Python's words for a certificate of another host (Modules/_ssl.c). The Hub's name or address follows.
_HOST_FOLLOWS = ", certificate is not valid for"

OnRequest = Callable[[str, int | None, float], None]
"""Called after each request with its path, the reply's status (None if there was no reply), and the seconds it took."""


def open_http(*, timeout: float, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """Make an HTTP client for the Hub; `timeout` in seconds. Close it with `aclose`.

    It takes no proxy or certificate bundle from the environment, since a token could leave through HTTP_PROXY. It
    follows no redirects. It keeps no cookies: one from the reply to one caller must not go out with another's request.
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


def tls_for(api_url: str, *, client_ca: str = "", certfile: str = "", keyfile: str = "") -> ssl.SSLContext | None:
    """Return the TLS context for a Hub with internal_ssl: trust its CA only, and show our certificate.

    The arguments are paths of files, or empty. Without them, trust what this machine trusts; see `_usual_trust`.
    """
    if not (client_ca or certfile):
        # Plain HTTP needs no CAs. Loading the usual ones would take most of the start-up time.
        return _usual_trust() if api_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context(cafile=client_ca or None)
    if certfile:
        context.load_cert_chain(certfile, keyfile or None, password="")  # otherwise OpenSSL would ask for it
    return context


def _usual_trust() -> ssl.SSLContext:
    """Trust what OpenSSL does, which SSL_CERT_FILE and SSL_CERT_DIR may change; without any of its CAs, httpx's."""
    paths = ssl.get_default_verify_paths()
    is_known = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or paths.cafile or paths.capath
    return ssl.create_default_context() if is_known else httpx.create_ssl_context(trust_env=False)


class HubClient:
    """Sends calls to the Hub. `api_token` is the service's own token."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        api_url: str,
        api_token: SecretStr,
        on_request: OnRequest = lambda _path, _status, _seconds: None,
    ) -> None:
        self._http = http
        self._timeout = http.timeout
        self._api_url = api_url
        self._api_token = api_token
        self._on_request = on_request
        self._loop: asyncio.AbstractEventLoop | None = None  # the one in which it was used first

    async def ask(self, call: Call[T]) -> T:
        """Send a call and return its result.

        Raises:
            HubUnavailableError: there is no usable reply.
            ServiceError: whatever else the call's own docstring names.
        """
        return call.read(await self.send(call))

    async def send(self, call: Call[T]) -> HubReply:
        """Send a call and return the reply, whatever it says. Raises HubUnavailableError if there is none."""
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:  # the connections belong to that one
            raise RuntimeError("This HubAuth was used in another event loop: make one in each asyncio.run().")
        began, status = monotonic(), None
        try:
            reply = await self._send(call)
            status = reply.status
        finally:
            self._on_request(call.path, status, monotonic() - began)
        return reply

    async def _send(self, call: Call[T]) -> HubReply:
        token = self._api_token.get_secret_value() if call.as_service else call.token
        signature = {"Authorization": f"token {token}"} if token else {}
        timeout, read = self._timeout, self._timeout.read
        whole = 2 * (read or 0)
        if read and call.patience > read:
            timeout = httpx.Timeout(call.patience, connect=timeout.connect, pool=timeout.pool)
            whole = max(whole, call.patience)
        if self._http.is_closed:
            raise HubUnavailableError(reason=CLOSED)
        try:
            # httpx limits the time for each part of a reply, so one that trickles in would never end.
            async with asyncio.timeout(whole or None):
                response = await self._http.request(
                    call.method,
                    f"{self._api_url}/{call.path}",
                    headers={**call.headers, **signature},
                    data=call.form,
                    json=call.json,
                    timeout=timeout,
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

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _reason(error: Exception) -> str:
    """Say what happened, without the Hub's host, which messages may contain: anybody may read this at /health/ready."""
    if isinstance(error, httpx.TimeoutException):
        return "it did not answer in time"
    if not isinstance(error, httpx.ConnectError):
        return "it broke off its answer"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{UNTRUSTED} ({cause.verify_message.partition(_HOST_FOLLOWS)[0]})"
        if isinstance(cause, ssl.SSLError):
            return f"{NO_TLS} ({cause.reason or 'no TLS'})"
        if isinstance(cause, socket.gaierror):
            return UNRESOLVED
    return "it takes no connection"


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and what led to it. A chain may lead back to itself, if an error is raised more than once."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found
