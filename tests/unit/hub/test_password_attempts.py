"""How often a password may be tried, and that nobody elsewhere can lock out the owner of an account."""

import pytest

from service.errors import ThrottledError
from service.hub.password_attempts import (
    ACCOUNT_FACTOR,
    ADDRESSES_PER_ACCOUNT,
    KNOWN_FOR,
    PASSWORDS_OF_STRANGERS,
    PASSWORDS_PER_ADDRESS,
    PASSWORDS_PER_PAIR,
    PasswordAttempts,
)
from service.hub.throttle import MAX_COUNTERS, WINDOW
from tests.unit.hub.conftest import Clock

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.{}"
PER_ACCOUNT = ACCOUNT_FACTOR * PASSWORDS_PER_PAIR


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> PasswordAttempts:
    """No attempt has been made yet."""
    return PasswordAttempts(clock=clock)


def wrong(attempts: PasswordAttempts, times: int, *, account: str = "ada", address: str = HOME) -> int:
    """Try wrong passwords; `{}` in account or address is the number. Return how many were checked."""
    looked_at = 0
    for number in range(times):
        try:
            attempts.count(account=account.format(number), address=address.format(number))
        except ThrottledError:
            continue
        looked_at += 1
    return looked_at


def sign_in(attempts: PasswordAttempts, *, account: str = "ada", address: str = HOME) -> bool:
    """Try the right password, and return whether it was checked."""
    try:
        attempts.count(account=account, address=address).succeeded()
    except ThrottledError:
        return False
    return True


@pytest.mark.parametrize(
    ("account", "address", "looked_at"),
    [
        pytest.param("ada", HOME, PASSWORDS_PER_PAIR, id="one account from one address"),
        pytest.param("ada", ELSEWHERE, PER_ACCOUNT, id="one account from everywhere"),
        pytest.param("user-{}", HOME, PASSWORDS_PER_ADDRESS, id="all accounts from one address"),
        pytest.param("user-{}", "2001:db8:0:1::{:x}", PASSWORDS_PER_ADDRESS, id="from one /64"),
        pytest.param("user-{}", "2001:db8:{:x}::1", PASSWORDS_OF_STRANGERS, id="all accounts from everywhere"),
    ],
)
def test_strangers(attempts: PasswordAttempts, account: str, address: str, looked_at: int) -> None:
    """Strangers are limited by account and address together, by each of them, and all together."""
    assert wrong(attempts, 2 * PASSWORDS_OF_STRANGERS, account=account, address=address) == looked_at


@pytest.mark.parametrize(
    ("account", "address"),
    [("ada", ELSEWHERE), ("user-{}", HOME), ("user-{}", "2001:db8:{:x}::1"), ("ada", "2001:db8:{:x}::1")],
    ids=["her account", "her address", "everything", "her account from any number of addresses"],
)
def test_nobody_elsewhere_locks_out_an_owner(attempts: PasswordAttempts, account: str, address: str) -> None:
    """Somebody who signed in from an address recently can do so again, whatever strangers try."""
    assert sign_in(attempts)

    wrong(attempts, 3 * PASSWORDS_OF_STRANGERS, account=account, address=address)

    assert sign_in(attempts)


def test_one_address_does_not_lock_an_account(attempts: PasswordAttempts) -> None:
    """The attempts that one stranger may make leave some for the owner at a new address."""
    wrong(attempts, 100, address=ELSEWHERE.format(1))

    assert sign_in(attempts)


def test_a_known_pair_has_a_limit_of_its_own(attempts: PasswordAttempts) -> None:
    """A neighbour behind the owner's address gets ten guesses a minute. The owner's other addresses keep theirs."""
    for address in (HOME, ELSEWHERE.format(1)):
        assert sign_in(attempts, address=address)

    assert wrong(attempts, 50) == PASSWORDS_PER_PAIR
    assert sign_in(attempts, address=ELSEWHERE.format(1))


def test_right_passwords_count_for_their_pair(attempts: PasswordAttempts) -> None:
    """A user cannot keep the Hub busy with hashing by sending their own right password."""
    signed_in = sum(sign_in(attempts) for _ in range(100))

    assert signed_in == 1 + PASSWORDS_PER_PAIR  # the first as a stranger


def test_known_addresses_of_one_account_are_limited_together(attempts: PasswordAttempts) -> None:
    """A user with many addresses does not get many times the attempts."""
    for number in range(ADDRESSES_PER_ACCOUNT):
        assert sign_in(attempts, address=ELSEWHERE.format(number))

    looked_at = sum(wrong(attempts, 10, address=ELSEWHERE.format(number)) for number in range(ADDRESSES_PER_ACCOUNT))

    assert looked_at == PER_ACCOUNT


def test_a_class_behind_one_address(attempts: PasswordAttempts) -> None:
    """Right passwords of new people count neither against their address nor against everybody."""
    assert all(sign_in(attempts, account=f"user-{number}") for number in range(2 * PASSWORDS_OF_STRANGERS))


def test_a_failure_stays_counted_when_somebody_else_succeeds(attempts: PasswordAttempts) -> None:
    """An attacker with an account of their own cannot reset the count of their guesses at other accounts."""
    for number in range(PASSWORDS_PER_ADDRESS):
        wrong(attempts, 1, account=f"user-{number}")
        sign_in(attempts, account="mallory")

    assert wrong(attempts, 10, account="other-{}") == 0


def test_an_attempt_is_given_back_only_to_its_own_minute(attempts: PasswordAttempts, clock: Clock) -> None:
    """An attempt that succeeds in the next minute does not reduce that minute's count."""
    slow = attempts.count(account="ada", address=HOME)
    clock.seconds += WINDOW
    wrong(attempts, PASSWORDS_PER_ADDRESS, account="user-{}")
    slow.succeeded()

    assert wrong(attempts, 10, account="other-{}") == 0


def test_refused_attempts_use_up_nothing(attempts: PasswordAttempts) -> None:
    """An attempt that one limit refuses does not count for another limit."""
    wrong(attempts, 1000)

    assert wrong(attempts, 1000, account="user-{}") == PASSWORDS_PER_ADDRESS - PASSWORDS_PER_PAIR


@pytest.mark.parametrize("spelling", ["Ada", " ada", "ada ", "\uff21da", "a da", "\xe4da", "a\u0308da", "a\xadda"])
def test_one_account_however_it_is_written(attempts: PasswordAttempts, spelling: str) -> None:
    """Case, width, spaces, accents and invisible characters make no other name: some authenticators ignore them."""
    assert wrong(attempts, 6) + wrong(attempts, 6, account=spelling) == PASSWORDS_PER_PAIR


@pytest.mark.parametrize("alike", ["\uff41da", "Ada", "a\xadda"])
def test_an_account_of_nearly_the_same_name_is_not_known_for_the_other(attempts: PasswordAttempts, alike: str) -> None:
    """Somebody with a similar account name cannot use up the attempts of the owner's known addresses."""
    assert sign_in(attempts)
    for number in range(ADDRESSES_PER_ACCOUNT):
        assert sign_in(attempts, account=alike, address=ELSEWHERE.format(number))
    for number in range(ADDRESSES_PER_ACCOUNT):
        wrong(attempts, 10, address=ELSEWHERE.format(number))
        wrong(attempts, 10, account=alike, address=ELSEWHERE.format(number))

    assert attempts.knows(account="ada", address=HOME)
    assert not attempts.knows(account="ada", address=ELSEWHERE.format(0))
    assert sign_in(attempts)


def test_an_address_is_known_for_a_month(attempts: PasswordAttempts, clock: Clock) -> None:
    """After a month without a sign-in the pair is unknown again. Each sign-in starts a new month."""
    assert not attempts.knows(account="ada", address=HOME)
    for _ in range(3):
        assert sign_in(attempts)
        clock.seconds += KNOWN_FOR - 1
        assert attempts.knows(account="ada", address=HOME)
        assert not attempts.knows(account="ada", address=ELSEWHERE)
    clock.seconds += 1

    assert not attempts.knows(account="ada", address=HOME)


def test_only_the_last_addresses_of_a_traveller_are_known(attempts: PasswordAttempts, clock: Clock) -> None:
    """An account has at most eight known addresses, so signing in from everywhere cannot fill the memory."""
    for number in range(ADDRESSES_PER_ACCOUNT + 1):
        assert sign_in(attempts, address=ELSEWHERE.format(number))
        clock.seconds += WINDOW

    known = [attempts.knows(account="ada", address=ELSEWHERE.format(number)) for number in range(9)]
    assert known == [False] + [True] * ADDRESSES_PER_ACCOUNT


def test_memory_is_bounded(attempts: PasswordAttempts, clock: Clock) -> None:
    """It grows neither with the number of names and addresses nor with the length of a name. Known pairs are kept."""
    assert sign_in(attempts, address="10.0.0.0")
    before = len(attempts)
    for number in range(2 * MAX_COUNTERS):
        wrong(attempts, 1, account=f"{number}-" + "x" * 10_000, address=f"2001:db8:{number:x}::1")
        clock.seconds += 1

    assert len(attempts) <= before + 3 * MAX_COUNTERS
    assert attempts.knows(account="ada", address="10.0.0.0")


def test_retry_after(attempts: PasswordAttempts, clock: Clock) -> None:
    """The refusal says after how many seconds the next attempt will be checked, and then it is."""
    wrong(attempts, PASSWORDS_PER_PAIR)
    clock.seconds += 17.5
    with pytest.raises(ThrottledError) as refused:
        attempts.count(account="ada", address=HOME)
    assert refused.value.retry_after == 43

    clock.seconds += 42
    assert wrong(attempts, 1) == 0
    clock.seconds += 1
    assert wrong(attempts, 50) == PASSWORDS_PER_PAIR


def test_an_address_that_is_used_again_stays_known() -> None:
    """Of many addresses of one user, the one that was not used for longest is forgotten first, not the oldest."""
    clock = Clock()
    attempts = PasswordAttempts(clock=clock)
    for address in [HOME, *map(ELSEWHERE.format, range(ADDRESSES_PER_ACCOUNT - 1)), HOME, ELSEWHERE.format("99")]:
        assert sign_in(attempts, address=address)
        clock.seconds += WINDOW

    assert attempts.knows(account="ada", address=HOME)
    assert not attempts.knows(account="ada", address=ELSEWHERE.format(0))


def test_the_limits_are_those_of_the_manual() -> None:
    """The numbers are those that docs/operate.md names: a wider limit lets a guesser try more passwords."""
    assert (PASSWORDS_PER_PAIR, PER_ACCOUNT, PASSWORDS_PER_ADDRESS, PASSWORDS_OF_STRANGERS) == (10, 30, 30, 300)
    assert (KNOWN_FOR / 86_400, ADDRESSES_PER_ACCOUNT, WINDOW) == (30, 8, 60)
