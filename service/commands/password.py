"""`python -P -m service password`: sets a password at a Hub that keeps them itself."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from service.errors import HOW_TO_INSTALL, ConfigurationError


def password(
    name: Annotated[str, typer.Argument(help="A user of the Hub, or somebody who is to become one.")],
    config: Annotated[
        Path, typer.Option("--config", "-f", exists=True, dir_okay=False, help="The Hub's configuration.")
    ] = Path("jupyterhub_config.py"),
    *,
    admin: Annotated[bool, typer.Option("--admin", help="Also make the user an administrator of the Hub.")] = False,
    delete_tokens: Annotated[
        bool, typer.Option("--delete-tokens", help="Also delete the user's API tokens, those of running servers too.")
    ] = False,
) -> None:
    """Set the password of a user of a Hub with PasswordAuthenticator, who may be its only administrator.

    It asks for the password twice, or reads one line from a pipe. The user is signed out everywhere. Run it as the
    Hub's user, with the Hub's environment, in the folder where the Hub was started. The Hub may run meanwhile.
    """
    if find_spec("nativeauthenticator") is None:
        typer.echo(f"This needs the Hub's own packages: {HOW_TO_INSTALL.format('hub')}.", err=True)
        raise typer.Exit(2)
    from service.authenticators.recovery import OfflineHub  # noqa: PLC0415 - brings the Hub, which serving does without

    try:
        hub = OfflineHub(config)
    except ConfigurationError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    chosen = _ask()
    name = hub.name_of(name)
    if problem := hub.problem_with(name, chosen):
        typer.echo(problem, err=True)
        raise typer.Exit(1)
    try:
        typer.echo(hub.set_password(name, chosen, is_admin=admin, with_tokens=delete_tokens))
    except ConfigurationError as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None


def _ask() -> str:
    """Return the new password: typed twice at a terminal, or one line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt="New password again"))
    return sys.stdin.readline().rstrip("\r\n")
