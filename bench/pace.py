"""Sends requests at a steady pace, whatever becomes of them, and says how long they took."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from urllib.parse import urlsplit

CONNECTIONS = 20


def latencies(url: str, tokens: Sequence[str], *, rate: float, seconds: float) -> list[float]:
    """Return how long each request took in milliseconds, sorted; each is sent by the next of `tokens`.

    Counted from when a request was due: one that had to wait for another's answer has waited, too.

    Raises:
        ValueError: a request was answered with another status than 200.
    """
    return sorted(asyncio.run(_send(url, tokens, rate=rate, seconds=seconds)))


async def _send(url: str, tokens: Sequence[str], *, rate: float, seconds: float) -> list[float]:
    start, number = perf_counter() + 0.1, int(rate * seconds)

    async def send(first: int) -> list[float]:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        reader, writer = await asyncio.open_connection(host, port)
        took = []
        for turn in range(first, number, CONNECTIONS):
            due = start + turn / rate
            await asyncio.sleep(due - perf_counter())
            token = tokens[turn % len(tokens)]
            writer.write(
                f"GET {urlsplit(url).path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            )
            await _receive(reader)
            took.append((perf_counter() - due) * 1000)
        writer.close()
        await writer.wait_closed()
        return took

    found = await asyncio.gather(*(send(first) for first in range(CONNECTIONS)))
    return [each for took in found for each in took]


async def _receive(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise ValueError(f"a request was answered with {head[:30]!r}")
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
