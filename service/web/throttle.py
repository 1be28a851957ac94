"""How often a password may be tried: by account and by address, counted in this process."""

import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from service.errors import ThrottledError

# Each attempt counts, right or wrong: what is counted only afterwards can be outrun by asking many at once.
PER_ACCOUNT = RateLimitItemPerMinute(10)
PER_ADDRESS = RateLimitItemPerMinute(30)


class Throttle:
    """Counts attempts within fixed windows of a minute."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, *, account: str, address: str) -> None:
        """Count one attempt. Raises ThrottledError when there were too many; the attempt must not be made then."""
        self._hit(PER_ADDRESS, "address", address)
        self._hit(PER_ACCOUNT, "account", account.casefold())

    def _hit(self, limit: RateLimitItem, kind: str, key: str) -> None:
        if not self._limiter.hit(limit, kind, key):
            reset = self._limiter.get_window_stats(limit, kind, key).reset_time
            raise ThrottledError(max(1, round(reset - time.time())))
