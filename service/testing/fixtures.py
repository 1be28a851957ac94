"""The service as a pytest fixture: `pytest_plugins = ["service.testing.fixtures"]` in the topmost conftest.py.

Async tests and fixtures run by anyio's plugin, which httpx brings: mark a test `anyio`, or set `anyio_mode = "auto"`.
With another runner, write the three lines of `service` as a fixture of that runner's.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from service.testing.callers import Caller
from service.testing.serving import Service, open_service


@pytest.fixture
def service_options() -> Mapping[str, Any]:
    """What `open_service` is called with; override it, say with `{"routers": [router]}`."""
    return {}


@pytest.fixture
async def service(service_options: Mapping[str, Any]) -> AsyncIterator[Service]:
    """The service, running beside a Hub in memory."""
    async with open_service(**service_options) as running:
        yield running


@pytest.fixture
def alice(service: Service) -> Caller:
    """A user who may call the service, and nothing else."""
    return service.user("alice")
