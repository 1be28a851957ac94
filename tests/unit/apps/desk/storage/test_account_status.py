"""The look-up of an account's status beside SQLAlchemy."""

import pytest
from anyio import CancelScope, create_task_group, lowlevel

from service.apps.desk.storage.account_status import StatusLookup, open_status_lookup

STEPS = 40  # more turns of the event loop than a look-up with a new connection takes


@pytest.mark.parametrize("turns", range(STEPS))
async def test_a_look_up_that_is_cancelled_leaves_nothing_behind(database_url: str, turns: int) -> None:
    """If a request is cancelled while the driver connects, no error is left that nobody reads, and the next works."""

    async def ask(look_up: StatusLookup, scope: CancelScope) -> None:
        with scope:
            await look_up("ada")

    async with open_status_lookup(database_url) as look_up, create_task_group() as group:
        scope = CancelScope()
        group.start_soon(ask, look_up, scope)
        for _ in range(turns):
            await lowlevel.checkpoint()
        scope.cancel()
        assert await look_up("ada") is None
