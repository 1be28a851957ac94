"""When a Hub opens: settings and lifespans."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI

from service.auth import Hub
from service.errors import ConfigurationError
from service.settings import Settings
from tests.support.shop import shop
from tests.unit.conftest import ORIGIN, settings_of


async def test_the_settings_are_read_at_the_start() -> None:
    """Settings are read when a Hub opens, not when it is made. A wrong one ends the start, and the error names it."""
    reads: list[str] = []

    def read() -> Settings:
        reads.append("now")
        return settings_of()

    hub = Hub(read)
    assert reads == []
    async with hub.open():
        assert reads == ["now"]
    with pytest.raises(ConfigurationError, match="Neither a Hub nor Entra ID"):
        async with Hub(Settings()).open():
            pass


async def test_the_lifespan_of_its_own() -> None:
    """The application's lifespan runs within the Hub's, and yields the application's state."""
    happened: list[str] = []

    @asynccontextmanager
    async def mine(app: FastAPI) -> AsyncIterator[dict[str, int]]:
        happened.append(f"open {app.title} {app.state.hub.is_open}")
        yield {"answer": 42}
        happened.append(f"close {app.state.hub.is_open}")

    hub = Hub(settings_of())
    app = FastAPI(title="Mine", lifespan=hub.lifespan(around=mine))
    hub.install(app)
    app.state.hub = hub
    async with LifespanManager(app) as manager:
        state = manager._state  # noqa: SLF001 - what a server would copy for each request

    assert happened == ["open Mine True", "close True"]
    assert state == {"answer": 42}
    assert not hub.is_open


async def test_a_lifespan_that_was_forgotten() -> None:
    """An application without the Hub's lifespan does not start, and the error says what to write."""
    hub = Hub(settings_of())
    app = FastAPI()
    hub.install(app)

    with pytest.raises(ConfigurationError, match=r"FastAPI\(lifespan=hub.lifespan\)"):
        async with LifespanManager(app):
            pass


async def test_no_lifespan_at_all() -> None:
    """If the server runs no lifespan, requests fail with an error that says so."""
    app = shop(settings_of())
    with pytest.raises(RuntimeError, match="lifespan was not run"):
        await httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN).get("/whoami")


async def test_a_hub_serves_one_application() -> None:
    """A Hub that is open cannot be opened again: it would use another application's connections."""
    hub = Hub(settings_of())
    async with hub.open():
        with pytest.raises(RuntimeError, match="open already"):
            async with hub.open():
                pass
