"""Checks on this machine: installed packages, certificate files, applications."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from service import distribution
from service.app import create_app
from service.application import Configured, configure
from service.doctor_finding import Finding, failed, ok, refused
from service.errors import ConfigurationError
from service.logs import where_raised
from service.server.checks import check_tls
from service.settings import Settings

SOON = timedelta(days=14)  # a certificate should be renewed earlier than this before its end


async def check_machine(settings: Settings) -> AsyncIterator[Finding]:
    """Check what a start of the service would check, and more."""
    if clashing := distribution.others():
        said = f"{', '.join(clashing)} brings a package called `service`, too, and pip lets one overwrite the other"
        yield failed("package", said, f"pip uninstall {' '.join(clashing)}, then install this service anew")
    configured = list[Configured]()

    def build() -> None:
        configured.extend(configure(settings))
        create_app(settings, configured=configured)

    routers = f"; routers: {', '.join(settings.routers)}" if settings.routers else ""
    yield _checked("applications", build, f"{', '.join(settings.apps) or 'none'}{routers}")
    files = {"JUPYTERHUB_SSL_CERTFILE": settings.ssl_certfile, "SERVICE_TLS_CERT": settings.tls_certfile}
    if any(files.values()) or settings.ssl_client_ca or settings.is_https:
        found = _checked("certificate", lambda: check_tls(settings), "the files are valid")
        yield found
        for variable, file in files.items():
            if found.state == "ok" and file:
                yield check_end("certificate", _end_of(Path(file)), change=variable)
    for each in configured:
        async for finding in each.application.diagnose(settings, each.settings):
            yield finding


def check_end(check: str, end: datetime, *, change: str) -> Finding:
    """Check the time at which a certificate ends."""
    left = end - datetime.now(UTC)
    if left < SOON:
        said = f"it expired on {end:%Y-%m-%d}" if left < timedelta() else f"it expires on {end:%Y-%m-%d}"
        return failed(check, said, f"{change}: renew the certificate")
    return ok(check, f"valid until {end:%Y-%m-%d}")


def _checked(check: str, run: Callable[[], object], said: str) -> Finding:
    try:
        run()
    except ConfigurationError as error:
        return refused(check, error)
    except Exception as error:  # noqa: BLE001 - code of others, such as a router
        change = "the code there; with SERVICE_TRACEBACKS=1, a start of the service shows it whole"
        return failed(check, f"{type(error).__name__} at {where_raised(error)}", change)
    return ok(check, said)


def _end_of(path: Path) -> datetime:
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
