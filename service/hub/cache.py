"""A bounded cache of the Hub's answers with two ages, asked once per key however many wait.

An answer is *fresh* for `ttl` seconds and refreshed in the background in the last fifth of it; for `grace` seconds
more it serves when the Hub cannot be asked, never after the Hub said no. Refusals and failures are remembered for
a few seconds in a small place of their own, so that strangers' tokens cannot push out anybody's answer.
For one event loop.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Generic, TypeVar

from service.errors import HubUnavailableError, HubUnreachableError, InvalidTokenError

K = TypeVar("K")
V = TypeVar("V")

REFRESH_FROM = 0.8  # share of the ttl after which an answer in use is refreshed
REFUSAL_TTL = 5.0  # seconds; a new token is usable at once, only a wrong one waits
FAILURE_TTL = 1.0  # seconds; how often a Hub that does not answer is asked about one key
DOWN_TTL = 1.0  # seconds; how often a Hub that takes no connection is tried at all
REFUSALS = 1_000  # entries


@dataclass(frozen=True, slots=True)
class Answer(Generic[V]):
    """A value, with when it was asked for: on the monotonic clock for ages, in UTC for comparison with events."""

    value: V
    asked: float
    asked_at: datetime


@dataclass(slots=True)
class Flight(Generic[V]):
    """A question on its way."""

    task: "asyncio.Task[V]"
    asked_at: datetime


@dataclass(slots=True)
class Figures:
    """What the cache did since the process began."""

    hits: int = 0
    misses: int = 0
    refreshes: int = 0
    stale: int = 0
    refused: int = 0

    def as_dict(self) -> dict[str, int]:
        """The figures by name."""
        return asdict(self)


class AnswerCache(Generic[K, V]):
    """Maps a key to the Hub's answer. Ages in seconds; `clock` is monotonic, `now` gives aware UTC."""

    def __init__(
        self,
        *,
        ttl: float,
        grace: float,
        size: int,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ttl = ttl
        self._grace = grace
        self._size = size
        self._clock = clock
        self._now = now
        self._answers: OrderedDict[K, Answer[V]] = OrderedDict()
        self._flights: dict[K, Flight[V]] = {}
        # Also those whose answer nobody wants any more; asyncio itself would forget them.
        self._tasks: set[asyncio.Task[V]] = set()
        self._setbacks: OrderedDict[K, tuple[float, InvalidTokenError | HubUnavailableError]] = OrderedDict()
        self._down: tuple[float, HubUnreachableError] | None = None
        self.figures = Figures()

    def __len__(self) -> int:
        return len(self._answers)

    async def get(self, key: K, ask: Callable[[], Awaitable[V]], *, not_before: datetime | None = None) -> V:
        """Return the answer for `key`, asking for it if need be.

        `not_before`: an answer asked for earlier does not count, neither fresh nor in grace.

        Raises:
            InvalidTokenError: the Hub said no, now or within the last seconds.
            HubUnavailableError: it cannot be asked, and no earlier answer may serve.
        """
        answer = self._known(key, not_before)
        age = self._clock() - answer.asked if answer is not None else 0.0
        if answer is not None and age < self._ttl:
            self._answers.move_to_end(key)
            self.figures.hits += 1
            if age >= self._ttl * REFRESH_FROM and self._setback(key) is None and key not in self._flights:
                self.figures.refreshes += 1
                self._start(key, ask)
            return answer.value
        try:
            return await self._ask(key, ask, not_before)
        except HubUnavailableError:
            answer = self._known(key, not_before)  # while we waited it may have been refused or forgotten
            if answer is None or self._clock() - answer.asked >= self._ttl + self._grace:
                raise
            self.figures.stale += 1
            return answer.value

    def forget(self, concerns: Callable[[K], bool]) -> None:
        """Drop all that is known of the keys it concerns; questions on their way will not be remembered."""
        for known in (self._answers, self._setbacks, self._flights):
            for key in [key for key in known if concerns(key)]:
                del known[key]

    async def aclose(self) -> None:
        """Stop the questions on their way."""
        self._flights.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _known(self, key: K, not_before: datetime | None) -> Answer[V] | None:
        answer = self._answers.get(key)
        return None if answer is not None and not_before is not None and answer.asked_at < not_before else answer

    async def _ask(self, key: K, ask: Callable[[], Awaitable[V]], not_before: datetime | None) -> V:
        flight = self._flights.get(key)
        if flight is None or (not_before is not None and flight.asked_at < not_before):
            setback = self._setback(key)
            if setback is not None:
                self.figures.refused += isinstance(setback, InvalidTokenError)
                raise copy(setback)
            self.figures.misses += 1
            flight = self._start(key, ask)
        # Shielded: one caller who hangs up must not take the answer from the others.
        return await asyncio.shield(flight.task)

    def _start(self, key: K, ask: Callable[[], Awaitable[V]]) -> Flight[V]:
        flight = Flight(asyncio.ensure_future(ask()), asked_at=self._now())
        asked = self._clock()
        self._flights[key] = flight
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._tasks.discard)
        flight.task.add_done_callback(lambda task: self._landed(key, flight, task, asked))
        return flight

    def _landed(self, key: K, flight: Flight[V], task: "asyncio.Task[V]", asked: float) -> None:
        error = None if task.cancelled() else task.exception()
        if self._flights.get(key) is not flight:  # forgotten, or asked again since
            return
        del self._flights[key]
        if task.cancelled():
            return
        if error is None:
            self._setbacks.pop(key, None)
            self._answers[key] = Answer(task.result(), asked=asked, asked_at=flight.asked_at)
            self._answers.move_to_end(key)
            if len(self._answers) > self._size:
                self._answers.popitem(last=False)
        elif isinstance(error, InvalidTokenError):
            self._answers.pop(key, None)
            self._remember(key, error, REFUSAL_TTL)
        elif isinstance(error, HubUnreachableError):
            self._down = (self._clock() + DOWN_TTL, copy(error))
        elif isinstance(error, HubUnavailableError):
            self._remember(key, error, FAILURE_TTL)

    def _remember(self, key: K, error: InvalidTokenError | HubUnavailableError, seconds: float) -> None:
        self._setbacks[key] = (self._clock() + seconds, copy(error))
        self._setbacks.move_to_end(key)
        if len(self._setbacks) > REFUSALS:
            self._setbacks.popitem(last=False)

    def _setback(self, key: K) -> InvalidTokenError | HubUnavailableError | None:
        """Return why not to ask just now, if there is a reason."""
        now = self._clock()
        refusal = self._setbacks.get(key)
        if refusal is not None and now < refusal[0]:
            return refusal[1]
        return self._down[1] if self._down is not None and now < self._down[0] else None
