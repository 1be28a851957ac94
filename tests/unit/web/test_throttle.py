"""How often a password may be tried."""

import pytest

from service.errors import ThrottledError
from service.web.throttle import PER_ACCOUNT, PER_ADDRESS, Throttle


def tried(throttle: Throttle, times: int, *, account: str = "testuser", address: str = "192.0.2.1") -> int:
    """Try so many times; `{}` in account or address is the number. Return how many attempts were let through."""
    through = 0
    for number in range(times):
        try:
            throttle.count(account=account.format(number), address=address.format(number))
        except ThrottledError:
            continue
        through += 1
    return through


@pytest.mark.parametrize(
    ("account", "address", "through"),
    [
        pytest.param("testuser", "192.0.2.1", PER_ACCOUNT.amount, id="one account from one address"),
        pytest.param("testuser", "192.0.2.{}", PER_ACCOUNT.amount, id="one account from everywhere"),
        pytest.param("user-{}", "192.0.2.1", PER_ADDRESS.amount, id="all accounts from one address"),
        pytest.param("user-{}", "192.0.2.{}", 50, id="different people"),
    ],
)
def test_limits(account: str, address: str, through: int) -> None:
    """Ten attempts a minute for an account, thirty for an address."""
    assert tried(Throttle(), 50, account=account, address=address) == through


def test_one_account_however_it_is_written() -> None:
    """The Hub takes names in any case, so they count as one."""
    throttle = Throttle()

    assert tried(throttle, 6, account="TestUser") + tried(throttle, 6, account="testuser") == PER_ACCOUNT.amount


def test_others_are_not_held_up() -> None:
    """Somebody else's attempts, on another account from another address, count for themselves."""
    throttle = Throttle()
    tried(throttle, 50)

    assert tried(throttle, 1, account="other", address="192.0.2.2") == 1


def test_when_to_come_back() -> None:
    """The refusal says in how many seconds the next attempt will be let through."""
    throttle = Throttle()
    tried(throttle, PER_ACCOUNT.amount)

    with pytest.raises(ThrottledError) as refused:
        throttle.count(account="testuser", address="192.0.2.1")

    assert 1 <= refused.value.retry_after <= 60


def test_each_process_counts_for_itself() -> None:
    """A new process begins from zero."""
    tried(Throttle(), PER_ACCOUNT.amount)

    assert tried(Throttle(), 1) == 1
