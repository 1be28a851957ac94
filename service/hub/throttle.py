"""How often strangers may have the Hub asked about wrong tokens and codes; for passwords see `attempts`.

Counted in this process, in windows of a minute that begin with the first attempt. An address is an IPv4 address or
an IPv6 /64, which is what one customer gets; whatever is neither counts as one address. Each count has a bounded place
of its own: who comes from too many addresses is forgotten first, and pushes out no count of another kind.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from time import monotonic

from service.errors import ServiceError, ThrottledError
from service.hub.errors import InvalidTokenError, TokenRequestError

WINDOW = 60.0  # seconds
# A client that goes on with one wrong token makes twelve questions a minute: refusals are remembered.
WRONG_TOKENS_PER_ADDRESS = 60
# Unknown tokens of one address asked about at once, or any number could be tried before the first is known to be wrong.
# Enough for all that come from behind one proxy in the milliseconds that a Hub takes.
QUESTIONS_PER_ADDRESS = 500
# Apart from tokens, so that a program that goes on with a wrong token keeps nobody behind its address from signing in.
FAILED_CODES_PER_ADDRESS = 60
# Codes of one address exchanged at once, 5 ms of the Hub each: more than a class that signs in together has under way.
EXCHANGES_PER_ADDRESS = 100
PLACES = 10_000  # counts kept of each kind

_log = logging.getLogger("service")


@dataclass(slots=True)
class Window:
    """What one key did since `began` (monotonic seconds); `asking` are under way."""

    began: float
    count: int = 0
    asking: int = 0
    is_told: bool = False


class Windows:
    """The windows of one kind by key; at most `PLACES`, the least recently used goes first."""

    def __init__(self, what: str, limit: int, *, clock: Callable[[], float]) -> None:
        self._what = what
        self._limit = limit
        self._clock = clock
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def open(self, key: str, *, at_once: int | None = None, shown: str = "") -> Window:
        """Return the window of `key`, `shown` so in the log, which says it once a window when it is full.

        Raises:
            ThrottledError: the limit is reached, or `at_once` are under way.
        """
        now = self._clock()
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = Window(now)
            if len(self._windows) > PLACES:
                self._windows.popitem(last=False)
        elif now - window.began >= WINDOW:
            window.began, window.count, window.is_told = now, 0, False
        self._windows.move_to_end(key)
        if window.count >= self._limit or (at_once is not None and window.asking >= at_once):
            if not window.is_told:
                window.is_told = True
                _log.warning("Too many %s%s: refused for now.", self._what, f" from {shown}" if shown else "")
            raise ThrottledError(max(1, ceil(window.began + WINDOW - now)) if window.count >= self._limit else 1)
        return window


class Throttle:
    """Counts attempts, and refuses the next when there were too many. Its clock is monotonic."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._wrong_tokens = Windows("unknown tokens", WRONG_TOKENS_PER_ADDRESS, clock=clock)
        self._codes = Windows("failed code exchanges", FAILED_CODES_PER_ADDRESS, clock=clock)

    def __len__(self) -> int:
        """How many counts are kept."""
        return len(self._wrong_tokens) + len(self._codes)

    @contextmanager
    def asking(self, address: str) -> Iterator[None]:
        """Surround a question about a token nobody knows; one that ends in InvalidTokenError counts.

        Raises:
            ThrottledError: too many from there were wrong, or too many are asked about just now.
        """
        with _counted(self._wrong_tokens, address, at_once=QUESTIONS_PER_ADDRESS, failure=InvalidTokenError):
            yield

    @contextmanager
    def exchanging(self, address: str) -> Iterator[None]:
        """Surround the exchange of a code for a token; one that ends in TokenRequestError counts.

        Raises:
            ThrottledError: too many from there failed, or too many are under way just now.
        """
        with _counted(self._codes, address, at_once=EXCHANGES_PER_ADDRESS, failure=TokenRequestError):
            yield


@contextmanager
def _counted(windows: Windows, address: str, *, at_once: int, failure: type[ServiceError]) -> Iterator[None]:
    network = network_of(address)
    window = windows.open(network, at_once=at_once, shown=network)
    window.asking += 1
    try:
        yield
    except failure:
        window.count += 1
        raise
    finally:
        window.asking -= 1


def network_of(address: str) -> str:
    """What is counted as one: an IPv4 address, an IPv6 /64, or all that is neither."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "nowhere"
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    return str(IPv6Network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)
