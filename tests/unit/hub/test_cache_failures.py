"""What the cache does if the Hub refuses or does not answer, and what ends an answer early."""

import asyncio
from datetime import timedelta

import pytest

from service.errors import ThrottledError
from service.hub.cache import REFUSALS
from service.hub.errors import HubRefusedServiceError, HubUnavailableError, HubUnreachableError, InvalidTokenError
from tests.unit.hub.conftest import DOWN, NO, SLOW, World, settle


async def test_a_refusal_is_remembered_for_five_seconds(world: World) -> None:
    """The Hub is asked once about a wrong token that is sent again and again. After five seconds it is asked again."""
    world.says = NO
    assert await world.refused() is InvalidTokenError
    world.says = "yes"
    world.clock.seconds += 4.9

    assert await world.refused() is InvalidTokenError
    assert world.asked == ["key"]
    assert world.cache.stats.refused == 1

    world.clock.seconds += 0.1
    assert await world.get() == "yes"


async def test_a_hub_that_does_not_answer_is_asked_about_a_key_once_a_second(world: World) -> None:
    """A Hub that is slow or sends nonsense for one key is still asked about others."""
    world.says = SLOW
    for _ in range(3):
        assert await world.refused() is HubUnavailableError
    assert world.asked == ["key"]

    assert await world.refused("other") is HubUnavailableError
    assert world.asked == ["key", "other"]

    world.clock.seconds += 1
    world.says = "yes"
    assert await world.get() == "yes"


async def test_a_hub_that_is_down_is_tried_once_a_second_in_all(world: World) -> None:
    """If no connection can be made, questions about other keys would fail as well."""
    world.says = DOWN
    for key in ("a", "b", "c", "a"):
        assert await world.refused(key) is HubUnreachableError
    assert world.asked == ["a"]

    world.clock.seconds += 1
    assert await world.refused("b") is HubUnreachableError
    assert world.asked == ["a", "b"]

    world.clock.seconds += 1
    world.says = "yes"
    assert await world.get("c") == "yes"


@pytest.mark.parametrize("said", ["yes", NO], ids=["yes", "no"])
async def test_one_question_finds_out_whether_the_hub_is_back(world: World, said: str | Exception) -> None:
    """Only one question tries to connect. Whatever the Hub answers, all others may then ask."""
    world.says = DOWN
    await world.refused()
    world.clock.seconds += 1
    world.says, world.held = said, asyncio.Event()
    first = world.start("first")
    await settle()
    for key in ("a", "b", "c"):
        assert await world.refused(key) is HubUnreachableError
    assert world.asked == ["key", "first"]

    world.held.set()
    await asyncio.gather(first, return_exceptions=True)
    world.says = "yes"
    assert [await world.get(key) for key in ("a", "b", "c")] == ["yes"] * 3


@pytest.mark.parametrize(
    "said", [ThrottledError(1), HubRefusedServiceError(reason="403"), RuntimeError()], ids=["throttled", "403", "bug"]
)
async def test_a_question_that_finds_nothing_out_leaves_it_to_the_next(world: World, said: Exception) -> None:
    """A stranger whose question is throttled does not prolong an outage. Still only one question tries next."""
    world.says = DOWN
    await world.refused()
    world.clock.seconds += 1
    world.says = said
    with pytest.raises(type(said)):
        await world.get("stranger")
    world.says, world.held = "yes", asyncio.Event()
    first = world.start("first")
    await settle()
    assert await world.refused("second") is HubUnreachableError

    world.held.set()
    assert [await first, await world.get("second")] == ["yes", "yes"]


async def test_a_forgotten_answer_ends_an_outage_too(world: World) -> None:
    """A question whose answer was forgotten meanwhile still shows that the Hub is back."""
    world.says = DOWN
    await world.refused()
    world.clock.seconds += 1
    world.says, world.held = "yes", asyncio.Event()
    first = world.start("first")
    await settle()
    world.cache.forget(lambda key: key == "first")
    world.held.set()

    assert [await first, await world.get("second")] == ["yes", "yes"]


async def test_a_question_in_progress_is_joined_although_the_hub_is_down(world: World) -> None:
    """A caller can join a question in progress although another question could not connect."""
    world.held = asyncio.Event()
    first = world.start("key")
    await settle()
    held, world.held, world.says = world.held, None, DOWN
    assert await world.refused("other") is HubUnreachableError
    second = world.start("key")
    await settle()
    held.set()

    assert (await first, await second) == ("yes", "yes")


@pytest.mark.parametrize("outage", [SLOW, DOWN], ids=["slow", "down"])
async def test_an_old_answer_serves_while_the_hub_cannot_be_asked(world: World, outage: Exception) -> None:
    """The grace begins at the ttl. Meanwhile the Hub is still asked, once a second."""
    await world.get()
    world.says = outage
    world.clock.seconds += 100

    assert [await world.get() for _ in range(5)] == ["yes"] * 5
    assert len(world.asked) == 2
    assert world.cache.stats.stale == 5

    world.clock.seconds += 49.9
    assert await world.get() == "yes"
    world.clock.seconds += 0.1
    assert await world.refused() is type(outage)


async def test_without_grace_an_outage_is_an_outage() -> None:
    """With grace 0 a stale answer never serves. A fresh one does."""
    world = World(grace=0)
    await world.get()
    world.says = DOWN
    world.clock.seconds += 99

    assert await world.get() == "yes"
    world.clock.seconds += 1
    assert await world.refused() is HubUnreachableError


async def test_an_outage_ends_with_the_next_answer(world: World) -> None:
    """The first answer after an outage counts, whether it is yes or no."""
    await world.get()
    world.says = SLOW
    world.clock.seconds += 100
    assert await world.get() == "yes"

    world.says = "new"
    world.clock.seconds += 1
    assert await world.get() == "new"


async def test_nothing_serves_after_a_refusal(world: World) -> None:
    """After a refusal the earlier answer is gone, even if the Hub goes down right afterwards."""
    await world.get()
    world.says = NO
    world.clock.seconds += 100
    assert await world.refused() is InvalidTokenError

    world.says = DOWN
    world.clock.seconds += 5
    assert await world.refused() is HubUnreachableError


async def test_a_refusal_while_others_wait_ends_the_grace(world: World) -> None:
    """A later question was refused before an earlier one failed. The old answer is gone for both."""
    await world.get()
    world.clock.seconds += 100
    world.says, world.held = SLOW, asyncio.Event()
    early = world.start()
    await settle()
    held, world.held, world.says = world.held, None, NO
    world.clock.seconds += 1
    assert await world.refused(not_before=world.clock.now()) is InvalidTokenError
    held.set()

    with pytest.raises(HubUnavailableError):
        await early


async def test_forgetting_while_others_wait_ends_the_grace(world: World) -> None:
    """Somebody who signs out during an outage is not signed in again by an earlier answer."""
    await world.get()
    world.clock.seconds += 100
    world.says, world.held = SLOW, asyncio.Event()
    waiting = world.start()
    await settle()
    world.cache.forget(lambda key: key == "key")
    world.held.set()

    with pytest.raises(HubUnavailableError):
        await waiting


async def test_not_before_ignores_an_earlier_answer(world: World) -> None:
    """An answer that was asked for before the event does not count. One asked for at or after the event does."""
    await world.get()
    world.clock.seconds += 10
    event = world.clock.now()
    world.says = "new"

    assert await world.get() == "yes"
    assert await world.get(not_before=event) == "new"
    assert await world.get(not_before=event) == "new"
    assert await world.get() == "new"
    assert len(world.asked) == 2


async def test_not_before_ignores_a_question_in_progress(world: World) -> None:
    """Its answer may be from before the event. Those who wait for it get it, but it is not remembered."""
    world.held, world.says = asyncio.Event(), "old"
    early = world.start()
    await settle()
    world.clock.seconds += 1
    world.says = "new"
    late = [world.start(not_before=world.clock.now()) for _ in range(5)]
    await settle()
    world.held.set()

    assert await early == "old"
    assert await asyncio.gather(*late) == ["new"] * 5
    assert await world.get() == "new"
    assert len(world.asked) == 2


async def test_an_overtaken_question_does_not_undo_the_later_answer(world: World) -> None:
    """The later answer stays, whatever the earlier question returns and however late."""
    for said in ("old", NO, SLOW, DOWN):
        world.held, world.says = asyncio.Event(), said
        early = world.start()
        await settle()
        held, world.held, world.says = world.held, None, "new"
        world.clock.seconds += 1
        assert await world.get(not_before=world.clock.now()) == "new"
        held.set()
        await asyncio.gather(early, return_exceptions=True)

        assert await world.get() == "new"
        world.cache.forget(lambda _: True)


async def test_not_before_ignores_a_stale_answer(world: World) -> None:
    """A caller who needs a newer answer gets the outage. Others are served."""
    await world.get()
    world.clock.seconds += 100
    event = world.clock.now() - timedelta(seconds=1)
    world.says = DOWN

    assert await world.refused(not_before=event) is HubUnreachableError
    assert await world.get(not_before=event - timedelta(seconds=99)) == "yes"


async def test_the_least_recently_used_answer_goes_first() -> None:
    """The cache never has more answers than `size`. An answer that is used stays."""
    world = World(size=3)
    for key in ("a", "b", "c", "a", "d"):
        await world.get(key)
    world.asked.clear()

    assert len(world.cache) == 3
    for key in ("a", "c", "d"):
        await world.get(key)
    assert world.asked == []
    await world.get("b")
    assert world.asked == ["b"]


async def test_strangers_push_out_no_answer() -> None:
    """Refusals are kept apart, and their number is limited. The oldest is forgotten first."""
    world = World(size=3)
    await world.get("known")
    world.says = NO
    for number in range(REFUSALS + 1):
        assert await world.refused(f"stranger {number}") is InvalidTokenError
    world.asked.clear()

    assert await world.get("known") == "yes"
    assert await world.refused(f"stranger {REFUSALS}") is InvalidTokenError
    assert world.asked == []
    assert await world.refused("stranger 0") is InvalidTokenError
    assert world.asked == ["stranger 0"]


@pytest.mark.parametrize("said", ["yes", NO, SLOW], ids=["answer", "refusal", "failure"])
async def test_forgetting_drops_everything_known_of_a_key(world: World, said: str | Exception) -> None:
    """Everything about the keys concerned is forgotten, and nothing about others."""
    world.says = said
    for key in ("mine", "yours"):
        await asyncio.gather(world.start(key), return_exceptions=True)
    world.cache.forget(lambda key: key == "mine")
    world.asked.clear()

    for key in ("mine", "yours"):
        await asyncio.gather(world.start(key), return_exceptions=True)
    assert world.asked == ["mine"]


async def test_forgetting_during_a_question_forgets_its_answer(world: World) -> None:
    """Those who wait get the answer, but it is not remembered. Callers who come later ask again."""
    world.held, world.says = asyncio.Event(), "old"
    early = world.start()
    await settle()
    world.cache.forget(lambda key: key == "key")
    world.says = "new"
    late = world.start()
    await settle()
    world.held.set()

    assert (await early, await late) == ("old", "new")
    assert await world.get() == "new"
    assert world.asked == ["key", "key"]


async def test_the_stats_count_what_happened(world: World) -> None:
    """They are shown by /debug and in the metrics."""
    await world.get()
    await world.get()
    world.clock.seconds += 80
    await world.get()
    await settle()

    assert world.cache.stats.as_dict() == {"hits": 2, "misses": 1, "refreshes": 1, "stale": 0, "refused": 0}


async def test_a_key_that_we_refuse_ourselves(world: World) -> None:
    """A key that is void by our own doing is refused for as long as an answer would count, without a question."""
    assert await world.get() == "yes"
    world.cache.refuse("key", NO)
    world.clock.seconds += 99.9

    assert await world.refused() is InvalidTokenError
    assert world.asked == ["key"]

    world.clock.seconds += 0.1
    assert await world.get() == "yes"
