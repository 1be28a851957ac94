"""Nobody waits long for a slow Hub if an earlier answer may serve. The question goes on in the background."""

import asyncio

import pytest

from service.hub.errors import InvalidTokenError
from tests.unit.hub.conftest import NO, SLOW, World, settle

NONE, ENDLESS = 0.001, 3600.0  # seconds of patience


async def grown_old(*, patience: float, grace: float = 50) -> World:
    """Return a cache with an answer whose ttl has just ended, and a Hub that holds back the next answer."""
    world = World(patience=patience, grace=grace)
    await world.get()
    world.clock.seconds += 100
    world.says, world.held = "new", asyncio.Event()
    return world


async def at_once(world: World) -> str:
    """Ask, and fail if there is no result soon."""
    async with asyncio.timeout(5):
        return await world.get()


async def test_nobody_waits_for_a_slow_hub() -> None:
    """Callers get the earlier answer. One question goes on for all of them, and its answer counts when it comes."""
    world = await grown_old(patience=NONE)
    assert world.held

    assert [await at_once(world) for _ in range(5)] == ["yes"] * 5
    assert world.asked == ["key"] * 2
    assert world.cache.stats.stale == 5
    world.held.set()
    await settle()
    assert await world.get() == "new"
    assert world.asked == ["key"] * 2


async def test_a_quick_answer_is_waited_for() -> None:
    """If a fresh answer comes within the patience, callers get it instead of the earlier one."""
    world = await grown_old(patience=ENDLESS)
    assert world.held
    waiting = [world.start() for _ in range(5)]
    await settle()
    world.held.set()

    assert await asyncio.gather(*waiting) == ["new"] * 5
    assert world.cache.stats.stale == 0


async def test_the_patience_begins_with_the_question() -> None:
    """A caller who joins a question that is older than the patience does not wait at all."""
    world = await grown_old(patience=ENDLESS, grace=2 * ENDLESS)
    first = world.start()
    await settle()
    world.clock.seconds += ENDLESS

    assert await at_once(world) == "yes"
    assert not first.done()
    await world.cache.aclose()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_late_refusal_counts() -> None:
    """However late a refusal comes, the earlier answer serves nobody from then on."""
    world = await grown_old(patience=NONE)
    assert world.held
    world.says = NO
    assert await at_once(world) == "yes"
    world.held.set()
    await settle()

    assert await world.refused() is InvalidTokenError
    assert len(world.cache) == 0


async def test_a_late_failure_changes_nothing() -> None:
    """The answer serves until the end of the grace. The Hub is asked again after a second, not sooner."""
    world = await grown_old(patience=NONE)
    assert world.held
    world.says = SLOW
    assert await at_once(world) == "yes"
    world.held.set()
    await settle()
    assert await world.get() == "yes"
    assert len(world.asked) == 2

    world.clock.seconds += 1
    world.says = "new"
    assert await world.get() == "new"


@pytest.mark.parametrize(
    ("grace", "later", "since"),
    [
        pytest.param(50, 50, None, id="beyond the grace"),
        pytest.param(0, 0, None, id="without grace"),
        pytest.param(50, 0, 99, id="not from before an event"),
    ],
)
async def test_without_an_earlier_answer_callers_wait(grace: float, later: float, since: float | None) -> None:
    """Without an answer that may serve, a caller waits for the Hub."""
    world = await grown_old(patience=NONE, grace=grace)
    assert world.held
    world.clock.seconds += later
    waiting = world.start(not_before=None if since is None else world.clock.now_minus(since))
    await asyncio.wait({waiting}, timeout=10 * NONE)
    assert not waiting.done()
    world.held.set()

    assert await waiting == "new"


async def test_a_forgotten_answer_does_not_serve() -> None:
    """If somebody signs out while others wait, they get what the Hub says, not the earlier answer."""
    world = await grown_old(patience=20 * NONE)
    assert world.held
    waiting = world.start()
    await settle()
    world.cache.forget(lambda key: key == "key")
    await asyncio.wait({waiting}, timeout=40 * NONE)
    assert not waiting.done()
    world.held.set()

    assert await waiting == "new"
