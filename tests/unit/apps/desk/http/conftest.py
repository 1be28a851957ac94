"""A desk with an employee, for tests of its routes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.desk import Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk with one employee."""
    async with open_desk(tmp_path) as desk:
        await desk.employee()
        yield desk


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """The same, for tests that change nothing; with a ticket and an account."""
    async with open_desk(tmp_path_factory.mktemp("desk")) as desk:
        await desk.employee()
        await desk.ticket()
        await desk.account()
        yield desk
