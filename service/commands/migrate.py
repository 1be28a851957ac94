"""`python -P -m service migrate`: bring the desk's tables up to date, as each start of the service does."""

import asyncio

import typer

from service.errors import ConfigurationError, DatabaseUnavailableError
from service.settings import load_settings


def migrate() -> None:
    """Bring the tables of the support desk up to date.

    Run it with the environment that the service has: JUPYTERHUB_API_TOKEN, and DATABASE_URL or SERVICE_STATE.
    """
    from service.apps.desk.storage.migrate import migrate as bring_up_to_date  # noqa: PLC0415 - brings SQLAlchemy

    try:
        url = load_settings().database_url.get_secret_value()
        revision = asyncio.run(bring_up_to_date(url))
    except ConfigurationError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except DatabaseUnavailableError as error:
        typer.echo(f"The database cannot be used: {error.reason}. Check it, and DATABASE_URL.", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"The tables are at revision {revision}.")
