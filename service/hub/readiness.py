"""Does the Hub answer, and does it accept us? Asked at most every two seconds, however many probes ask."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from service.hub import protocol
from service.hub.client import HubClient
from service.hub.errors import HubRefusedServiceError, HubUnavailableError

MEMORY = 2.0  # seconds; probes come every few seconds from several places, and anybody may call


@dataclass(frozen=True, slots=True)
class Health:
    """`problem` is empty when all is well, else a sentence that says what is wrong and what to do."""

    hub_version: str = ""
    problem: str = ""


class Readiness:
    """Asks the Hub for its version and for our own identity, one question at a time."""

    def __init__(self, hub: HubClient, *, clock: Callable[[], float] = monotonic) -> None:
        self._hub = hub
        self._clock = clock
        self._lock = asyncio.Lock()
        self._last: tuple[float, Health] | None = None

    async def check(self) -> Health:
        """Return how the Hub is; never raises for what it answers."""
        async with self._lock:
            if self._last is not None and self._clock() < self._last[0] + MEMORY:
                return self._last[1]
            health = await self._ask()
            self._last = (self._clock(), health)
            return health

    async def _ask(self) -> Health:
        try:
            version = await self._hub.ask(protocol.version())
            await self._hub.ask(protocol.identify_self())
        except HubUnavailableError as error:
            return Health(problem=f"The Hub cannot be asked: {error.reason}. Check it, and JUPYTERHUB_API_URL.")
        except HubRefusedServiceError as error:
            return Health(problem=f"The Hub does not accept this service: {error.reason}. Check how it is registered.")
        return Health(hub_version=version)
