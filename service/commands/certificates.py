"""`python -P -m service certificates`: makes a CA and a certificate, to try https."""

import os
import shlex
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import trustme
import typer

from service.errors import ConfigurationError
from service.settings import load_settings

LIFETIME = 365  # days
NAMES = ("ca.pem", "cert.pem", "key.pem")
_CHECKOUT = Path(__file__).resolve().parents[2]  # where we are not installed as a package
_IPV6 = 6


def certificates(
    directory: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="The folder for the files.")],
    host: Annotated[list[str], typer.Option(help="A name or address that browsers use. Repeat it for more.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
) -> None:
    """Make a certificate for development, and the CA that has signed it.

    The key of the CA is not kept, so nobody can sign more certificates with it. Browsers must trust ca.pem. Do not use
    it in production.
    """
    if wrong := [name for name in host if set(name) & set("/@")]:  # trustme also accepts networks and mail addresses
        raise typer.BadParameter(f"{wrong[0]} is neither a host name nor an IP address.", param_hint="--host")
    files = [directory / name for name in NAMES]
    if not force and (existing := [file.name for file in files if file.exists()]):
        typer.echo(f"{directory} has {', '.join(existing)} already. --force replaces them.", err=True)
        raise typer.Exit(2)
    begin, end = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=LIFETIME)
    authority = trustme.CA(organization_name="development only")
    try:
        leaf = authority.issue_cert(*host, not_before=begin, not_after=end)
        directory.mkdir(parents=True, exist_ok=True)
        ca, certificate, key = files
        _write(ca, authority.cert_pem.bytes())
        _write(certificate, b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        _write(key, leaf.private_key_pem.bytes(), mode=0o600)
    except (ValueError, OSError) as error:
        typer.echo(f"The certificate could not be made: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"Made {', '.join(NAMES)} in {directory}. {_next(files, host[0])}")


def _write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a new file, with its final mode from the start. Nobody else can have it open."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


def _next(files: list[Path], host: str) -> str:
    """Return the commands that use the files: those of the service if its settings are here, else those of a Hub."""
    ca, certificate, key = (shlex.quote(str(file.resolve())) for file in files)
    shown = f"[{host}]" if ":" in host else host
    serve = f"SERVICE_LISTEN=https://{shown}:8443 SERVICE_TLS_CERT={certificate} SERVICE_TLS_KEY={key}"
    try:
        prefix = load_settings().prefix
    except ConfigurationError:
        run = _CHECKOUT / "script" / "run"
        if not run.exists():
            return f"Add these to the settings of the service:\n\n  {serve}\n"
        reach = _reach(host, files[0].resolve().with_name("password"))
        start = f"{reach}HUB_TLS_CERT={certificate} HUB_TLS_KEY={key} {shlex.quote(str(run))}"
        address = f"https://{shown}:8000/services/fastapi/health/live"
    else:
        start = f"{serve} python -P -m service"
        address = f"https://{shown}:8443{prefix}health/live"
    return f"""Serve https with them:

  {start}

Then call it from another terminal, with curl or HTTPie:

  curl --cacert {ca} {address}
  http --verify {ca} {address}
"""


def _reach(host: str, password: Path) -> str:
    """Return the variables with which the Hub to try listens at a host that is not this machine alone."""
    try:
        address = ip_address(host)
    except ValueError:
        return "" if host == "localhost" else f"HUB_IP=0.0.0.0 HUB_PASSWORD_FILE={shlex.quote(str(password))} "
    at = f"[{host}]" if address.version == _IPV6 else host
    if address.is_loopback:
        return "" if host == "127.0.0.1" else f"HUB_IP={at} "
    return f"HUB_IP={at} HUB_PASSWORD_FILE={shlex.quote(str(password))} "
