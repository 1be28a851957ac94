"""Collects the commands of `python -P -m service`: ours, and those of all installed applications."""

import typer

from service.application import load
from service.client.commands import COMMANDS, run
from service.commands import certificates
from service.commands.doctor.command import doctor
from service.commands.password import password
from service.registration.applications import known_applications

_AS_GIVEN = {"allow_extra_args": True, "ignore_unknown_options": True}


def run_for_shell(context: typer.Context) -> None:
    """Run a command of `service.client.commands`."""
    raise typer.Exit(run([str(context.info_name), *context.args]))


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(certificates.certificates)
app.command()(doctor)
app.command()(password)
for shell_command, purpose in COMMANDS.items():
    # `service.__main__` runs them without this package, which needs an extra. Here they are for --help.
    app.command(shell_command, help=purpose, add_help_option=False, context_settings=_AS_GIVEN)(run_for_shell)
for name in known_applications():
    load(name).add_commands(app)


@app.callback()
def commands() -> None:
    """Without a command, serve."""
