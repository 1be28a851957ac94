"""A desk with an employee, a ticket and an account, for tests of its pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.desk import Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk with an employee, a ticket and an account."""
    async with open_desk(tmp_path) as desk:
        await desk.employee()
        await desk.ticket()
        await desk.account()
        yield desk
