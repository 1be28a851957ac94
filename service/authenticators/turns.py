"""Whose password is hashed next: a hash takes 64 MiB and, for some hundredths of a second, all cores.

Two are made at once, one of them at most for strangers. Those who are known wait in a line of their own, which
strangers cannot fill; no account or address fills either.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from service.errors import ThrottledError

_AT_ONCE = 2
_STRANGERS_AT_ONCE = 1
RETRY_AFTER = 2  # seconds: in that time a full line is nearly empty


@dataclass(slots=True)
class _Line:
    """Those who wait or have their turn, by who they are."""

    places: int
    places_each: int
    held: Counter[str] = field(default_factory=Counter)


class Turns:
    """Gives turns in order; nobody waits in a line that is full."""

    def __init__(self) -> None:
        self._lines = {True: _Line(places=20, places_each=2), False: _Line(places=10, places_each=5)}
        self._hashers = asyncio.Semaphore(_AT_ONCE)
        self._strangers = asyncio.Semaphore(_STRANGERS_AT_ONCE)

    def check(self, who: str, *, is_known: bool) -> None:
        """Raise ThrottledError if there is no place for them in their line."""
        line = self._lines[is_known]
        if line.held.total() >= line.places or line.held[who] >= line.places_each:
            raise ThrottledError(RETRY_AFTER)

    @asynccontextmanager
    async def turn(self, who: str, *, is_known: bool) -> AsyncIterator[None]:
        """Surround the making of a hash; `who` is an account, or a stranger's address. Raises as `check`."""
        self.check(who, is_known=is_known)
        held = self._lines[is_known].held
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
