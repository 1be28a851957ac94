"""Rate limits on wrong tokens and failed codes, by address. For passwords see `password_attempts`.

Attempts are counted in this process, in windows of a minute that begin with the first attempt. An address is an IPv4
address or an IPv6 /64 network, which is what one customer gets. Everything that is neither counts as one address. The
number of counters of each kind is limited: the least recently used one goes first, and pushes out none of another kind.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from math import ceil
from time import monotonic

from service.addresses import parsed_address
from service.errors import ServiceError, ThrottledError
from service.hub.errors import InvalidTokenError, TokenRequestError

WINDOW = 60.0  # seconds
# A client that keeps sending one wrong token causes twelve questions a minute, since refusals are remembered.
WRONG_TOKENS_PER_ADDRESS = 60
# Questions in progress about unknown tokens from one address. Without this limit any number of tokens could be tried
# before the first is known to be wrong. It is enough for everybody behind one proxy: the Hub answers in milliseconds.
QUESTIONS_PER_ADDRESS = 500
# Counted apart from tokens: a program that keeps sending a wrong token must not stop others behind its address from
# signing in.
FAILED_CODES_PER_ADDRESS = 60
# Exchanges in progress from one address, 5 ms of the Hub each. A class that signs in together needs fewer.
EXCHANGES_PER_ADDRESS = 100
MAX_COUNTERS = 10_000  # of each kind

_log = logging.getLogger("service")


@dataclass(slots=True)
class Window:
    """The attempts of one key since `began` (monotonic seconds). `asking` of them are in progress."""

    began: float
    count: int = 0
    asking: int = 0
    is_logged: bool = False


class RateLimiter:
    """Limits the attempts of each key to `limit` a minute. `what` names them in the log. Its clock is monotonic."""

    def __init__(self, what: str, limit: int, *, clock: Callable[[], float]) -> None:
        self._what = what
        self._limit = limit
        self._clock = clock
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def open(self, key: str, *, at_once: int | None = None, shown: str = "") -> Window:
        """Return the window of `key`; count attempts in it. A full window is logged once, with `shown` for the key.

        Raises:
            ThrottledError: the limit is reached, or `at_once` attempts are in progress.
        """
        now = self._clock()
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window(now)
            if len(self._windows) > MAX_COUNTERS:
                self._windows.popitem(last=False)
        elif now - window.began >= WINDOW:
            window.began, window.count, window.is_logged = now, 0, False
        self._windows.move_to_end(key)
        if window.count >= self._limit or (at_once is not None and window.asking >= at_once):
            if not window.is_logged:
                window.is_logged = True
                _log.warning("Too many %s%s: refused for now.", self._what, f" from {shown}" if shown else "")
            raise ThrottledError(max(1, ceil(window.began + WINDOW - now)) if window.count >= self._limit else 1)
        return window


class Throttle:
    """Limits wrong tokens and failed codes. Its clock is monotonic."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._wrong_tokens = RateLimiter("unknown tokens", WRONG_TOKENS_PER_ADDRESS, clock=clock)
        self._codes = RateLimiter("failed code exchanges", FAILED_CODES_PER_ADDRESS, clock=clock)

    def __len__(self) -> int:
        """Return the number of counters."""
        return len(self._wrong_tokens) + len(self._codes)

    @contextmanager
    def asking(self, address: str, *, sender: str = "") -> Iterator[None]:
        """Surround a question about an unknown token. If it raises InvalidTokenError, it counts.

        It counts for the address or, if somebody who is signed in has sent it, for the `sender` alone.

        Raises:
            ThrottledError: too many tokens from there were wrong, or too many questions are in progress.
        """
        key = f"user {sender}" if sender else network_of(address)
        with _counted(self._wrong_tokens, key, at_once=QUESTIONS_PER_ADDRESS, failure=InvalidTokenError):
            yield

    @contextmanager
    def exchanging(self, address: str) -> Iterator[None]:
        """Surround the exchange of a code for a token. If it raises TokenRequestError, it counts.

        Raises:
            ThrottledError: too many exchanges from this address failed, or too many are in progress.
        """
        with _counted(self._codes, network_of(address), at_once=EXCHANGES_PER_ADDRESS, failure=TokenRequestError):
            yield


@contextmanager
def _counted(limiter: RateLimiter, key: str, *, at_once: int, failure: type[ServiceError]) -> Iterator[None]:
    window = limiter.open(key, at_once=at_once, shown=key)
    window.asking += 1
    try:
        yield
    except failure:
        window.count += 1
        raise
    finally:
        window.asking -= 1


def network_of(address: str) -> str:
    """Return what counts as one address: an IPv4 address, an IPv6 /64 network, or "nowhere" for anything else."""
    parsed = parsed_address(address.partition("%")[0])
    if parsed is None:
        return "nowhere"
    return str(IPv6Network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)
