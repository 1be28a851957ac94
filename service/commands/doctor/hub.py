"""Checks that the Hub answers, knows our token, and has us registered as we are configured."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from service.auth.context import hub_tls
from service.doctor_finding import Finding, failed, ok, unknown
from service.hub import administration, protocol
from service.hub.client import NO_TLS, UNRESOLVED, UNTRUSTED, HubClient, open_http
from service.hub.errors import HubRefusedServiceError, HubUnavailableError
from service.hub.models import Identity
from service.hub.scopes import ScopeSet
from service.registration.applications import load_manifest
from service.settings import Settings

_DRIFT = timedelta(seconds=30)  # the allowed difference between clocks; a Date header has whole seconds
_OLDEST = (5, 5)  # version of the Hub


async def check_hub(settings: Settings) -> AsyncIterator[Finding]:
    """Run the checks in order. If one fails, those that depend on it are left out."""
    if not settings.has_sign_in:
        yield ok("sign-in", "there is none (SERVICE_SIGN_IN): everybody who can reach the service may use it")
        return
    if not settings.has_hub:
        yield unknown("Hub", "there is none: JUPYTERHUB_API_TOKEN is not set, so only tokens of Entra ID are accepted")
        return
    try:
        tls = hub_tls(settings)
    except OSError:
        yield unknown("Hub", "the files for TLS to it cannot be loaded: see the check of the certificate")
        return
    async with open_http(timeout=settings.hub_timeout, tls=tls) as http:
        hub = HubClient(http, api_url=settings.api_url, api_token=settings.api_token)
        try:
            call = protocol.version()
            reply = await hub.send(call)
            version = call.read(reply)
        except HubUnavailableError as error:
            yield failed(
                "Hub",
                f"no JupyterHub answers at JUPYTERHUB_API_URL: {error.reason}",
                next((change for reason, change in _CHANGES.items() if error.reason.startswith(reason)), _ANSWERS),
            )
            return
        yield _version(version)
        yield _clock(reply.date)
        try:
            identity = await hub.ask(protocol.identify_self())
        except HubRefusedServiceError:
            yield failed("token", "the Hub does not know it", _TOKEN)
            return
        except HubUnavailableError as error:
            yield unknown("token", f"the Hub gave no answer: {error.reason}")
            return
        problem = _owner(identity, settings)
        yield problem or ok("token", f"the Hub knows the service {identity.name}")
        if problem is None:
            yield _scopes(identity.scope_set, settings)
            async for finding in _registration(hub, settings):
                yield finding


_ANSWERS = (
    "JUPYTERHUB_API_URL: must be the URL of the Hub (c.JupyterHub.hub_connect_url) and of its API,"
    " like http://127.0.0.1:8081/hub/api; or start the Hub"
)
_CHANGES = {
    UNTRUSTED: "SSL_CERT_FILE: must be a file with the CA of the Hub's certificate, which must be for the host in"
    " JUPYTERHUB_API_URL and valid today",
    NO_TLS: "JUPYTERHUB_API_URL: http:// and not https://, if the Hub's API has no TLS there",
    UNRESOLVED: "JUPYTERHUB_API_URL: its host must be a name that this machine can resolve; try `getent hosts NAME`",
}
_TOKEN = (
    "JUPYTERHUB_API_TOKEN: must be the api_token= of register() in jupyterhub_config.py; restart the Hub after a"  # noqa: S105
    " change there"
)


def _version(version: str) -> Finding:
    found = re.match(r"(\d+)(?:\.(\d+))?", version)
    if found and (int(found[1]), int(found[2] or 0)) < _OLDEST:
        return failed(
            "Hub", f"JupyterHub {version} is older than 5.5", "pip install 'jupyterhub>=5.5' where the Hub runs"
        )
    return ok("Hub", f"JupyterHub {version}")


def _clock(date: str) -> Finding:
    try:
        drift = abs(parsedate_to_datetime(date) - datetime.now(UTC))
    except (TypeError, ValueError):
        return unknown("clock", "the Hub's answer has no date")
    if drift > _DRIFT:
        said = f"the clocks of this machine and of the Hub differ by {drift.total_seconds():.0f} seconds"
        return failed("clock", said, "timedatectl set-ntp true on the machine that is wrong: sign-ins expire too early")
    return ok("clock", "the same as the Hub's")


def _owner(identity: Identity, settings: Settings) -> Finding | None:
    if identity.kind != "service":
        return failed("token", "it is the token of a user", _TOKEN)
    if settings.service_name and identity.name != settings.service_name:
        change = f"JUPYTERHUB_SERVICE_NAME={identity.name}, or JUPYTERHUB_API_TOKEN: must be the token of this service"
        return failed("token", f"it is the token of the service {identity.name}", change)
    return None


def _scopes(held: ScopeSet, settings: Settings) -> Finding:
    if not settings.access_scopes:
        return failed(
            "scopes",
            "no access scope is known, so nobody has access",
            "JUPYTERHUB_SERVICE_NAME: must be the name= of register()",
        )
    for app in settings.apps:
        try:
            needed = getattr(load_manifest(app), "SERVICE_SCOPES", ())
        except ImportError:  # the check of the applications reports it
            continue
        if missing := held.missing(needed):
            change = f'register(c, …, apps=["{app}"]) in jupyterhub_config.py, and restart the Hub'
            return failed("scopes", f"{app} needs {', '.join(missing)}", change)
    return ok("scopes", f"callers need {' or '.join(settings.access_scopes)}")


async def _registration(hub: HubClient, settings: Settings) -> AsyncIterator[Finding]:
    try:
        found = await hub.ask(administration.registration(settings.service_name))
    except HubUnavailableError as error:
        yield unknown("registration", f"the Hub gave no answer: {error.reason}")
        return
    if found is None:
        yield unknown("registration", f"our token lacks read:services!service={settings.service_name}: see register()")
        return
    # With forward-auth it is below the application's host, where the Hub's proxy does not lead.
    if found.prefix and unquote(found.prefix) != unquote(settings.prefix) and not settings.forward_auth:
        said = f"the Hub has {found.prefix}, the service has {settings.prefix}"
        yield failed("path", said, f"JUPYTERHUB_SERVICE_PREFIX={found.prefix}, or JUPYTERHUB_BASE_URL")
    else:
        yield ok("path", settings.prefix)
    yield _redirect_uri(found.redirect_uri, settings)


def _redirect_uri(at_hub: str | None, settings: Settings) -> Finding:
    ours = settings.redirect_uri
    if at_hub is None:
        return unknown("redirect URI", f"the Hub does not show its own; it must be {ours}")
    if at_hub == ours or (not at_hub and not settings.public_host):
        return ok("redirect URI", ours)
    origin = at_hub.removesuffix(f"{settings.prefix}oauth_callback") if at_hub else ""
    return failed(
        "redirect URI",
        f"the Hub has {at_hub or 'one without a host'}, the service sends {ours}",
        f"PUBLIC_HOST={origin} for the service, or public_host={settings.public_host or None!r} in register()",
    )
