"""Collects the commands of `python -P -m service`: ours, and those of all installed applications."""

import typer

from service.application import load
from service.commands import certificates
from service.commands.doctor.command import doctor
from service.commands.password import password
from service.registration.applications import known_applications

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(certificates.certificates)
app.command()(doctor)
app.command()(password)
for name in known_applications():
    load(name).add_commands(app)


@app.callback()
def commands() -> None:
    """Without a command, serve."""
