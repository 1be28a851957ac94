"""A cache and a Hub whose answers and clock the test controls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Unpack

import httpx
import pytest
import respx

from service.hub.auth import HubAuth, Options
from service.hub.cache import AnswerCache
from service.hub.errors import HubUnavailableError, HubUnreachableError, InvalidTokenError
from service.testing import FakeHub

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SLOW = HubUnavailableError(reason="it did not answer in time")
DOWN = HubUnreachableError(reason="it takes no connection")
NO = InvalidTokenError()


class Clock:
    """Both clocks of the cache. The test moves them."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds

    def now(self) -> datetime:
        """Return the same time in UTC."""
        return EPOCH + timedelta(seconds=self.seconds)

    def now_minus(self, seconds: float) -> datetime:
        """Return the time so many seconds ago."""
        return self.now() - timedelta(seconds=seconds)


class World:
    """A cache with ttl 100 and grace 50, and a Hub that answers as the test says. `asked` lists the questions.

    With `held` set, questions wait until it is set. Patience, in seconds of a true clock, is endless unless given.
    """

    def __init__(self, *, grace: float = 50, size: int = 10, patience: float = 3600) -> None:
        self.clock = Clock()
        self.cache = AnswerCache[str, str](
            ttl=100, grace=grace, size=size, patience=patience, clock=self.clock, now=self.clock.now
        )
        self.says: str | Exception = "yes"
        self.held: asyncio.Event | None = None
        self.asked: list[str] = []

    async def get(self, key: str = "key", *, not_before: datetime | None = None) -> str:
        """Ask the cache, which may ask the Hub."""

        async def ask() -> str:
            self.asked.append(key)
            said = self.says
            if self.held is not None:
                await self.held.wait()
            if isinstance(said, Exception):
                raise said
            return said

        return await self.cache.get(key, ask, not_before=not_before)

    def start(self, key: str = "key", *, not_before: datetime | None = None) -> "asyncio.Task[str]":
        """Ask without waiting for the answer."""
        return asyncio.ensure_future(self.get(key, not_before=not_before))

    async def refused(self, key: str = "key", *, not_before: datetime | None = None) -> type[Exception]:
        """Ask, and return the type of the error."""
        with pytest.raises((InvalidTokenError, HubUnavailableError)) as caught:
            await self.get(key, not_before=not_before)
        return caught.type


@asynccontextmanager
async def asking(
    hub: FakeHub,
    answer: Callable[[httpx.Request], Awaitable[httpx.Response]] | None = None,
    **options: Unpack[Options],
) -> AsyncIterator[HubAuth]:
    """Open a HubAuth that asks the Hub in memory, or `answer` in its place."""
    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=answer or hub)
        access = ["access:services!service=fastapi"]
        async with HubAuth(api_url=str(hub.api_url), api_token=hub.api_token, access_scopes=access, **options) as auth:
            yield auth


async def settle() -> None:
    """Let all tasks run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A cache that is closed at the end."""
    world = World()
    yield world
    await world.cache.aclose()
