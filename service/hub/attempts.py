"""How often a password may be tried, by account, by address, and by the two together.

An account and an address that signed in together lately are a known pair. Only attempts of that very pair, and of the
account's other known pairs, count against it, so that nobody elsewhere can lock the owner out. All others are
strangers, and share the wider limits.

Counted in this process, and bounded as in `throttle`; a restart forgets which pairs are known.
"""

import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from service.hub.throttle import PLACES, Window, Windows, network_of

# Every attempt counts before it is judged: what is counted only afterwards can be outrun by asking many at once.
PASSWORDS_PER_PAIR = 10
ACCOUNT_FACTOR = 3  # times what a pair may: one address alone cannot use up what an account has
PASSWORDS_PER_ADDRESS = 30
PASSWORDS = 300  # of all strangers: addresses can be had in any number, above all on the Hub's own machine
KNOWN_FOR = 30 * 24 * 3600.0  # seconds
ADDRESSES_PER_ACCOUNT = 8  # known ones; the one used longest ago is forgotten first
_MAX_NAME = 255  # characters, as in the Hub's database: nobody fills the memory with long names


class PasswordAttempts:
    """Counts attempts, and refuses the next one when there were too many. Its clock is monotonic."""

    def __init__(self, *, per_pair: int = PASSWORDS_PER_PAIR, clock: Callable[[], float] = monotonic) -> None:
        def windows(what: str, limit: int) -> Windows:
            return Windows(what, limit, clock=clock)

        pair, account = "passwords for one account from one address", "passwords for one account"
        self._known = _KnownPairs(clock)
        self._known_pairs, self._known_accounts = windows(pair, per_pair), windows(account, ACCOUNT_FACTOR * per_pair)
        self._pairs, self._accounts = windows(pair, per_pair), windows(account, ACCOUNT_FACTOR * per_pair)
        self._addresses = windows("passwords", PASSWORDS_PER_ADDRESS)
        self._everywhere = windows("passwords from everywhere", PASSWORDS)

    def __len__(self) -> int:
        """How many counts are kept."""
        kept = (self._known_pairs, self._known_accounts, self._pairs, self._accounts, self._addresses)
        return sum(map(len, (*kept, self._everywhere)))

    def knows(self, *, account: str, address: str) -> bool:
        """Whether this account was signed in to from this address lately."""
        return self._known.has(account, network_of(address))

    def count(self, *, account: str, address: str) -> "Attempt":
        """Count one attempt. Raises ThrottledError when there were too many; the attempt must not be made then."""
        network = network_of(address)
        # Who is known, is so by this very spelling: another account's may be so like it that both have one key.
        if self._known.has(account, network):
            known = [self._known_pairs.open(f"{network} {account}"), self._known_accounts.open(account)]
            windows, given_back = known, []
        else:
            name = _key(account)
            pair = f"{network} {name}"
            # All are asked before any counts: what one limit refuses does not use up another.
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
    """One attempt, which was counted."""

    _known: "_KnownPairs"
    _name: str
    _network: str
    _given_back: list[tuple[Window, float]]

    def succeeded(self) -> None:
        """The password was right: its pair is known from now on, and does not count against others.

        So a class of new people behind one address gets in. It still counts for the pair: hashing costs the same.
        """
        for window, began in self._given_back:
            if window.began == began:
                window.count -= 1
        self._known.add(self._name, self._network)


class _KnownPairs:
    """Which accounts signed in from which networks, and when (monotonic seconds); bounded in both."""

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
        if len(self._accounts) > PLACES:
            self._accounts.popitem(last=False)


def _key(name: str) -> str:
    """One key for all spellings that an authenticator may take for the same.

    That is case, width, spaces, accents (as Active Directory and some databases) and invisible characters (as SASLprep,
    RFC 4013). Accounts that differ in these alone share their limits.
    """
    text = unicodedata.normalize("NFKD", name[:_MAX_NAME]).casefold()
    return "".join(letter for letter in text if unicodedata.category(letter)[0] not in "MCZ")[:_MAX_NAME]
