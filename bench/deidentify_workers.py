"""What a second worker does, and what each further one costs: `python -m bench.deidentify_workers`. Linux.

Notes go through the service's own pool. One worker and two take turns; ratios are taken within each turn. Memory is the
proportional set size of all processes together: what they share counts once.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from statistics import median
from time import perf_counter

import psutil

from bench.deidentify_table import MISSED, head, row, wanted
from service.apps.deidentify.workers.pool import Pool, cores, open_pool
from tests.support.notes import note

SIZE = 2_000  # characters of a note
FASTER = 1.7  # two workers, at least so many times one
MEMORY = 60.0  # MB that each further worker costs at most
CREW = 3  # workers that are weighed beside one

numbers = count(7_000_000)


def main() -> int:
    """Print a table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--notes", type=int, default=300, help="in each turn")
    options = parser.parse_args()
    report = "\n".join(asyncio.run(run(options.rounds, options.notes)))
    print(report)
    return int(MISSED in report)


async def run(rounds: int, notes: int) -> list[str]:
    """The lines of the table."""
    lines = [head("what", "", "wanted", "")]
    rates: dict[int, list[float]] = {1: [], 2: []}
    async with opened(1) as one, opened(2) as two:
        for _ in range(rounds):
            for workers, pool in ((1, one), (2, two)):
                rates[workers].append(await rate(pool, notes))
    for workers, found in rates.items():
        lines.append(
            row([f"{workers} worker{'s'[: workers - 1]}, notes of 2 kB a second", f"{median(found):.0f}", "", ""])
        )
    ratio = median(two / one for one, two in zip(rates[1], rates[2], strict=True))
    title = f"two workers against one ({cores()} cores)"
    lines.append(row([title, f"{ratio:.2f} x", *wanted(ratio, least=FASTER)]))
    weights = {}
    for workers in (1, CREW):
        async with opened(workers) as pool:
            await rate(pool, notes * workers)
            weights[workers] = weight()
    further = (weights[CREW] - weights[1]) / (CREW - 1)
    title = f"memory of each further worker, after {notes} notes each"
    return [*lines, row([title, f"{further:.0f} MB", *wanted(further, most=MEMORY, unit="MB")])]


@asynccontextmanager
async def opened(workers: int) -> AsyncIterator[Pool]:
    """A pool whose workers have all been started."""
    async with open_pool(workers=workers) as pool:
        await rate(pool, 20 * workers)
        yield pool


async def rate(pool: Pool, notes: int) -> float:
    """Notes a second; each is new."""
    texts: Sequence[str] = [note(next(numbers), SIZE) for _ in range(notes)]
    start = perf_counter()
    await asyncio.gather(*(pool.deidentify(text, patient=True) for text in texts))
    return notes / (perf_counter() - start)


def weight() -> float:
    """Memory of this process and all that it started, in MB."""
    here = psutil.Process()
    return sum(float(one.memory_full_info().pss) for one in [here, *here.children(recursive=True)]) / 1e6


if __name__ == "__main__":
    sys.exit(main())
