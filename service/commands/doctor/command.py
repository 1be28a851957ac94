"""The command: reads the settings as the service does, runs the checks, and prints the findings."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
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
    try:
        environment = None if pid is None else enter_process(pid)
    except OSError as error:
        typer.echo(f"--pid {pid}: {error.strerror}.", err=True)
        raise typer.Exit(2) from None
    has_failed = asyncio.run(_show(environment, of="" if pid is None else f" of process {pid}", as_json=as_json))
    raise typer.Exit(1 if has_failed else 0)


def enter_process(pid: int) -> Mapping[str, str]:
    """Change to the working directory of a process, for relative paths, and return its environment. Raises OSError."""
    process = Path(f"/proc/{pid}")
    pairs = process.joinpath("environ").read_bytes().decode(errors="surrogateescape").split("\0")
    os.chdir(process / "cwd")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


async def _show(environment: Mapping[str, str] | None, *, of: str, as_json: bool) -> bool:
    has_failed = False
    async for finding in examine(environment, of=of):
        has_failed |= finding.state == "failed"
        typer.echo(json.dumps(asdict(finding)) if as_json else finding)
    return has_failed


async def examine(environment: Mapping[str, str] | None, *, of: str = "") -> AsyncIterator[Finding]:
    """Run all checks. `of`: whose `environment` it is; None means our own."""
    from service.commands.doctor import entra, hub, local, public  # noqa: PLC0415 - they import the whole service

    try:
        settings = load_settings(environment)
    except ConfigurationError as error:
        if environment is None and not any(name.startswith(("JUPYTERHUB_", "ENTRA_")) for name in read_variables()):
            yield failed("settings", f"the environment here, in {Path.cwd()}, is not that of a service", _OTHER)
        else:
            yield refused(f"settings{of}", error)
        return
    yield ok("settings", f"complete{of}, in {Path.cwd()}; it listens at {', '.join(settings.listen)}")
    for checks in (local.check_machine, hub.check_hub, entra.check_entra, public.check_public_host):
        async for finding in checks(settings):
            yield finding
