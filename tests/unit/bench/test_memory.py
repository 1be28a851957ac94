"""What strangers leave behind: nothing. `python -m bench.memory` is the same with a million of each."""

import logging

import pytest

from bench.memory import Crowd, crowds, identities, measure
from service.hub.throttle import WRONG_TOKENS_PER_ADDRESS

MANY, FIRST = 2_500, 1_500
ASKED = {  # by the crowd's title: how often the Hub is asked at most
    "random tokens, one address": WRONG_TOKENS_PER_ADDRESS,  # if a minute ends on the way
    "random tokens, an address each": MANY,
}


@pytest.mark.parametrize("crowd", [*crowds()], ids=lambda crowd: crowd.title)
async def test_strangers_leave_nothing_behind(crowd: Crowd, caplog: pytest.LogCaptureFixture) -> None:
    """Neither memory nor, where it can be told that they are strangers, questions at the Hub."""
    caplog.set_level(logging.ERROR)
    figures = await measure(crowd, MANY, first=FIRST)

    assert figures.grown < 5
    assert figures.asked <= ASKED.get(crowd.title, 0)


async def test_who_is_known_takes_a_kilobyte() -> None:
    """An identity in the cache, with all that a user's own token may; those used lately take more."""
    figures = await measure(identities(), MANY, first=FIRST, size=FIRST + MANY)

    assert figures.asked == MANY
    assert figures.grown < 1.5 * MANY / 1000
