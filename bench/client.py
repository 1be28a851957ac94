"""A table by `Client.deidentify_frame` beside the raw batch: `python -m bench.client`. Linux.

The service runs beside a real Hub. Both send the same notes through the Hub's proxy, in turns; ratios are taken within
each turn.
"""

import argparse
import asyncio
import json
import sys
from statistics import median
from time import perf_counter

import pandas as pd

from bench.deidentify_table import MISSED, head, row, wanted
from service.client import Client
from tests.support.batch_client import BatchClient
from tests.support.hub import RealHub
from tests.support.notes import note

NOTES = 500
SIZE = 2_000  # characters of a note
SLOWER = 1.1  # times the raw batch, at most


def main() -> int:
    """Print a table; 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    raw: list[float] = []
    ours: list[float] = []
    with RealHub(register={"apps": ["deidentify"]}) as hub:
        token = asyncio.run(hub.user_token("testuser")).value
        with Client(hub.service_url, token=token) as client:
            client.me()
            for turn in range(options.rounds + 1):  # the first one warms up
                texts = [note(turn * 2 * NOTES + number, SIZE) for number in range(2 * NOTES)]
                start = perf_counter()
                asyncio.run(batch(hub.service_url, token, texts[:NOTES]))
                between = perf_counter()
                client.deidentify_frame(pd.DataFrame({"note": texts[NOTES:]}), progress=False)
                raw.append(between - start)
                ours.append(perf_counter() - between)
    ratio = median(one / other for one, other in zip(ours[1:], raw[1:], strict=True))
    report = [
        head(f"{NOTES} notes of {SIZE / 1000:g} kB", "seconds", "to the batch", "wanted", ""),
        row(["raw batch, one connection", f"{median(raw[1:]):.2f}", "", "", ""]),
        row(["`Client.deidentify_frame`", f"{median(ours[1:]):.2f}", f"{ratio:.2f} x", *wanted(ratio, most=SLOWER)]),
    ]
    print("\n".join(report))
    return int(MISSED in "".join(report))


async def batch(url: str, token: str, texts: list[str]) -> None:
    """Send notes in one batch, and read the answers meanwhile."""
    async with BatchClient(f"{url}deidentify/batch", headers={"Authorization": f"Bearer {token}"}) as client:

        async def send() -> None:
            for text in texts:
                await client.say({"text": text})
            await client.end()

        async with asyncio.TaskGroup() as group:
            group.create_task(send())
            answers = 0
            while (line := await client.take()) is not None:
                assert "text" in line, json.dumps(line)
                answers += 1
        assert answers == len(texts)


if __name__ == "__main__":
    sys.exit(main())
