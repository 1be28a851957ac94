"""Rate limits on passwords: by account, by address, and by both together.

An account and an address that signed in together recently are a known pair. Only attempts from that pair and from the
account's other known pairs count against it, so nobody at another address can lock the owner out. All other attempts
are those of strangers, who share wider limits.

Attempts are counted in this process, and the number of counters is limited as in `throttle`. A restart forgets the
known pairs.
"""

import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from service.hub.throttle import MAX_COUNTERS, RateLimiter, Window, network_of

# An attempt counts before the password is checked. Otherwise many could be made at once before the first one counts.
PASSWORDS_PER_PAIR = 10
ACCOUNT_FACTOR = 3  # times the limit of a pair, so one address alone cannot use up the limit of an account
PASSWORDS_PER_ADDRESS = 30
PASSWORDS_OF_STRANGERS = 300  # of all together: an attacker can have any number of addresses
KNOWN_FOR = 30 * 24 * 3600.0  # seconds
ADDRESSES_PER_ACCOUNT = 8  # known ones; the least recently used is forgotten first
_MAX_NAME = 255  # characters, as in the Hub's database; longer names would only fill the memory


class PasswordAttempts:
    """Limits attempts with a password. Its clock is monotonic."""

    def __init__(self, *, per_pair: int = PASSWORDS_PER_PAIR, clock: Callable[[], float] = monotonic) -> None:
        def limiter(what: str, limit: int) -> RateLimiter:
            return RateLimiter(what, limit, clock=clock)

        pair, account = "passwords for one account from one address", "passwords for one account"
        self._known = _KnownPairs(clock)
        self._known_pairs, self._known_accounts = limiter(pair, per_pair), limiter(account, ACCOUNT_FACTOR * per_pair)
        self._pairs, self._accounts = limiter(pair, per_pair), limiter(account, ACCOUNT_FACTOR * per_pair)
        self._addresses = limiter("passwords", PASSWORDS_PER_ADDRESS)
        self._everywhere = limiter("passwords from everywhere", PASSWORDS_OF_STRANGERS)

    def __len__(self) -> int:
        """Return the number of counters."""
        kept = (self._known_pairs, self._known_accounts, self._pairs, self._accounts, self._addresses)
        return sum(map(len, (*kept, self._everywhere)))

    def knows(self, *, account: str, address: str) -> bool:
        """Whether somebody has recently signed in to this account from this address."""
        return self._known.has(account, network_of(address))

    def count(self, *, account: str, address: str) -> "Attempt":
        """Count one attempt. Raises ThrottledError if there were too many; then do not check the password."""
        network = network_of(address)
        # A pair is known by the exact spelling of its account, because similar names of other accounts share one key.
        if self._known.has(account, network):
            known = [self._known_pairs.open(f"{network} {account}"), self._known_accounts.open(account)]
            windows, given_back = known, []
        else:
            name = _key(account)
            pair = f"{network} {name}"
            # All limits are checked before any is counted, so that an attempt refused by one does not use up another.
            given_back = [
                self._everywhere.open(""),
                self._addresses.open(network, shown=network),
                self._accounts.open(name),
            ]
            windows = [self._pairs.open(pair), *given_back]
        for window in windows:
            window.count += 1
        return Attempt(self._known, account, network, [(window, window.began) for window in given_back])


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, already counted."""

    _known: "_KnownPairs"
    _name: str
    _network: str
    _given_back: list[tuple[Window, float]]

    def succeeded(self) -> None:
        """Note that the password was right: the pair is known from now on, and strangers' limits get the attempt back.

        So a whole class of new people behind one address gets in. The attempt still counts for the pair, because
        checking a password costs the same whether or not it is right.
        """
        for window, began in self._given_back:
            if window.began == began:
                window.count -= 1
        self._known.add(self._name, self._network)


class _KnownPairs:
    """The accounts that signed in, from which networks, and when (monotonic seconds). Both numbers are limited."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._accounts: OrderedDict[str, OrderedDict[str, float]] = OrderedDict()

    def has(self, name: str, network: str) -> bool:
        networks = self._accounts.get(name)
        since = networks.get(network) if networks else None
        return since is not None and self._clock() - since < KNOWN_FOR

    def add(self, name: str, network: str) -> None:
        networks = self._accounts.setdefault(name, OrderedDict())
        networks[network] = self._clock()
        networks.move_to_end(network)
        self._accounts.move_to_end(name)
        if len(networks) > ADDRESSES_PER_ACCOUNT:
            networks.popitem(last=False)
        if len(self._accounts) > MAX_COUNTERS:
            self._accounts.popitem(last=False)


def _key(name: str) -> str:
    """Return one key for all spellings that an authenticator may treat as the same name.

    Spellings may differ in case, width, spaces, accents (Active Directory and some databases ignore them) and invisible
    characters (SASLprep, RFC 4013). Accounts whose names differ in nothing else share their limits.
    """
    text = unicodedata.normalize("NFKD", name[:_MAX_NAME]).casefold()
    return "".join(letter for letter in text if unicodedata.category(letter)[0] not in "MCZ")[:_MAX_NAME]
