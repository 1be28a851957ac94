"""The command: reads the settings as the service does, runs the checks, and prints the findings."""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from service.doctor_finding import Finding, failed, ok, refused
from service.errors import ConfigurationError
from service.settings import load_settings, read_variables

_OTHER = (
    "--pid: python -P -m service doctor --pid $(pgrep -u $(id -u) -of -- '-m service$') takes that of a service;"
    " or run this where the variables of the service are set"
)
_OF_A_SERVICE = ("JUPYTERHUB_", "ENTRA_", "SERVICE_SIGN_IN")
# Whom OpenSSL trusts, and which proxy httpx takes.
_READ_BY_LIBRARIES = {"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


def doctor(
    *,
    pid: Annotated[
        int | None, typer.Option(metavar="PID", help="Use the environment of this process of the service.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each finding.")] = False,
) -> None:
    """Check the Hub, the registration, Entra ID, PUBLIC_HOST, certificates and the database.

    For each check it says what was found and, if something is wrong, which setting to change. The status is then 1.
    """
    trust = ssl.create_default_context()  # of the shell, from where PUBLIC_HOST is looked at
    try:
        environment = None if pid is None else enter_process(pid)
    except OSError as error:
        typer.echo(f"--pid {pid}: {error.strerror}.", err=True)
        raise typer.Exit(2) from None
    looked_at = "this environment" if pid is None else f"process {pid}"
    has_failed = asyncio.run(_show(environment, looked_at=looked_at, trust=trust, as_json=as_json))
    raise typer.Exit(1 if has_failed else 0)


def enter_process(pid: int) -> Mapping[str, str]:
    """Change to the working directory of a process, for relative paths, and return its environment. Raises OSError.

    What OpenSSL and httpx read by themselves, we read as that process does.
    """
    process = Path(f"/proc/{pid}")
    pairs = process.joinpath("environ").read_bytes().decode(errors="surrogateescape").split("\0")
    os.chdir(process / "cwd")
    environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    for name in [name for name in os.environ if name.upper() in _READ_BY_LIBRARIES]:
        del os.environ[name]
    os.environ.update({name: value for name, value in environment.items() if name.upper() in _READ_BY_LIBRARIES})
    return environment


async def _show(environment: Mapping[str, str] | None, *, looked_at: str, trust: ssl.SSLContext, as_json: bool) -> bool:
    has_failed = False
    async for finding in examine(environment, looked_at=looked_at, trust=trust):
        has_failed |= finding.state == "failed"
        typer.echo(json.dumps(asdict(finding)) if as_json else finding)
    return has_failed


def _is_of_a_service() -> bool:
    """Whether a service seems to be set up here; also if there is a `.env` that cannot be used."""
    try:
        return any(name.startswith(_OF_A_SERVICE) for name in read_variables())
    except ConfigurationError:
        return True


async def examine(
    environment: Mapping[str, str] | None,
    *,
    looked_at: str = "this environment",
    trust: ssl.SSLContext | None = None,
) -> AsyncIterator[Finding]:
    """Run all checks. The first finding says that `looked_at`, whose `environment` it is, is which service.

    `trust`: see `service.commands.doctor.public`.
    """
    from service.commands.doctor import entra, hub, local, public  # noqa: PLC0415 - they import the whole service

    try:
        settings = load_settings(environment)
    except ConfigurationError as error:
        if environment is None and not _is_of_a_service():
            yield failed("settings", f"the environment here, in {Path.cwd()}, is not that of a service", _OTHER)
        else:
            yield refused("settings", error)
        return
    service = f"the service {settings.service_name}" if settings.service_name else "a service"
    hub_at = f", the Hub's API at {settings.api_url}" if settings.has_hub else ""
    yield ok("settings", f"complete, of {looked_at}: {service} at {settings.prefix}{hub_at}")
    check_public_host = partial(public.check_public_host, trust=trust)
    for checks in (local.check_machine, hub.check_hub, entra.check_entra, check_public_host):
        async for finding in checks(settings):
            yield finding
