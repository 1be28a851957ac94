"""What saturated batches do to everybody else: `python -m bench.deidentify_service`. Linux.

The service runs beside a real Hub, as the Hub starts it. It and its workers have one half of the processors to
themselves; the Hub and those who send have the other, so that what is measured is how the service shares its
processors, and not how it shares them with its measurement. `/me` is asked at a steady pace while nothing else goes
on, and again while batches are fed as fast as they are taken, in turns; ratios are taken within each turn.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from statistics import median
from time import perf_counter

from bench import pace
from bench.deidentify_table import MISSED, head, row, wanted
from tests.support.batch_client import BatchClient
from tests.support.hub import RealHub
from tests.support.notes import note

SLOWER = 2.0  # the 99th percentile, at most so many times that of the idle service
PACE = 50  # requests a second
BATCHES = 2  # that are fed at once
SIZE = 2_000  # characters of a note


def main() -> int:
    """Print a table; 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    options = parser.parse_args()
    processors = sorted(os.sched_getaffinity(0))
    ours, others = processors[: (len(processors) + 1) // 2], processors[len(processors) // 2 :]
    os.sched_setaffinity(0, others)
    command = [sys.executable, "-m", "bench.pinned", ",".join(map(str, ours)), "service"]
    with RealHub(register={"apps": ["deidentify"], "command": command}) as hub:
        service = f"http://127.0.0.1:{hub.ports.service}{hub.service_path}"
        token = asyncio.run(hub.user_token("testuser")).value
        report = measure(service, token, rounds=options.rounds, seconds=options.seconds)
    print("\n".join(report))
    print(f"\n{len(ours)} of {len(processors)} cores are for the service and its workers, the others for the clients.")
    return int(MISSED in "".join(report))


def measure(service: str, token: str, *, rounds: int, seconds: float) -> list[str]:
    """The lines of the table."""
    idle: list[float] = []
    busy: list[float] = []
    notes: list[float] = []
    with fed(service, token):  # what the first requests and notes set up is not measured
        p99(service, token, seconds=5)
    for _ in range(rounds):
        idle.append(p99(service, token, seconds=seconds))
        with fed(service, token) as answered:
            start, before = perf_counter(), answered()
            busy.append(p99(service, token, seconds=seconds))
            notes.append((answered() - before) / (perf_counter() - start))
    ratio = median(one / other for one, other in zip(busy, idle, strict=True))
    return [
        head(f"`/me`, {PACE} requests a second", "99th percentile", "to the idle one", "wanted", ""),
        row(["idle", f"{median(idle):.1f} ms", "", "", ""]),
        row(
            [
                f"while batches get {median(notes):.0f} notes of 2 kB a second done",
                f"{median(busy):.1f} ms",
                f"{ratio:.2f} x",
                *wanted(ratio, most=SLOWER),
            ]
        ),
    ]


def p99(service: str, token: str, *, seconds: float) -> float:
    """The 99th percentile of the time that `/me` takes, in milliseconds."""
    took = pace.latencies(f"{service}me", [token], rate=PACE, seconds=seconds)
    return took[int(len(took) * 0.99)]


@contextlib.contextmanager
def fed(service: str, token: str) -> Iterator[Callable[[], int]]:
    """Keep batches full, from a process of its own; gives a function that says how many notes were answered so far."""
    context = multiprocessing.get_context("spawn")
    is_over, answered = context.Event(), context.Value("i", 0)
    feeder = context.Process(target=_feed, args=(service, token, is_over, answered))
    feeder.start()
    try:
        while not answered.value and feeder.is_alive():
            is_over.wait(0.1)
        yield lambda: answered.value
    finally:
        is_over.set()
        feeder.join()
    assert feeder.exitcode == 0, "a batch failed"


def _feed(service: str, token: str, is_over: Event, answered: "Synchronized[int]") -> None:
    async def batch(number: int) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with BatchClient(f"{service}deidentify/batch", headers=headers) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(_send(client, number, is_over))
            while (line := await client.take()) is not None:
                assert "text" in line, line
                answered.value += 1

    async def batches() -> None:
        await asyncio.gather(*map(batch, range(BATCHES)))

    asyncio.run(batches())


async def _send(client: BatchClient, batch: int, is_over: Event) -> None:
    for number in count(10_000_000 + batch * 1_000_000):
        if is_over.is_set():
            break
        await client.say({"text": note(number, SIZE)})
    await client.end()


if __name__ == "__main__":
    sys.exit(main())
