"""Queues for hashing passwords. A hash takes 64 MiB and, for some hundredths of a second, all cores.

Two hashes are made at once, at most one of them for strangers. Known users have a queue of their own, which strangers
cannot fill. No account and no address can fill either queue.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from service.errors import ThrottledError

_AT_ONCE = 2
_STRANGERS_AT_ONCE = 1
RETRY_AFTER = 2  # seconds, in which a full queue is nearly processed


@dataclass(slots=True)
class _Queue:
    """The requests that wait or are being processed, by account or address."""

    size: int
    size_each: int
    held: Counter[str] = field(default_factory=Counter)


class HashingQueue:
    """Gives turns in order, and refuses requests if a queue is full."""

    def __init__(self) -> None:
        self._queues = {True: _Queue(size=20, size_each=2), False: _Queue(size=10, size_each=5)}
        self._hashers = asyncio.Semaphore(_AT_ONCE)
        self._strangers = asyncio.Semaphore(_STRANGERS_AT_ONCE)

    def check(self, who: str, *, is_known: bool) -> None:
        """Raise ThrottledError if the queue is full."""
        queue = self._queues[is_known]
        if queue.held.total() >= queue.size or queue.held[who] >= queue.size_each:
            raise ThrottledError(RETRY_AFTER)

    @asynccontextmanager
    async def turn(self, who: str, *, is_known: bool) -> AsyncIterator[None]:
        """Wait for a turn, and keep it while the hash is made. `who` is an account or the address of a stranger.

        Raises as `check`.
        """
        self.check(who, is_known=is_known)
        held = self._queues[is_known].held
        held[who] += 1
        try:
            async with AsyncExitStack() as stack:
                if not is_known:
                    await stack.enter_async_context(self._strangers)
                await stack.enter_async_context(self._hashers)
                yield
        finally:
            held[who] -= 1
            if not held[who]:
                del held[who]
