"""How often the Hub is asked: the simulation against arithmetic, and the documentation against the simulation."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bench.scale import EPOCH, IN_TABLE, NO_REFRESH, TTLS, USERS, Clock, Load, questions, requests, share
from service.hub.cache import AnswerCache
from tests.support.node import REPOSITORY
from tests.unit.hub.conftest import settle

LOADS = {
    "one process": Load(ttl=60),
    "several": Load(ttl=60, processes=4),
    "so many that an answer serves seldom": Load(ttl=20, processes=16),
    "sticky": Load(ttl=60, processes=4, is_sticky=True),
    "without refreshing ahead": Load(ttl=60, processes=2, refresh_from=NO_REFRESH),
    "few users": Load(users=50, ttl=60),
}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS.keys())
async def test_caches_ask_as_often_as_arithmetic_says(load: Load) -> None:
    """The service's own cache, asked at random, asks the Hub once per key and refresh age, and the gap after it."""
    assert await questions(load) == pytest.approx(load.expected, rel=0.05)


async def test_what_does_not_fit_is_asked_again() -> None:
    """A cache that holds half of the users asks far more often than one that holds all."""
    load = Load(ttl=300, processes=2)

    assert await questions(replace(load, size=500)) > 3 * await questions(load)


async def test_chance_is_the_same_each_time() -> None:
    """One seed, one result; another seed, nearly the same one."""
    load = Load(ttl=60)

    assert await questions(load) == await questions(load)
    assert await questions(load) == pytest.approx(await questions(load, seed=2), rel=0.05)


async def test_the_rule_of_the_cache() -> None:
    """What the arithmetic takes for granted: the first request from the refresh age on has an answer refreshed."""
    clock, asked = Clock(), []
    cache = AnswerCache[str, None](ttl=100, grace=0, size=10, clock=clock, now=clock.now)

    async def ask() -> None:
        asked.append(clock.seconds)

    for clock.seconds in (0, 79, 80, 81, 159, 161, 500):
        await cache.get("key", ask)
        await settle()

    assert asked == [0, 80, 161, 500]
    assert clock.now() == EPOCH + timedelta(seconds=500)
    await cache.aclose()


def test_requests_come_as_the_load_says() -> None:
    """Each user sends one every `interval` seconds; to one process, or to all alike."""
    load = Load(users=100, processes=4, interval=10)
    spread = list(requests(load, until=1000, newcomers_until=1, seed=1))
    sticky = list(requests(replace(load, is_sticky=True), until=1000, newcomers_until=1, seed=1))

    assert len(spread) == pytest.approx(10_000, rel=0.05)
    assert [time for time, _, _ in spread] == sorted(time for time, _, _ in spread)
    assert {(user, process) for _, user, process in spread} == {(u, p) for u in range(100) for p in range(4)}
    assert len({(user, process) for _, user, process in sticky}) == 100


@pytest.mark.parametrize(
    ("part", "text"),
    [(0.00001, "< 0.1 %"), (0.004, "0.4 %"), (0.31, "31 %")],
    ids=["hardly any", "less than 1", "many"],
)
def test_shares_are_short(part: float, text: str) -> None:
    """No more digits than mean something."""
    assert share(part) == text


def documented() -> Iterator[tuple[Load, float]]:
    """Yield the cells of the table in docs/operate/scale.md."""
    for line in (REPOSITORY / "docs/operate/scale.md").read_text().splitlines():
        if re.match(r"\| \d+ \| [\d.]+ \(", line):
            processes, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            for ttl, cell in zip(TTLS, cells, strict=True):
                yield Load(USERS, int(processes), ttl), float(cell.partition(" ")[0])


def test_the_documentation_has_these_figures() -> None:
    """The table of docs/operate/scale.md is that of this simulation."""
    cells = list(documented())

    assert {load.processes for load, _ in cells} == set(IN_TABLE)
    assert [figure for _, figure in cells] == pytest.approx([load.expected for load, _ in cells], rel=0.06)
