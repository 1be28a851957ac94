"""One question per key, however many wait; answers that are fresh, old, refused, or gone."""

import asyncio
import gc
import weakref
from copy import copy

import pytest

from service.hub.cache import REFRESHES_AT_ONCE
from service.hub.errors import InvalidTokenError
from tests.unit.hub.conftest import DOWN, NO, SLOW, World, settle


async def test_a_fresh_answer_serves_without_a_question(world: World) -> None:
    """Within four fifths of the ttl nothing is asked."""
    assert await world.get() == "yes"
    world.says = "other"
    world.clock.seconds += 79.9

    assert await world.get() == "yes"
    await settle()
    assert world.asked == ["key"]
    assert len(world.cache) == 1


async def test_in_the_last_fifth_it_is_refreshed_behind_the_callers_back(world: World) -> None:
    """Callers get the old answer at once, one question goes out for all of them, and the new answer is fresh anew."""
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


async def test_answers_of_one_age_are_refreshed_a_few_at_a_time(world: World) -> None:
    """Those who once came together are not asked about together for ever; the others get their turn."""
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


async def test_what_can_be_told_at_once(world: World) -> None:
    """An answer is given without waiting up to when it is to be refreshed, and counts as a hit."""
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


async def test_an_answer_told_at_once_was_wanted(world: World) -> None:
    """It stays where others are forgotten for want of room."""
    for key in "0123456789":
        await world.get(key)
    world.cache.fresh("0")
    await world.get("another")

    assert world.cache.fresh("0") == "yes"
    assert world.cache.fresh("1") is None


async def test_an_answer_ages_from_when_it_was_asked_for(world: World) -> None:
    """Time that the Hub takes counts: the answer may have been true only when it was asked."""
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
    """At its ttl the Hub is asked, and the caller waits for the answer."""
    await world.get()
    world.clock.seconds += 100
    world.says = "new"

    assert await world.get() == "new"


async def test_a_refresh_that_says_no_ends_the_answer(world: World) -> None:
    """The caller who set it off still got the old answer; the next one does not."""
    await world.get()
    world.clock.seconds += 80
    world.says = NO
    assert await world.get() == "yes"
    await settle()

    assert await world.refused() is InvalidTokenError
    assert len(world.cache) == 0


@pytest.mark.parametrize("outage", [SLOW, DOWN], ids=["slow", "down"])
async def test_a_refresh_that_fails_is_tried_again_a_second_later(world: World, outage: Exception) -> None:
    """The answer stays, and the Hub is not asked with every request."""
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
    """Who comes while a question is on its way waits for the same answer."""
    world.held = asyncio.Event()
    waiting = [world.start() for _ in range(200)]
    await settle()
    world.held.set()

    assert await asyncio.gather(*waiting) == ["yes"] * 200
    assert world.asked == ["key"]


@pytest.mark.parametrize("said", [NO, SLOW, DOWN], ids=["no", "slow", "down"])
async def test_a_refusal_too_is_one_question(world: World, said: Exception) -> None:
    """All who wait hear the same."""
    world.says, world.held = said, asyncio.Event()
    waiting = [world.start() for _ in range(200)]
    await settle()
    world.held.set()

    heard = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in heard} == {type(said)}
    assert world.asked == ["key"]


async def test_a_caller_who_hangs_up_takes_nothing_from_the_others(world: World) -> None:
    """Cancelling one, even the first, leaves the question on its way."""
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
    """While one question hangs, others are asked and answered."""
    world.held = asyncio.Event()
    slow = world.start("slow")
    await settle()
    hanging, world.held = world.held, None

    assert await world.get("quick") == "yes"
    assert not slow.done()
    hanging.set()
    assert await slow == "yes"


async def test_an_error_of_our_own_reaches_all_and_is_not_remembered(world: World) -> None:
    """What is no answer of the Hub's passes through, and the next caller asks again."""
    world.says = KeyError("a bug")
    with pytest.raises(KeyError):
        await world.get()

    world.says = "yes"
    assert await world.get() == "yes"


async def test_an_error_of_our_own_that_nobody_hears_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A refresh goes wrong behind the callers' back: kind and place are logged, never the text."""
    await world.get()
    world.clock.seconds += 80
    world.says = KeyError("a secret")
    assert await world.get() == "yes"
    await settle()

    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("Unexpected KeyError while asking the Hub, at conftest.py:")
    assert "secret" not in line


@pytest.mark.parametrize("said", [KeyError("a bug"), NO, SLOW, DOWN], ids=["bug", "no", "slow", "down"])
async def test_what_a_caller_hears_is_not_logged_here(
    world: World, caplog: pytest.LogCaptureFixture, said: Exception
) -> None:
    """Whoever answers the caller logs it; an outage or a refusal is no defect."""
    world.says = said
    await asyncio.gather(world.start(), world.start(), return_exceptions=True)
    await settle()

    assert caplog.records == []


@pytest.mark.parametrize("said", [NO, SLOW, DOWN], ids=["no", "slow", "down"])
async def test_what_is_remembered_holds_on_to_nobodys_request(world: World, said: Exception) -> None:
    """A remembered refusal or failure keeps no frame of those who met it, and so nothing of what they sent."""

    class Request:
        """What a caller holds while it asks."""

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
    """Questions on their way end, also those that were forgotten, passed over or are only refreshes."""
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
