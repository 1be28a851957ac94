"""Whether the Hub answers and accepts the service. It is asked every two seconds at most, however many probes come."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from urllib.parse import unquote

from service.hub import administration, protocol
from service.hub.client import HubClient
from service.hub.errors import HubRefusedServiceError, HubUnavailableError

RESULT_TTL = 2.0  # seconds for which a result is remembered; anybody may call the probe


@dataclass(frozen=True, slots=True)
class Health:
    """The Hub's version, or a `problem`: what is wrong and what to do. Without a problem that is empty."""

    hub_version: str = ""
    problem: str = ""


class Readiness:
    """Asks the Hub for its version and for the service's own identity, one check at a time.

    With `name` and `prefix` it also checks that the Hub has the service at this path, until it has seen that once.
    """

    def __init__(
        self, hub: HubClient, *, name: str = "", prefix: str = "", clock: Callable[[], float] = monotonic
    ) -> None:
        self._hub = hub
        self._name, self._prefix = name, prefix
        self._clock = clock
        self._lock = asyncio.Lock()
        self._last: tuple[float, Health] | None = None

    async def check(self) -> Health:
        """Return the health of the Hub. An outage is a result, not an error."""
        async with self._lock:
            if self._last is not None and self._clock() < self._last[0] + RESULT_TTL:
                return self._last[1]
            health = await self._ask()
            self._last = (self._clock(), health)
            return health

    async def _ask(self) -> Health:
        try:
            version = await self._hub.ask(protocol.version())
            await self._hub.ask(protocol.identify_self())
            if self._prefix and (problem := await self._problem_with_prefix()):
                return Health(problem=problem)
        except HubUnavailableError as error:
            return Health(problem=f"The Hub cannot be asked: {error.reason}. Check it, and JUPYTERHUB_API_URL.")
        except HubRefusedServiceError as error:
            return Health(problem=f"The Hub does not accept this service: {error.reason}. Check how it is registered.")
        return Health(hub_version=version)

    async def _problem_with_prefix(self) -> str:
        registration = await self._hub.ask(administration.registration(self._name))
        at_hub = registration.prefix if registration else ""
        if at_hub and unquote(at_hub) != unquote(self._prefix):
            return (
                f"The Hub has this service at {at_hub}, but it serves {self._prefix}. Check JUPYTERHUB_BASE_URL and"
                " JUPYTERHUB_SERVICE_PREFIX."
            )
        self._prefix = ""
        return ""
