"""Checks that the keys of Entra ID can be fetched."""

from collections.abc import AsyncIterator
from importlib.util import find_spec

from service.doctor_finding import Finding, failed, ok
from service.settings import Settings


async def check_entra(settings: Settings) -> AsyncIterator[Finding]:
    """Fetch the keys as the service does. The check of the applications reports a missing package."""
    if not settings.entra_tenant_id or find_spec("fastapi_azure_auth") is None:
        return
    from service.auth.providers.entra import open_entra  # noqa: PLC0415 - needs an optional package

    async with open_entra(settings) as entra:
        has_worked = await entra.keys.refresh()
    if has_worked:
        yield ok("Entra ID", f"the keys of {entra.keys.issuer} were fetched")
    else:
        change = f"ENTRA_TENANT_ID, or allow connections from this machine to {settings.entra_authority}"
        yield failed("Entra ID", entra.keys.problem, change)
