"""A desk for each test, on both databases, with a clock that moves a minute at each call; and one to read over HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from service.apps.desk.domain.values import Employee, EmployeeNew
from service.apps.desk.storage.desk import Desk, open_desk
from tests.support import desk as served


class Clock:
    """A clock that moves a minute at each call. `time` is what it returned last."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Move the clock by a minute, and return the time."""
        self.time += timedelta(minutes=1)
        return self.time


@pytest.fixture
def clock() -> Clock:
    """The desk's clock."""
    return Clock()


@pytest.fixture
async def desk(database_url: str, clock: Clock) -> AsyncIterator[Desk]:
    """An empty desk."""
    async with open_desk(database_url, now=clock) as opened:
        yield opened


@pytest.fixture
async def zoe(desk: Desk) -> Employee:
    """Somebody who asks for help."""
    return await desk.employees.create(EmployeeNew(first_name="Zoë", last_name="Okonkwo"), by="manager")


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[served.Desk]:
    """A desk with an employee, a ticket and an account, over HTTP, for tests that change nothing."""
    async with served.open_desk(tmp_path_factory.mktemp("desk")) as opened:
        await opened.employee()
        await opened.ticket()
        await opened.account()
        yield opened
