"""The Hub is asked once per key, however many tasks wait; answers are fresh, stale, refused, or forgotten."""

import asyncio
import gc
import weakref
from copy import copy

import pytest

from service.hub.cache import REFRESHES_AT_ONCE
from service.hub.errors import InvalidTokenError
from tests.unit.hub.conftest import DOWN, NO, SLOW, World, settle


async def test_a_fresh_answer_serves_without_a_question(world: World) -> None:
    """The Hub is not asked within the first four fifths of the ttl."""
    assert await world.get() == "yes"
    world.says = "other"
    world.clock.seconds += 79.9

    assert await world.get() == "yes"
    await settle()
    assert world.asked == ["key"]
    assert len(world.cache) == 1


async def test_in_the_last_fifth_it_is_refreshed_in_the_background(world: World) -> None:
    """Callers get the old answer at once. The Hub is asked once for all of them, and its answer is fresh again."""
    await world.get()
    world.clock.seconds += 80
    world.says, world.held = "new", asyncio.Event()

    assert [await world.get() for _ in range(5)] == ["yes"] * 5
    await settle()
    assert world.asked == ["key"] * 2

    world.held.set()
    await settle()
    world.clock.seconds += 79
    assert await world.get() == "new"
    assert world.asked == ["key"] * 2


async def test_answers_of_the_same_age_are_refreshed_a_few_at_a_time(world: World) -> None:
    """Answers that were asked for together are not refreshed together for ever. Each gets its turn."""
    keys = [str(number) for number in range(10)]  # as many as `world` keeps
    for key in keys:
        await world.get(key)
    world.clock.seconds += 80
    world.asked.clear()
    world.held = asyncio.Event()

    assert [await world.get(key) for key in keys] == ["yes"] * len(keys)
    await settle()
    assert world.asked == keys[:REFRESHES_AT_ONCE]

    world.held.set()
    await settle()
    for _ in range(len(keys) // REFRESHES_AT_ONCE):
        assert [await world.get(key) for key in keys] == ["yes"] * len(keys)
        await settle()
    assert sorted(world.asked) == keys


async def test_a_fresh_answer_is_returned_without_waiting(world: World) -> None:
    """`fresh` returns an answer until it has to be refreshed, and counts a hit."""
    assert world.cache.fresh("key") is None
    await world.get()
    hits = world.cache.stats.hits

    world.clock.seconds += 79.9
    assert world.cache.fresh("key") == "yes"
    assert world.cache.stats.hits == hits + 1
    world.clock.seconds += 0.1
    assert world.cache.fresh("key") is None

    world.cache.forget(lambda _: True)
    assert world.cache.fresh("key") is None


async def test_an_answer_returned_without_waiting_counts_as_used(world: World) -> None:
    """It is kept when others are dropped because the cache is full."""
    for key in "0123456789":
        await world.get(key)
    world.cache.fresh("0")
    await world.get("another")

    assert world.cache.fresh("0") == "yes"
    assert world.cache.fresh("1") is None


async def test_the_age_of_an_answer_begins_with_the_question(world: World) -> None:
    """The time that the Hub takes counts, because the answer may have been true only when the Hub was asked."""
    world.held = asyncio.Event()
    waiting = world.start()
    await settle()
    world.clock.seconds += 99
    world.held.set()
    assert await waiting == "yes"

    world.clock.seconds += 1
    world.says = "new"
    assert await world.get() == "new"


async def test_an_expired_answer_does_not_serve(world: World) -> None:
    """After the ttl the Hub is asked, and the caller waits for the answer."""
    await world.get()
    world.clock.seconds += 100
    world.says = "new"

    assert await world.get() == "new"


async def test_a_refused_refresh_ends_the_answer(world: World) -> None:
    """The caller who started the refresh still gets the old answer. The next one does not."""
    await world.get()
    world.clock.seconds += 80
    world.says = NO
    assert await world.get() == "yes"
    await settle()

    assert await world.refused() is InvalidTokenError
    assert len(world.cache) == 0


@pytest.mark.parametrize("outage", [SLOW, DOWN], ids=["slow", "down"])
async def test_a_refresh_that_fails_is_tried_again_a_second_later(world: World, outage: Exception) -> None:
    """The answer is kept, and not every request asks the Hub."""
    await world.get()
    world.clock.seconds += 80
    world.says = outage
    for _ in range(5):
        assert await world.get() == "yes"
        await settle()
    assert len(world.asked) == 2

    world.clock.seconds += 1
    world.says = "new"
    assert await world.get() == "yes"
    await settle()
    assert await world.get() == "new"


async def test_two_hundred_callers_ask_one_question(world: World) -> None:
    """Callers who come while a question is in progress wait for the same answer."""
    world.held = asyncio.Event()
    waiting = [world.start() for _ in range(200)]
    await settle()
    world.held.set()

    assert await asyncio.gather(*waiting) == ["yes"] * 200
    assert world.asked == ["key"]


@pytest.mark.parametrize("said", [NO, SLOW, DOWN], ids=["no", "slow", "down"])
async def test_a_refusal_or_failure_is_one_question_too(world: World, said: Exception) -> None:
    """All who wait get the same error."""
    world.says, world.held = said, asyncio.Event()
    waiting = [world.start() for _ in range(200)]
    await settle()
    world.held.set()

    heard = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in heard} == {type(said)}
    assert world.asked == ["key"]


async def test_a_caller_who_hangs_up_does_not_affect_the_others(world: World) -> None:
    """Cancelling one caller, even the first, does not cancel the question."""
    world.held = asyncio.Event()
    first, second = world.start(), world.start()
    await settle()
    first.cancel()
    await settle()
    world.held.set()

    assert await second == "yes"
    assert first.cancelled()
    assert await world.get() == "yes"
    assert world.asked == ["key"]


async def test_one_key_never_waits_for_another(world: World) -> None:
    """While one question hangs, questions about other keys are asked and answered."""
    world.held = asyncio.Event()
    slow = world.start("slow")
    await settle()
    hanging, world.held = world.held, None

    assert await world.get("quick") == "yes"
    assert not slow.done()
    hanging.set()
    assert await slow == "yes"


async def test_an_error_of_our_own_reaches_all_and_is_not_remembered(world: World) -> None:
    """An error that is not about the Hub is raised as it is, and the next caller asks again."""
    world.says = KeyError("a bug")
    with pytest.raises(KeyError):
        await world.get()

    world.says = "yes"
    assert await world.get() == "yes"


async def test_an_error_of_our_own_that_nobody_gets_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """If a background refresh fails unexpectedly, the error's type and place are logged, but never its message."""
    await world.get()
    world.clock.seconds += 80
    world.says = KeyError("a secret")
    assert await world.get() == "yes"
    await settle()

    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("Unexpected KeyError while asking the Hub, at conftest.py:")
    assert "secret" not in line


@pytest.mark.parametrize("said", [KeyError("a bug"), NO, SLOW, DOWN], ids=["bug", "no", "slow", "down"])
async def test_an_error_that_a_caller_gets_is_not_logged_here(
    world: World, caplog: pytest.LogCaptureFixture, said: Exception
) -> None:
    """An error that a caller gets is logged where the caller is answered. Outages and refusals are no defects."""
    world.says = said
    await asyncio.gather(world.start(), world.start(), return_exceptions=True)
    await settle()

    assert caplog.records == []


@pytest.mark.parametrize("said", [NO, SLOW, DOWN], ids=["no", "slow", "down"])
async def test_a_remembered_error_keeps_no_request_alive(world: World, said: Exception) -> None:
    """A remembered refusal or failure keeps no reference to the requests that met it."""

    class Request:
        """Something that a caller refers to while it asks."""

    async def serve() -> None:
        request = Request()
        seen.append(weakref.ref(request))
        await world.get()

    seen: list[weakref.ref[Request]] = []
    world.says = copy(said)
    await asyncio.gather(serve(), serve(), return_exceptions=True)
    world.says = "nothing more"
    await asyncio.gather(serve(), return_exceptions=True)
    await settle()  # the loop itself holds on to a result until its next round
    gc.collect()

    assert len(world.asked) == 1
    assert [request() for request in seen] == [None] * 3


async def test_closing_leaves_no_task_behind() -> None:
    """All questions in progress end, also refreshes and those whose answers are no longer wanted."""
    world = World()
    before = asyncio.all_tasks()
    await world.get("refreshed")
    world.clock.seconds += 80
    world.held = asyncio.Event()
    await world.get("refreshed")
    waiting = [world.start("forgotten"), world.start("passed over")]
    await settle()
    world.cache.forget(lambda key: key == "forgotten")
    world.clock.seconds += 1
    waiting.append(world.start("passed over", not_before=world.clock.now()))
    await settle()
    assert len(asyncio.all_tasks() - before) == len(waiting) + 4

    await world.cache.aclose()
    await settle()
    left = asyncio.all_tasks() - before
    world.held.set()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert left == set()
