"""Decides whether a request is sent again, and when."""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

ATTEMPTS = 6
_FIRST = 0.25  # seconds before the second attempt, doubled each time
_LONGEST = 60.0  # seconds; an answer that asks for a longer pause is raised instead
_NOT_BEGUN = 429  # refused before the route ran, so nothing has happened
_FOR_NOW = frozenset({429, 502, 503, 504})


def may_repeat(status: int, *, is_safe: bool) -> bool:
    """Return whether a request that was answered with `status` may be sent again.

    `is_safe`: sending it twice does no more than sending it once (RFC 9110, section 9.2).
    """
    return status == _NOT_BEGUN or (is_safe and status in _FOR_NOW)


def pause(attempt: int, headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait before the next attempt; None if there is to be none.

    `attempt` counts from 1. A `Retry-After` (RFC 9110, section 10.2.3) holds where it is longer than our own pause.
    That is drawn by chance, so that many clients do not return in the same moment.
    """
    if attempt >= ATTEMPTS:
        return None
    asked = retry_after(headers.get("retry-after", ""))
    if asked > _LONGEST:
        return None
    return max(asked, _FIRST * (1 << attempt - 1) * random.uniform(0.5, 1))  # noqa: S311 (no secret)


def retry_after(value: str) -> float:
    """Return the seconds that a `Retry-After` names, as a number or a date; 0 where it is neither."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


async def wait(seconds: float) -> None:
    """Wait. Tests take another function in its place."""
    await asyncio.sleep(seconds)
