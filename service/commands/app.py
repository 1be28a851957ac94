"""The commands and their options; what a command does is in a file of its name."""

import typer

from service.commands import desk, migrate

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(desk.app, name="desk")
app.command()(migrate.migrate)


@app.callback()
def commands() -> None:
    """Without a command, serve beside a JupyterHub."""
