"""The look-up of an account's status beside SQLAlchemy."""

from anyio import CancelScope, create_task_group, lowlevel

from service.apps.desk.storage.account_status import StatusLookup, open_status_lookup
from tests.support.databases import postgres_with_tables
from tests.support.postgres import Postgres

TURNS = 40  # of the event loop: more than a look-up takes that has to connect first


async def test_a_look_up_that_is_cancelled_leaves_nothing_behind(postgresql: Postgres) -> None:
    """If a request is cancelled while the driver connects, no error is left that nobody reads, and the next works."""

    async def ask(look_up: StatusLookup, scope: CancelScope) -> None:
        with scope:
            await look_up("ada")

    async with postgres_with_tables(postgresql) as url:
        for turns in range(TURNS):
            async with open_status_lookup(url) as look_up, create_task_group() as group:
                scope = CancelScope()
                group.start_soon(ask, look_up, scope)
                for _ in range(turns):
                    await lowlevel.checkpoint()
                scope.cancel()
                assert await look_up("ada") is None
