"""A slow Hub is not waited for where an answer from before may serve: the question goes on behind the callers' back."""

import asyncio

import pytest

from service.hub.errors import InvalidTokenError
from tests.unit.hub.conftest import NO, SLOW, World, settle

NONE, ENDLESS = 0.001, 3600.0  # seconds of patience


async def grown_old(*, patience: float, grace: float = 50) -> World:
    """Return a cache with an answer at the end of its ttl, and a Hub that holds back the next one."""
    world = World(patience=patience, grace=grace)
    await world.get()
    world.clock.seconds += 100
    world.says, world.held = "new", asyncio.Event()
    return world


async def at_once(world: World) -> str:
    """Ask, and fail if that takes long."""
    async with asyncio.timeout(5):
        return await world.get()


async def test_a_slow_hub_keeps_nobody_waiting() -> None:
    """Callers get the answer from before, one question goes on for all of them, and its answer counts when it comes."""
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
    """Within the patience the answer of now is better than the one from before."""
    world = await grown_old(patience=ENDLESS)
    assert world.held
    waiting = [world.start() for _ in range(5)]
    await settle()
    world.held.set()

    assert await asyncio.gather(*waiting) == ["new"] * 5
    assert world.cache.stats.stale == 0


async def test_patience_is_counted_from_the_question() -> None:
    """Who joins a question that is older than it does not wait at all."""
    world = await grown_old(patience=ENDLESS, grace=2 * ENDLESS)
    first = world.start()
    await settle()
    world.clock.seconds += ENDLESS

    assert await at_once(world) == "yes"
    assert not first.done()
    await world.cache.aclose()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_no_counts_when_it_comes() -> None:
    """However late: from then on the answer from before serves nobody."""
    world = await grown_old(patience=NONE)
    assert world.held
    world.says = NO
    assert await at_once(world) == "yes"
    world.held.set()
    await settle()

    assert await world.refused() is InvalidTokenError
    assert len(world.cache) == 0


async def test_a_late_failure_changes_nothing() -> None:
    """The answer serves to the end of the grace, and the Hub is asked again a second later, not sooner."""
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
async def test_where_nothing_may_serve_one_waits(grace: float, later: float, since: float | None) -> None:
    """As if there had never been an answer."""
    world = await grown_old(patience=NONE, grace=grace)
    assert world.held
    world.clock.seconds += later
    waiting = world.start(not_before=None if since is None else world.clock.now_minus(since))
    await asyncio.wait({waiting}, timeout=10 * NONE)
    assert not waiting.done()
    world.held.set()

    assert await waiting == "new"


async def test_what_is_forgotten_does_not_serve_the_impatient() -> None:
    """Who signs out while others wait ends it for them too: they hear what the Hub says."""
    world = await grown_old(patience=20 * NONE)
    assert world.held
    waiting = world.start()
    await settle()
    world.cache.forget(lambda key: key == "key")
    await asyncio.wait({waiting}, timeout=40 * NONE)
    assert not waiting.done()
    world.held.set()

    assert await waiting == "new"
