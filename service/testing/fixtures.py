"""The service as a pytest fixture: put `pytest_plugins = ["service.testing.fixtures"]` into the top conftest.py.

Async tests and fixtures need the pytest plugin of anyio, which httpx installs: mark a test `anyio`, or set
`anyio_mode = "auto"`. They run with asyncio alone, also where trio is installed, which the service does not work with.
With another plugin, write the fixture `service` again for it; it has three lines.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from service.testing.callers import Caller
from service.testing.serving import Service, open_service


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What async tests run with."""
    return "asyncio"


@pytest.fixture
def service_options() -> Mapping[str, Any]:
    """The arguments of `open_service`. Override it, for example with `{"routers": [router]}`."""
    return {}


@pytest.fixture
async def service(service_options: Mapping[str, Any]) -> AsyncIterator[Service]:
    """The running service, with a fake Hub."""
    async with open_service(**service_options) as running:
        yield running


@pytest.fixture
def alice(service: Service) -> Caller:
    """A user with access to the service, and no other scopes."""
    return service.user("alice")
