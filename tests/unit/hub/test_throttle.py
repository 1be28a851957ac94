"""How often the Hub may be asked about unknown tokens."""

import logging
from contextlib import ExitStack

import pytest

from service.errors import ThrottledError
from service.hub.errors import HubUnavailableError, InvalidTokenError, TokenRequestError
from service.hub.throttle import (
    EXCHANGES_PER_ADDRESS,
    FAILED_CODES_PER_ADDRESS,
    MAX_COUNTERS,
    QUESTIONS_PER_ADDRESS,
    WINDOW,
    WRONG_TOKENS_PER_ADDRESS,
    Throttle,
    network_of,
)
from tests.unit.hub.conftest import Clock

HERE = "192.0.2.1"
WRONG_CODE = TokenRequestError("invalid_grant", "It is wrong.")


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    """No attempt has been made yet."""
    return Throttle(clock=clock)


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


def tokens(throttle: Throttle, times: int, *, address: str = HERE, said: Exception | None = None) -> int:
    """Ask about so many tokens, all with the same answer. Return how often the Hub was asked."""
    asked = 0
    for number in range(times):
        try:
            with throttle.asking(address.format(number)):
                asked += 1
                if said is not None:
                    raise said
        except (InvalidTokenError, HubUnavailableError, ThrottledError):
            continue
    return asked


def test_wrong_tokens(throttle: Throttle) -> None:
    """The Hub is asked about sixty a minute from one address, then about none."""
    assert tokens(throttle, 200, said=InvalidTokenError()) == WRONG_TOKENS_PER_ADDRESS


@pytest.mark.parametrize("said", [None, HubUnavailableError(reason="x")], ids=["good", "outage"])
def test_good_tokens_and_outages_do_not_count(throttle: Throttle, said: Exception | None) -> None:
    """Neither a class that signs in at nine nor a Hub that is down locks anybody out."""
    assert tokens(throttle, 1000, said=said) == 1000


def test_many_at_once_do_not_evade_the_limit(throttle: Throttle) -> None:
    """Only a limited number is asked about before the first is known to be wrong. A second later others may be."""
    with ExitStack() as under_way:
        for _ in range(QUESTIONS_PER_ADDRESS):
            under_way.enter_context(throttle.asking(HERE))
        with pytest.raises(ThrottledError) as refused, throttle.asking(HERE):
            pytest.fail("asked")
        assert refused.value.retry_after == 1
        assert tokens(throttle, 1, address="192.0.2.2") == 1

    assert tokens(throttle, 1) == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "nowhere"),
        ("unix:", "nowhere"),
        ("x" * 100_000, "nowhere"),
        ("192.0.2.1, 192.0.2.2", "nowhere"),
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_what_counts_as_one_address(address: str, network: str) -> None:
    """An IPv6 customer has a whole /64 network. Everything that is not an address has one common count."""
    assert network_of(address) == network


def test_other_addresses_are_not_affected(throttle: Throttle) -> None:
    """Wrong tokens count only against the address that they come from."""
    tokens(throttle, 100, said=InvalidTokenError())

    assert tokens(throttle, 1, address="192.0.2.2") == 1


def test_retry_after(throttle: Throttle, clock: Clock) -> None:
    """The refusal says after how many seconds the next attempt will be allowed, and then it is."""
    tokens(throttle, WRONG_TOKENS_PER_ADDRESS, said=InvalidTokenError())
    clock.seconds += 17.5
    with pytest.raises(ThrottledError) as refused, throttle.asking(HERE):
        pytest.fail("asked")
    assert refused.value.retry_after == 43

    clock.seconds += 42
    assert tokens(throttle, 1) == 0
    clock.seconds += 1
    assert tokens(throttle, 1) == 1


def test_a_million_addresses_are_not_remembered(throttle: Throttle) -> None:
    """The number of counters of each kind is limited. The most recent ones are kept."""
    for number in range(MAX_COUNTERS + 100):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        tokens(throttle, 1, address=address, said=InvalidTokenError())
    assert len(throttle) == MAX_COUNTERS


def test_an_address_in_use_is_not_forgotten(throttle: Throttle) -> None:
    """The wrong tokens of others do not reset the count of an address that keeps trying."""
    tokens(throttle, WRONG_TOKENS_PER_ADDRESS, said=InvalidTokenError())
    for number in range(2 * MAX_COUNTERS):
        tokens(throttle, 1, address=f"2001:db8:0:{number:x}::1", said=InvalidTokenError())
        if number % 1000 == 0:
            assert tokens(throttle, 1) == 0


def test_one_line_a_minute(throttle: Throttle, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The log names a refused address once in a window, not for each attempt."""
    for _ in range(2):
        tokens(throttle, 200, said=InvalidTokenError())
        clock.seconds += WINDOW

    line = (
        logging.getLogger("service").name,
        logging.WARNING,
        f"Too many unknown tokens from {HERE}: refused for now.",
    )
    assert caplog.record_tuples == [line, line]


def codes(throttle: Throttle, times: int, *, address: str = HERE, said: Exception | None = None) -> int:
    """Exchange so many codes, all with the same answer. Return how often the Hub was asked."""
    asked = 0
    for number in range(times):
        try:
            with throttle.exchanging(address.format(number)):
                asked += 1
                if said is not None:
                    raise said
        except (TokenRequestError, HubUnavailableError, ThrottledError):
            continue
    return asked


def test_codes(throttle: Throttle, clock: Clock) -> None:
    """Failed exchanges count for a minute, successful ones do not. Each address has its own count."""
    assert codes(throttle, 500) == 500
    assert codes(throttle, 500, said=HubUnavailableError(reason="x")) == 500
    assert codes(throttle, 500, said=WRONG_CODE) == FAILED_CODES_PER_ADDRESS
    assert codes(throttle, 1) == 0
    assert codes(throttle, 1, address="192.0.2.2") == 1

    clock.seconds += WINDOW

    assert codes(throttle, 1) == 1


def test_codes_at_once(throttle: Throttle) -> None:
    """A limited number of exchanges from one address is in progress, however many come before the first reply."""
    with ExitStack() as under_way:
        for _ in range(EXCHANGES_PER_ADDRESS):
            under_way.enter_context(throttle.exchanging(HERE))

        assert codes(throttle, 1) == 0
        assert codes(throttle, 1, address="192.0.2.2") == 1


def test_codes_and_tokens_are_counted_apart(throttle: Throttle) -> None:
    """A program that keeps sending a wrong token stops nobody behind its address from signing in, and vice versa."""
    tokens(throttle, 500, said=InvalidTokenError())
    assert codes(throttle, 500, said=WRONG_CODE) == FAILED_CODES_PER_ADDRESS
    assert tokens(throttle, 500, address="192.0.2.3", said=InvalidTokenError()) == WRONG_TOKENS_PER_ADDRESS


def test_the_limits_are_those_of_the_manual() -> None:
    """The numbers are those that docs/operate.md names. Questions at once are enough for everybody behind one proxy."""
    assert (WRONG_TOKENS_PER_ADDRESS, FAILED_CODES_PER_ADDRESS, EXCHANGES_PER_ADDRESS, WINDOW) == (60, 60, 100, 60)
    assert QUESTIONS_PER_ADDRESS == 500
