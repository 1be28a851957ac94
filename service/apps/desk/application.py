"""The support desk, as an application of the service."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fastapi import APIRouter

from service.application import Application, Link
from service.apps.desk.domain.policy import Permission
from service.apps.desk.errors import DatabaseUnavailableError
from service.apps.desk.manifest import NEEDS
from service.apps.desk.settings import DeskSettings, database_url
from service.auth.guard import Entitlement, SignInVeto, Veto
from service.doctor_finding import Finding
from service.errors import ConfigurationError
from service.resources import Resources
from service.settings import Settings

if TYPE_CHECKING:
    import typer

    from service.apps.desk.resources import DeskResources


class SupportDesk(Application):
    """Tickets of people who need help, and a team whose roles are groups of the Hub.

    Modules that need SQLAlchemy are imported where they are used. So this module works without the extra `desk`.
    """

    name = "desk"
    title = "the support desk"
    contact = "an administrator of the support desk"
    needs = NEEDS
    needs_hub = True
    settings_model = DeskSettings
    templates = Path(__file__).parent / "templates"
    static = Path(__file__).parent / "static"
    navigation: ClassVar[Sequence[Link]] = [
        Link(
            path="desk",
            label="Desk",
            purpose="Tickets of people who need help, and the team that works on them.",
            scopes=[Permission.TICKETS_READ],
        )
    ]

    def routers(self) -> Sequence[APIRouter]:
        """Return the API and the pages."""
        from service.apps.desk.routes import router  # noqa: PLC0415 - its extra may not be installed

        return [router]

    def vetoes(self) -> Sequence[Veto]:
        """Return the check that refuses disabled accounts, and new tokens of people who may not sign in."""
        from service.apps.desk.http.admission import admit  # noqa: PLC0415 - likewise

        return [admit]

    def sign_in_vetoes(self) -> Sequence[SignInVeto]:
        """Return the check that refuses new sessions and tokens to people who may not sign in."""
        from service.apps.desk.http.admission import admit_sign_in  # noqa: PLC0415 - likewise

        return [admit_sign_in]

    def entitlements(self) -> Sequence[Entitlement]:
        """Return the function that says which scopes a caller's role gives."""
        from service.apps.desk.http.admission import entitled  # noqa: PLC0415 - likewise

        return [entitled]

    @asynccontextmanager
    async def open(self, resources: Resources, settings: DeskSettings) -> AsyncIterator["DeskResources"]:
        """Open the database, and the `RoleKeeper` that changes roles at the Hub."""
        from service.apps.desk.resources import open_desk_resources  # noqa: PLC0415 - likewise

        url = database_url(resources.settings, settings).get_secret_value()
        async with open_desk_resources(
            url,
            resources.auth.hub,
            groups_are_managed=resources.settings.groups_are_managed,
            grants=settings.grants,
            first_admins=settings.first_admins,
        ) as found:
            yield found

    async def problem(self, opened: "DeskResources") -> str:
        """Return what is wrong with the database; an empty string if nothing is."""
        return await opened.desk.probe.check()

    def prepare(self, core: Settings, settings: DeskSettings) -> None:
        """Bring the tables up to date. Waits for a database that does not answer.

        Raises:
            ConfigurationError: the database does not let us in, or its file cannot be used.
        """
        from service.apps.desk.storage.migrate import migrate  # noqa: PLC0415 - likewise

        try:
            asyncio.run(migrate(database_url(core, settings).get_secret_value(), patience=math.inf))
        except DatabaseUnavailableError as error:
            raise ConfigurationError([f"DATABASE_URL: the database cannot be used: {error.reason}"]) from None

    async def diagnose(self, core: Settings, settings: DeskSettings) -> AsyncIterator[Finding]:
        """Yield whether the database answers and its tables are up to date."""
        from service.apps.desk.diagnosis import look_at_database  # noqa: PLC0415 - likewise

        yield await look_at_database(database_url(core, settings).get_secret_value())

    def add_commands(self, commands: "typer.Typer") -> None:
        """Add the commands `desk` and `migrate`."""
        from service.apps.desk.commands import app, migrate  # noqa: PLC0415 - serving needs none of it

        commands.add_typer(app, name="desk")
        commands.command()(migrate)


application = SupportDesk()
