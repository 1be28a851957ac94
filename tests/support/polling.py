"""Wait for something to become true, to a deadline."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import anyio

T = TypeVar("T")
BUSY = 240.0  # seconds; what takes ten on an idle machine is done by then on one that does twenty other things
PROGRAM = 600.0  # seconds for a program that a test runs; Schemathesis takes half a minute on an idle machine


async def eventually(check: Callable[[], Awaitable[T]], *, within: float = BUSY, every: float = 0.05) -> T:
    """Return the first true answer of `check`.

    Raises:
        TimeoutError: there was none within `within` seconds; carries the last answer.

    """
    deadline = monotonic() + within
    while not (answer := await check()):
        if monotonic() > deadline:
            message = f"{getattr(check, '__qualname__', check)} still says {answer!r} after {within} s"
            raise TimeoutError(message)
        await anyio.sleep(every)
    return answer
