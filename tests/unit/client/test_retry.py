"""Which answers are worth another attempt, and after which pause."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from service.client.retry import ATTEMPTS, may_repeat, pause, retry_after


@pytest.mark.parametrize(
    ("status", "is_safe", "expected"),
    [
        (429, True, True),
        (429, False, True),  # refused before anything was done
        (503, True, True),
        (503, False, False),  # perhaps it was done
        (502, True, True),
        (504, True, True),
        (504, False, False),
        (500, True, False),
        (401, True, False),
        (409, True, False),
    ],
)
def test_what_is_repeated(status: int, *, is_safe: bool, expected: bool) -> None:
    """A request that may have taken effect is not sent again."""
    assert may_repeat(status, is_safe=is_safe) is expected


def test_pauses_grow_and_end() -> None:
    """Each pause is up to twice as long as the one before; after the last attempt there is none."""
    pauses = [pause(attempt, {}) for attempt in range(1, ATTEMPTS + 1)]

    assert pauses[-1] is None
    assert all(2**n / 8 <= (pauses[n] or 0) <= 2**n / 4 for n in range(ATTEMPTS - 1))


def test_the_service_says_when() -> None:
    """`Retry-After` counts where it is longer; one that nobody would wait for ends the attempts."""
    assert pause(1, {"retry-after": "7"}) == 7
    assert pause(1, {"retry-after": "3600"}) is None


@pytest.mark.parametrize(
    ("value", "expected"), [("", 0), ("5", 5), (" 5 ", 5), ("soon", 0), ("-3", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)]
)
def test_retry_after(value: str, expected: float) -> None:
    """Seconds, a date in the past, and what is neither."""
    assert retry_after(value) == expected


def test_retry_after_as_a_date() -> None:
    """A date in the future is that many seconds away."""
    assert 3000 < retry_after(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)) <= 3600
