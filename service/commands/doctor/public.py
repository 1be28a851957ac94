"""Checks that PUBLIC_HOST leads to this service, as for a browser."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from service.commands.doctor.local import check_end
from service.doctor_finding import Finding, failed, ok, unknown
from service.resources import instance_of
from service.settings import Settings
from service.web.routes.health import INSTANCE

_TIMEOUT = 10.0  # seconds
_CHANGE = "PUBLIC_HOST: must be the origin that browsers see, where requests are passed on to the Hub's proxy"


async def check_public_host(settings: Settings, *, trust: ssl.SSLContext | None = None) -> AsyncIterator[Finding]:
    """Resolve the name, connect, check the certificate, and call the service.

    `trust`: whom a browser here would trust; None: whom this process does, which SSL_CERT_FILE may change.
    """
    if not settings.public_host and not settings.has_sign_in:
        return  # nobody is sent to another address
    if not settings.public_host:
        yield unknown(
            "PUBLIC_HOST",
            "not set: the Hub and the service must have the same address, without a proxy that changes it",
        )
        return
    address = urlsplit(settings.public_host)
    host, port = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
    trust = (trust or ssl.create_default_context()) if address.scheme == "https" else None
    try:
        await asyncio.get_running_loop().getaddrinfo(host, port)
    except OSError:
        yield failed(
            "PUBLIC_HOST", f"the name {host} does not resolve from here", "PUBLIC_HOST, or the DNS entry of this name"
        )
        return
    try:
        async with asyncio.timeout(_TIMEOUT):
            _, writer = await asyncio.open_connection(host, port, ssl=trust)
    except ssl.SSLCertVerificationError as error:
        change = f"the certificate of {host} and its chain; for a private CA, set SSL_CERT_FILE"
        yield failed("PUBLIC_HOST", f"its certificate is not valid: {error.verify_message}", change)
        return
    except (OSError, TimeoutError):
        yield failed("PUBLIC_HOST", f"{host} accepts no {address.scheme} connections at port {port}", _CHANGE)
        return
    peer = writer.get_extra_info("peercert")
    writer.close()
    if peer:
        end = datetime.fromtimestamp(ssl.cert_time_to_seconds(peer["notAfter"]), UTC)
        yield check_end("PUBLIC_HOST", end, change=f"the certificate of {host}")
    yield await _who_answers(settings, trust)


async def _who_answers(settings: Settings, trust: ssl.SSLContext | None) -> Finding:
    async with httpx.AsyncClient(verify=trust or True, trust_env=False, timeout=_TIMEOUT) as http:
        try:
            reply = await http.get(f"{settings.public_host}{settings.prefix}health/live")
        except httpx.HTTPError:
            return failed("PUBLIC_HOST", "the connection was lost", _CHANGE)
    if reply.status_code != httpx.codes.OK:
        said = f"{settings.prefix}health/live answers with status {reply.status_code}"
        return failed("PUBLIC_HOST", said, f"{_CHANGE}; the service must run at the url= of register()")
    if reply.headers.get(INSTANCE) != instance_of(settings):
        return failed("PUBLIC_HOST", "another service answers there, or one with another token", _CHANGE)
    return ok("PUBLIC_HOST", "it leads to this service")
