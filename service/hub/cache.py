"""A bounded cache of the Hub's answers. However many tasks wait for one key, the Hub is asked once.

An answer is fresh for `ttl` seconds, and is refreshed in the background in the last fifth of that time. For `grace`
seconds more it may serve while the Hub does not answer or answers slowly, but never after the Hub said no. Refusals and
failures are remembered for a few seconds. They are kept apart, so that strangers' tokens cannot push out an answer.
Use a cache in one event loop only.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Generic, TypeVar

from service.errors import ServiceError
from service.hub.errors import CLOSED, HubUnavailableError, HubUnreachableError, InvalidTokenError
from service.logs import where_raised

_log = logging.getLogger("service")

K = TypeVar("K")
V = TypeVar("V")

PATIENCE = 0.5  # seconds to wait for a fresh answer when a stale one could be served
REFRESH_FROM = 0.8  # share of the ttl after which an answer that is still used is refreshed
# No refresh starts while this many questions are in progress; the next use of the answer tries again. Otherwise answers
# that were asked for together would be refreshed together again and again, and everybody would wait meanwhile.
REFRESHES_AT_ONCE = 2
REFUSAL_TTL = 5.0  # seconds for which a refused token is not asked about again
FAILURE_TTL = 1.0  # seconds between questions about one key to a Hub that does not answer
DOWN_TTL = 1.0  # seconds between attempts to connect to a Hub that accepts no connections
REFUSALS = 1_000  # refusals and failures that are remembered


@dataclass(frozen=True, slots=True)
class Answer(Generic[V]):
    """A value and when it was asked for: on the monotonic clock for its age, in UTC to compare with events."""

    value: V
    asked: float
    asked_at: datetime


@dataclass(slots=True)
class Flight(Generic[V]):
    """A question in progress, when it was asked, and how many tasks wait for the answer."""

    task: "asyncio.Task[V]"
    asked: float
    asked_at: datetime
    waiting: int = 0


@dataclass(slots=True)
class Stats:
    """What the cache has done since it was made."""

    hits: int = 0
    misses: int = 0
    refreshes: int = 0
    stale: int = 0
    refused: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class AnswerCache(Generic[K, V]):
    """Maps a key to the Hub's answer. Times in seconds; `clock` is monotonic, `now` returns aware UTC."""

    def __init__(
        self,
        *,
        ttl: float,
        grace: float,
        size: int,
        patience: float = PATIENCE,
        refresh_from: float = REFRESH_FROM,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ttl = ttl
        self._grace = grace
        self._size = size
        self._patience = patience
        self._refresh_age = ttl * refresh_from
        self._clock = clock
        self._now = now
        self._answers: OrderedDict[K, Answer[V]] = OrderedDict()
        self._flights: dict[K, Flight[V]] = {}
        # Includes tasks whose answer nobody wants any more. asyncio itself keeps no reference to them.
        self._tasks: set[asyncio.Task[V]] = set()
        self._failures: OrderedDict[K, tuple[float, InvalidTokenError | HubUnavailableError]] = OrderedDict()
        self._down: tuple[float, HubUnreachableError] | None = None
        self.stats = Stats()

    def __len__(self) -> int:
        return len(self._answers)

    def __contains__(self, key: K) -> bool:
        """Whether there is an answer of any age: the Hub has said yes, and has not said no since."""
        return key in self._answers

    def fresh(self, key: K) -> V | None:
        """Return an answer that needs no refresh; None if there is none, and `get` must be called."""
        answer = self._answers.get(key)
        if answer is None or self._clock() - answer.asked >= self._refresh_age:
            return None
        self._answers.move_to_end(key)
        self.stats.hits += 1
        return answer.value

    async def get(self, key: K, ask: Callable[[], Awaitable[V]], *, not_before: datetime | None = None) -> V:
        """Return the answer for `key`. If there is no fresh one, await `ask()`.

        `not_before` (aware): ignore answers that were asked for earlier, whether fresh or in grace.

        Raises:
            InvalidTokenError: the Hub says no, or said no within the last seconds.
            HubUnavailableError: the Hub does not answer, and no earlier answer may serve.
            Exception: whatever else `ask` raises.
        """
        answer = self._known(key, not_before)
        age = self._clock() - answer.asked if answer is not None else 0.0
        if answer is not None and age < self._ttl:
            self._answers.move_to_end(key)
            self.stats.hits += 1
            if age >= self._refresh_age and self._may_refresh(key):
                self.stats.refreshes += 1
                self._start(key, ask)
            return answer.value
        try:
            return await self._ask(key, ask, not_before)
        except HubUnavailableError:
            answer = self._in_grace(key, not_before)  # it may have been refused or forgotten meanwhile
            if answer is None:
                raise
            self.stats.stale += 1
            return answer.value

    def forget(self, concerns: Callable[[K], bool]) -> None:
        """Forget every key for which `concerns` is true. Answers to questions in progress will not be remembered."""
        for known in (self._answers, self._failures, self._flights):
            for key in [key for key in known if concerns(key)]:
                del known[key]

    def refuse(self, key: K, error: InvalidTokenError) -> None:
        """Refuse `key` for as long as an answer counts, without asking: it is void, and the Hub may not know yet."""
        self._answers.pop(key, None)
        self._flights.pop(key, None)
        self._remember(key, error, self._ttl)

    async def aclose(self) -> None:
        """Cancel the questions in progress. Whoever waits for an answer gets a HubUnavailableError."""
        self._flights.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _may_refresh(self, key: K) -> bool:
        return key not in self._flights and len(self._flights) < REFRESHES_AT_ONCE and self._recent_failure(key) is None

    def _known(self, key: K, not_before: datetime | None) -> Answer[V] | None:
        answer = self._answers.get(key)
        return None if answer is not None and not_before is not None and answer.asked_at < not_before else answer

    def _in_grace(self, key: K, not_before: datetime | None) -> Answer[V] | None:
        answer = self._known(key, not_before)
        return answer if answer is not None and self._clock() - answer.asked < self._ttl + self._grace else None

    async def _ask(self, key: K, ask: Callable[[], Awaitable[V]], not_before: datetime | None) -> V:
        flight = self._flights.get(key)
        if flight is None or (not_before is not None and flight.asked_at < not_before):
            failure = self._recent_failure(key)
            if failure is not None:
                self.stats.refused += isinstance(failure, InvalidTokenError)
                raise copy(failure)
            self.stats.misses += 1
            flight = self._start(key, ask)
        flight.waiting += 1
        try:
            if self._in_grace(key, not_before) is not None:
                patience = max(0.0, flight.asked + self._patience - self._clock())
                answered, _ = await asyncio.wait({flight.task}, timeout=patience)
                if not answered and self._in_grace(key, not_before) is not None:
                    raise HubUnavailableError(reason="it is slow to answer")
            # Shielded, because the others still want the answer when one caller hangs up.
            return await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if flight.task.cancelled() and task is not None and not task.cancelling():  # by `aclose`
                raise HubUnavailableError(reason=CLOSED) from None
            raise
        finally:
            flight.waiting -= 1

    def _start(self, key: K, ask: Callable[[], Awaitable[V]]) -> Flight[V]:
        if self._down is not None:  # only this question tries to connect; the others wait for its result
            self._down = (self._clock() + DOWN_TTL, self._down[1])
        flight = Flight(asyncio.ensure_future(ask()), asked=self._clock(), asked_at=self._now())
        self._flights[key] = flight
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._tasks.discard)
        flight.task.add_done_callback(lambda task: self._landed(key, flight, task))
        return flight

    def _landed(self, key: K, flight: Flight[V], task: "asyncio.Task[V]") -> None:
        error = None if task.cancelled() else task.exception()
        # If nobody waits for the answer, nobody else reports the error.
        if error is not None and not isinstance(error, ServiceError) and not flight.waiting:
            _log.error("Unexpected %s while asking the Hub, at %s", type(error).__name__, where_raised(error))
        if self._down is not None and not isinstance(error, HubUnavailableError):
            is_back = not task.cancelled() and (error is None or isinstance(error, InvalidTokenError))
            # A question that was throttled, for example, learned nothing about the Hub. So the next one may try at
            # once; otherwise strangers could prolong the outage.
            self._down = None if is_back else (self._clock(), self._down[1])
        if self._flights.get(key) is not flight:  # forgotten, or asked again since
            return
        del self._flights[key]
        if task.cancelled():
            return
        if error is None:
            self._failures.pop(key, None)
            self._answers[key] = Answer(task.result(), asked=flight.asked, asked_at=flight.asked_at)
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
        self._failures[key] = (self._clock() + seconds, copy(error))
        self._failures.move_to_end(key)
        if len(self._failures) > REFUSALS:
            self._failures.popitem(last=False)

    def _recent_failure(self, key: K) -> InvalidTokenError | HubUnavailableError | None:
        """Return the recent refusal or failure because of which the Hub must not be asked now, if there is one."""
        now = self._clock()
        refusal = self._failures.get(key)
        if refusal is not None and now < refusal[0]:
            return refusal[1]
        return self._down[1] if self._down is not None and now < self._down[0] else None
