"""`python -P -m service desk …` and `migrate`: an operator's commands for the support desk."""

import asyncio
from typing import Annotated

import typer

from service.apps.desk.domain.policy_file import as_table
from service.apps.desk.errors import DatabaseUnavailableError
from service.apps.desk.settings import DeskSettings, database_url
from service.errors import ConfigurationError, ServiceError
from service.hub.errors import HubRefusedServiceError, HubUnavailableError
from service.resources import open_resources
from service.settings import Settings, load_settings, read_settings, read_variables

_BY = "bootstrap"  # the actor that the audit names

app = typer.Typer(no_args_is_help=True, help="The support desk.")


@app.callback()
def commands() -> None:
    """Work on the support desk."""


@app.command()
def bootstrap(name: Annotated[str, typer.Argument(help="A user of the Hub, by the name that it shows.")]) -> None:
    """Make the first administrator, who can then make others in the desk itself.

    Run it with the environment that the service has: JUPYTERHUB_API_TOKEN, JUPYTERHUB_API_URL, and DATABASE_URL or
    SERVICE_STATE.
    """
    try:
        asyncio.run(_bootstrap(load_settings(), name))
    except ConfigurationError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except ServiceError as error:
        typer.echo(explained(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{name} is an administrator of the support desk.")


def explained(error: ServiceError) -> str:
    """Return what went wrong, in more detail than clients of the service are told."""
    if isinstance(error, HubRefusedServiceError):
        return error.for_operator()[1]
    if isinstance(error, HubUnavailableError):
        return f"{error.for_operator()[1]} Check that it runs, and JUPYTERHUB_API_URL."
    return error.detail


async def _bootstrap(settings: Settings, name: str) -> None:
    from service.apps.desk.resources import open_desk_resources  # noqa: PLC0415 - brings SQLAlchemy, an extra

    url = database_url(settings, read_settings(DeskSettings, settings.variables)).get_secret_value()
    async with (
        open_resources(settings) as resources,
        open_desk_resources(url, resources.auth.hub, groups_are_managed=settings.groups_are_managed) as desk,
    ):
        await desk.roles.make_first_admin(name, by=_BY)


@app.command()
def rights() -> None:
    """Print what each role may do, as a table in Markdown, with the changes of the file that DESK_POLICY names."""
    try:
        # It needs no Hub, and so none of the service's own settings.
        settings = read_settings(DeskSettings, read_variables())
    except ConfigurationError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    typer.echo(as_table(settings.grants))


def migrate() -> None:
    """Bring the tables of the support desk up to date.

    Run it with the environment that the service has: JUPYTERHUB_API_TOKEN, and DATABASE_URL or SERVICE_STATE.
    """
    from service.apps.desk.storage.migrate import migrate as bring_up_to_date  # noqa: PLC0415 - brings SQLAlchemy

    try:
        settings = load_settings()
        url = database_url(settings, read_settings(DeskSettings, settings.variables)).get_secret_value()
        revision = asyncio.run(bring_up_to_date(url))
    except ConfigurationError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except DatabaseUnavailableError as error:
        typer.echo(f"The database cannot be used: {error.reason}. Check it, and DATABASE_URL.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"The tables are at revision {revision}.")
