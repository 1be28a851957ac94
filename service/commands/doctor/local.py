"""Checks of this machine: what is installed, certificates' files, the database."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from service.app import create_app
from service.commands.doctor.finding import Finding, failed, ok, unknown
from service.errors import ConfigurationError, DatabaseUnavailableError
from service.resources import check_tls
from service.settings import Settings

_VARIABLE = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)+")

SOON = timedelta(days=14)  # before its end in which a certificate should have been renewed


async def check_machine(settings: Settings) -> AsyncIterator[Finding]:
    """What a start would find out, and what it would not."""
    yield _tried("applications", lambda: create_app(settings), ", ".join(settings.apps) or "none")
    files = {"JUPYTERHUB_SSL_CERTFILE": settings.ssl_certfile, "SERVICE_TLS_CERT": settings.tls_certfile}
    if any(files.values()) or settings.ssl_client_ca or settings.is_https:
        found = _tried("certificate", lambda: check_tls(settings), "the files are right")
        yield found
        for variable, file in files.items():
            if found.state == "ok" and file:
                yield check_end("certificate", _end_of(Path(file)), change=variable)
    if "desk" in settings.apps:
        yield await _database(settings)


def check_end(check: str, end: datetime, *, change: str) -> Finding:
    """Judge the time at which a certificate ends."""
    left = end - datetime.now(UTC)
    if left < SOON:
        said = f"it ended on {end:%Y-%m-%d}" if left < timedelta() else f"it ends on {end:%Y-%m-%d}"
        return failed(check, said, f"{change}: renew the certificate")
    return ok(check, f"good until {end:%Y-%m-%d}")


def _tried(check: str, do: Callable[[], object], said: str) -> Finding:
    try:
        do()
    except ConfigurationError as error:
        return refused(check, error)
    return ok(check, said)


def refused(check: str, error: ConfigurationError) -> Finding:
    """What the service would say at its start; each problem begins with the variable that is to be changed."""
    names = dict.fromkeys(name for problem in error.problems for name in _VARIABLE.findall(problem.partition(": ")[0]))
    return failed(check, "; ".join(error.problems), f"{', '.join(names)} in the service's environment")


def _end_of(path: Path) -> datetime:
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc


def _is_missing(url: str) -> bool:
    return url.startswith("sqlite:") and not Path(url.removeprefix("sqlite:///").partition("?")[0]).exists()


async def _database(settings: Settings) -> Finding:
    from service.apps.desk.storage.migrate import is_up_to_date  # noqa: PLC0415 - brings SQLAlchemy, which others do without

    url = settings.database_url.get_secret_value()
    if _is_missing(url):
        return unknown("database", "there is none yet: the first start makes it")
    try:
        is_current = await is_up_to_date(url)
    except ConfigurationError as error:
        return refused("database", error)
    except DatabaseUnavailableError as error:
        return failed("database", f"it cannot be used: {error.reason}", "DATABASE_URL, or start the database")
    if not is_current:
        return failed(
            "database", "its tables are of an earlier version", "run python -P -m service migrate, or restart"
        )
    return ok("database", "it answers, and its tables are up to date")
