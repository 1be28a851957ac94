"""How often the Hub is asked, by processes and HUB_CACHE_TTL: `python -m bench.scale [--plot FILE]`.

A simulation. People send requests at random. Each process answers from its own `AnswerCache`, the service's code, on a
clock that is moved by hand. The questions to the Hub are counted. Prints the table of docs/operate/scale.md; with
`--plot` (requirements-bench.txt) draws its picture. A process may be a worker or a replica: it makes no difference.
"""

import argparse
import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.hub.cache import REFRESH_FROM, AnswerCache

# GET /hub/api/user, requests a second: JupyterHub 6.1.1 with SQLite, one process, on a machine of two cores, asked by
# wrk with 16 connections. `--capacity` says what another Hub does.
HUB_CAPACITY = 1_310.0
INTERVAL = 10.0  # seconds between two requests of somebody who is active, on average
SAMPLE = 100  # users simulated, for any number: they do not meet in a cache that has room for all
CYCLES = 4  # measured, of question and answer
NO_REFRESH = 1.0  # of `refresh_from`: an answer is asked for anew once it has expired

USERS = 10_000  # active: a tenth of them asks a tenth as often
PROCESSES = (1, 2, 4, 8, 16, 32)
IN_TABLE = (1, 4, 16)
TTLS = (60.0, 300.0, 900.0)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Load:
    """Who asks what. `users` are active, with one token each; `size` answers fit into each process's cache."""

    users: int = 1_000
    processes: int = 1
    ttl: float = 300.0
    interval: float = INTERVAL
    refresh_from: float = REFRESH_FROM
    is_sticky: bool = False  # each user comes to one process only
    size: int = 10_000

    @property
    def gap(self) -> float:
        """Seconds between two requests of a user to the same process, on average."""
        return self.interval * (1 if self.is_sticky else self.processes)

    @property
    def expected(self) -> float:
        """Questions a second, by arithmetic: after each, the first request from the refresh age on asks anew."""
        keys = self.users if self.is_sticky else self.users * self.processes
        return keys / (self.ttl * self.refresh_from + self.gap)


class Clock:
    """Both clocks of the caches."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds

    def now(self) -> datetime:
        """The same time in UTC."""
        return EPOCH + timedelta(seconds=self.seconds)


async def questions(load: Load, *, seed: int = 1) -> float:
    """Return how many requests a second the Hub gets, once everybody has been there for a while."""
    scale = max(1.0, load.users / SAMPLE)
    sample = replace(load, users=round(load.users / scale), size=max(1, round(load.size / scale)))
    clock, asked = Clock(), 0
    caches = [
        AnswerCache[int, None](
            ttl=load.ttl, grace=0, size=sample.size, refresh_from=load.refresh_from, clock=clock, now=clock.now
        )
        for _ in range(load.processes)
    ]

    async def ask() -> None:
        nonlocal asked
        asked += 1

    cycle = load.ttl + load.gap
    before, refreshed = 0, [0] * load.processes
    for clock.seconds, user, process in requests(sample, until=cycle * (1 + CYCLES), newcomers_until=cycle, seed=seed):
        if clock.seconds < cycle:
            before = asked
        cache = caches[process]
        await cache.get(user, ask)
        if cache.stats.refreshes != refreshed[process]:
            refreshed[process] = cache.stats.refreshes
            await asyncio.sleep(0)  # so that it is asked,
            await asyncio.sleep(0)  # and the answer filed
    return (asked - before) / (cycle * CYCLES) * scale


def requests(load: Load, *, until: float, newcomers_until: float, seed: int) -> Iterator[tuple[float, int, int]]:
    """Yield time, user and process of each request: a Poisson process of each user's own, once they have come.

    They come one after the other: if all came at once, they would go on asking at once for a long time.
    """
    chance = random.Random(seed)  # noqa: S311 (no secret)
    arrives = [chance.uniform(0, newcomers_until) for _ in range(load.users)]
    home = [chance.randrange(load.processes) for _ in range(load.users)]
    time = 0.0
    while (time := time + chance.expovariate(load.users / load.interval)) < until:
        user = chance.randrange(load.users)
        if time >= arrives[user]:
            yield time, user, home[user] if load.is_sticky else chance.randrange(load.processes)


def table(capacity: float) -> Iterator[str]:
    """Yield the lines of the table in Markdown."""
    titles = [f"{ttl:g} s" for ttl in TTLS]
    yield f"| processes | {' | '.join(titles)} |"
    yield f"|{' ---: |' * (1 + len(titles))}"
    for processes in IN_TABLE:
        rates = [asyncio.run(questions(Load(USERS, processes, ttl))) for ttl in TTLS]
        cells = [f"{rate:#.2g}".rstrip(".") if rate < 10 else f"{rate:.0f}" for rate in rates]  # noqa: PLR2004 (digits)
        shares = [f"{cell} ({share(rate / capacity)})" for cell, rate in zip(cells, rates, strict=True)]
        yield f"| {processes} | {' | '.join(shares)} |"


def share(part: float) -> str:
    """Return a share in percent, with two digits at most."""
    percent = part * 100
    if percent < 0.1:  # noqa: PLR2004
        return "< 0.1 %"
    return f"{percent:.1f} %" if percent < 1 else f"{percent:.0f} %"


def draw(path: Path, *, capacity: float) -> None:
    """Draw the Hub's load over the number of processes, for each TTL; with and without refreshing ahead."""
    import matplotlib as mpl  # noqa: PLC0415 (the simulation does without)

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    kinds = {
        "refreshed ahead (as it is)": ({}, "-"),
        "asked anew only once expired": ({"refresh_from": NO_REFRESH}, "--"),
        "one cache for all, or sticky users": ({"is_sticky": True}, ":"),
    }
    for ttl, colour in zip(TTLS, ("#b3261e", "#1f6fb4", "#2e7d32"), strict=True):
        for options, style in kinds.values():
            loads = [replace(Load(USERS, processes, ttl), **options) for processes in PROCESSES]  # type: ignore[arg-type]
            shares = [100 * asyncio.run(questions(load)) / capacity for load in loads]
            axes.plot(PROCESSES, shares, style, color=colour, linewidth=1.8, marker="o" if style == "-" else "")
            if style == "-":
                axes.annotate(f" TTL {ttl:g} s", (PROCESSES[-1], shares[-1]), color=colour, va="center")
    for name, (_, style) in kinds.items():
        axes.plot([], [], style, color="#444", label=name)
    axes.set(
        title=f"{USERS:,} active users, a request every {INTERVAL:g} s each",
        xlabel="processes (workers x replicas)",
        ylabel=f"share of the Hub's {capacity:,.0f} requests/s, %",
        xscale="log",
        xlim=(0.93, PROCESSES[-1] * 2),
        ylim=(0, None),
        xticks=PROCESSES,
        xticklabels=PROCESSES,
    )
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, dpi=100, metadata={"Software": None}, pil_kwargs={"optimize": True})


def main() -> None:
    """Print the table, and draw the picture if asked to."""
    parser = argparse.ArgumentParser(description="How often the Hub is asked")
    parser.add_argument("--capacity", type=float, default=HUB_CAPACITY, help="requests/s that the Hub can answer")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a picture, too")
    arguments = parser.parse_args()
    for line in table(arguments.capacity):
        print(line, flush=True)
    if arguments.plot:
        draw(arguments.plot, capacity=arguments.capacity)


if __name__ == "__main__":
    main()
