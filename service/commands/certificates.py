"""`python -P -m service certificates`: makes a CA and a certificate, to try https."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import trustme
import typer

LIFETIME = 365  # days
NAMES = ("ca.pem", "cert.pem", "key.pem")


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
    typer.echo(f"Made {', '.join(NAMES)} in {directory}. Serve https with them:\n\n{_next(files, host[0])}")


def _write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a new file, with its final mode from the start. Nobody else can have it open."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


def _next(files: list[Path], host: str) -> str:
    ca, certificate, key = (file.resolve() for file in files)
    shown = f"[{host}]" if ":" in host else host
    return f"""  export SERVICE_LISTEN=https://{shown}:8443 SERVICE_TLS_CERT={certificate} SERVICE_TLS_KEY={key}
  python -P -m service

Then call it from another terminal:

  curl --cacert {ca} https://{shown}:8443/services/fastapi/health/live
"""
