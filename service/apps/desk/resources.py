"""What the desk has open in one process: its tables, and the `RoleKeeper` that changes roles at the Hub."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.apps.desk.domain.policy import GRANTS, Grants
from service.apps.desk.domain.roles import RoleKeeper
from service.apps.desk.first_admins import making_first_admins
from service.apps.desk.storage.desk import Desk, open_desk
from service.hub.client import HubClient


@dataclass(frozen=True, slots=True)
class DeskResources:
    """The open tables, the `RoleKeeper`, and what each role may do. Open it with `open_desk_resources`."""

    desk: Desk
    roles: RoleKeeper
    grants: Grants


@asynccontextmanager
async def open_desk_resources(
    database_url: str,
    hub: HubClient,
    *,
    groups_are_managed: bool,
    grants: Grants = GRANTS,
    first_admins: Sequence[str] = (),
) -> AsyncIterator[DeskResources]:
    """Open the database and bring its tables up to date. Make `first_admins` administrators if there is none.

    Raises:
        ConfigurationError: the database does not let us in, or was made by a later version of the service.
        DatabaseUnavailableError: it does not answer.
    """
    async with open_desk(database_url) as desk:
        roles = RoleKeeper(hub, desk.database, desk.accounts, groups_are_managed=groups_are_managed)
        async with making_first_admins(roles, first_admins):
            yield DeskResources(desk, roles, grants)
