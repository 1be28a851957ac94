"""What the desk has open in one process: its tables, and the keeper of roles at the Hub."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.apps.desk.domain.roles import RoleKeeper
from service.apps.desk.storage.desk import Desk, open_desk
from service.hub.client import HubClient


@dataclass(frozen=True, slots=True)
class Team:
    """The open desk and its roles. Open it with `open_team`."""

    desk: Desk
    roles: RoleKeeper


@asynccontextmanager
async def open_team(database_url: str, hub: HubClient, *, groups_are_managed: bool) -> AsyncIterator[Team]:
    """Open the database and bring its tables up to date.

    Raises:
        ConfigurationError: the database does not let us in, or was made by a later version of the service.
        DatabaseUnavailableError: it does not answer.
    """
    async with open_desk(database_url) as desk:
        yield Team(desk, RoleKeeper(hub, desk.database, desk.accounts, groups_are_managed=groups_are_managed))
