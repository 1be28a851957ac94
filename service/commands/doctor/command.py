"""The command itself: reads what the service would, lets each check look, and says what was found."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from service.errors import ConfigurationError
from service.finding import Finding, ok, refused
from service.settings import load_settings


def doctor(
    *,
    pid: Annotated[
        int | None, typer.Option(metavar="PID", help="Look as this process of the service: by its environment.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Check what is around the service: the Hub, its registration, Entra ID, the way in, certificates, the database.

    Says for each what was found and, of what is wrong, which line to change. The status is 1 where something is.
    """
    try:
        environment = None if pid is None else environment_of(pid)
    except OSError as error:
        typer.echo(f"--pid {pid}: {error.strerror}.", err=True)
        raise typer.Exit(2) from None
    has_failed = asyncio.run(_show(environment, as_json=as_json))
    raise typer.Exit(1 if has_failed else 0)


def environment_of(pid: int) -> Mapping[str, str]:
    """What a process was started with; we go where it is, as it may name files relative to that. Raises OSError."""
    process = Path(f"/proc/{pid}")
    pairs = process.joinpath("environ").read_bytes().decode(errors="surrogateescape").split("\0")
    os.chdir(process / "cwd")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


async def _show(environment: Mapping[str, str] | None, *, as_json: bool) -> bool:
    has_failed = False
    async for finding in examine(environment):
        has_failed |= finding.state == "failed"
        typer.echo(json.dumps(asdict(finding)) if as_json else finding)
    return has_failed


async def examine(environment: Mapping[str, str] | None) -> AsyncIterator[Finding]:
    """Check everything."""
    from service.commands.doctor import entra, hub, local, public  # noqa: PLC0415 - load what serving needs

    try:
        settings = load_settings(environment)
    except ConfigurationError as error:
        yield refused("settings", error)
        return
    yield ok("settings", "complete")
    for checks in (local.check_machine, hub.check_hub, entra.check_entra, public.check_way):
        async for finding in checks(settings):
            yield finding
