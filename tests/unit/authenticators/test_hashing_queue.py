"""The order in which passwords are hashed, and requests that are refused."""

import asyncio
from contextlib import AsyncExitStack

import pytest

pytest.importorskip("nativeauthenticator", reason="no JupyterHub installed: pip install '.[hub]'")

from service.authenticators.hashing_queue import RETRY_AFTER, HashingQueue
from service.errors import ThrottledError
from tests.unit.hub.conftest import settle


class Crowd:
    """Requests in a queue. Each keeps its turn until `done` is set."""

    def __init__(self) -> None:
        self.queue = HashingQueue()
        self.done = asyncio.Event()
        self.hashing: list[str] = []
        self.most = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def comes(self, who: str, *, is_known: bool) -> bool:
        """Whether the request got a place in the queue."""
        task = asyncio.ensure_future(self._wait(who, is_known=is_known))
        self._tasks.append(task)
        await settle()
        return not (task.done() and isinstance(task.exception(), ThrottledError))

    async def _wait(self, who: str, *, is_known: bool) -> None:
        async with self.queue.turn(who, is_known=is_known):
            self.hashing.append(who)
            self.most = max(self.most, len(self.hashing))
            await self.done.wait()
            self.hashing.remove(who)

    async def leaves(self) -> None:
        """Let all requests finish."""
        self.done.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_strangers_leave_room_for_those_who_are_known() -> None:
    """A known user gets a turn at once, however many strangers wait."""
    crowd = Crowd()
    for number in range(400):
        await crowd.comes(f"192.0.2.{number}", is_known=False)
    assert crowd.hashing == ["192.0.2.0"]

    assert await crowd.comes("ada", is_known=True)

    assert crowd.hashing == ["192.0.2.0", "ada"]
    await crowd.leaves()


async def test_a_full_queue_is_refused_at_once() -> None:
    """Ten strangers wait, and the next is refused with Retry-After. Later there is room again."""
    crowd = Crowd()
    places = [await crowd.comes(f"192.0.2.{number}", is_known=False) for number in range(12)]
    assert places == [True] * 10 + [False] * 2
    with pytest.raises(ThrottledError) as refused:
        crowd.queue.check("192.0.2.99", is_known=False)
    assert refused.value.retry_after == RETRY_AFTER
    await crowd.leaves()

    assert await crowd.comes("192.0.2.99", is_known=False)


@pytest.mark.parametrize(("is_known", "places"), [(False, 5), (True, 2)])
async def test_nobody_fills_a_queue(*, is_known: bool, places: int) -> None:
    """One address or one account can only use a part of a queue."""
    crowd = Crowd()
    got = [await crowd.comes("mallory", is_known=is_known) for _ in range(50)]
    assert sum(got) == places

    assert await crowd.comes("ada", is_known=is_known)
    await crowd.leaves()
    assert crowd.most <= 2


async def test_who_gives_up_leaves_their_place() -> None:
    """A request that is cancelled or fails leaves the queue."""
    queue = HashingQueue()
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(queue.turn("ada", is_known=True))
        waiting = asyncio.ensure_future(stack.enter_async_context(queue.turn("bob", is_known=True)))
        await settle()
        waiting.cancel()
        await settle()
    with pytest.raises(ZeroDivisionError):
        async with queue.turn("ada", is_known=True):
            _ = 1 / 0
    async with queue.turn("ada", is_known=True), queue.turn("ada", is_known=True):
        pass
