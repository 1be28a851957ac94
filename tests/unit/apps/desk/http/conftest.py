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
