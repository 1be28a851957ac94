"""Shifts a date by a number of days and keeps the form in which it is written.

A date in numbers is read with the month before the day, as in philter-lite's notes, unless that is no valid date.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
MAX_SHIFT = 36_500  # days that callers may ask for: a hundred years
CENTURY = 100
PIVOT = 69  # two-digit years from 69 on are in the 1900s (POSIX strptime)

YEAR_FIRST = re.compile(r"(?P<y>\d{4})(?P<a>[-/.])(?P<m>\d{1,2})(?P=a)(?P<d>\d{1,2})")
YEAR_LAST = re.compile(r"(?P<m>\d{1,2})(?P<a>[-/.])(?P<d>\d{1,2})(?P=a)(?P<y>\d{4}|\d{2})")
NAME_FIRST = re.compile(r"(?P<n>[A-Za-z]{3,9})(?P<a>\.? )(?P<d>\d{1,2})(?P<o>st|nd|rd|th)?(?P<b>,? )(?P<y>\d{4})")
DAY_FIRST = re.compile(r"(?P<d>\d{1,2})(?P<o>st|nd|rd|th)?(?P<a>[- ])(?P<n>[A-Za-z]{3,9})(?P<b>,? |-)(?P<y>\d{4})")


def shifted(written: str, days: int) -> str | None:
    """Return the date `days` later, in the same form.

    Returns None if the date does not parse, has no year, or would be out of the calendar's range.
    """
    for form, write in FORMS:
        match = form.fullmatch(written)
        if match is not None:
            parsed = _parse(match)
            if parsed is None:
                return None
            try:
                moved = parsed[0] + timedelta(days=days)
            except OverflowError:
                return None
            return write(match, moved, day_first=parsed[1])
    return None


def _parse(match: "re.Match[str]") -> tuple[date, bool] | None:
    """Return the date, and whether the day is written before the month; None if it is no valid date."""
    parts = match.groupdict()
    year = int(parts["y"])
    if len(parts["y"]) == 2:  # noqa: PLR2004 - two digits
        year += 1900 if year >= PIVOT else 2000
    month = _month(parts["n"]) if parts.get("n") else int(parts["m"])
    day = int(parts["d"])
    for first, second, is_turned in ((month, day, False), (day, month, True)):
        try:
            return date(year, first or 0, second or 0), is_turned
        except ValueError:
            if parts.get("n"):
                return None
    return None


def _month(name: str) -> int | None:
    return next(
        (number for number, month in enumerate(MONTHS, 1) if name.lower() in (month, month[:3], month[:4])), None
    )


def _numbers(match: "re.Match[str]", moved: date, *, day_first: bool) -> str:
    first, second = (moved.day, moved.month) if day_first else (moved.month, moved.day)
    fields = {"m": _digits(match["m"], first), "d": _digits(match["d"], second), "y": _year(match["y"], moved)}
    order = "ymd" if match.re is YEAR_FIRST else "mdy"
    return match["a"].join(fields[field] for field in order)


def _names(match: "re.Match[str]", moved: date, *, day_first: bool) -> str:  # noqa: ARG001 - one shape for all
    name = MONTHS[moved.month - 1]
    name = name if match["n"].lower() in MONTHS and len(match["n"]) > 3 else name[:3]  # noqa: PLR2004 - `May` says neither
    name = name.upper() if match["n"].isupper() else name.capitalize() if match["n"][0].isupper() else name
    day = str(moved.day) + (_ordinal(moved.day) if match["o"] else "")
    year = _year(match["y"], moved)
    if match.re is NAME_FIRST:
        return f"{name}{match['a']}{day}{match['b']}{year}"
    return f"{day}{match['a']}{name}{match['b']}{year}"


def _digits(written: str, number: int) -> str:
    return f"{number:02d}" if written.startswith("0") or len(written) == 2 else str(number)  # noqa: PLR2004 - two digits


def _year(written: str, moved: date) -> str:
    return f"{moved.year % CENTURY:02d}" if len(written) == 2 else f"{moved.year:04d}"  # noqa: PLR2004 - two digits


def _ordinal(day: int) -> str:
    return "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


FORMS: tuple[tuple["re.Pattern[str]", Callable[..., str]], ...] = (
    (YEAR_FIRST, _numbers),
    (YEAR_LAST, _numbers),
    (NAME_FIRST, _names),
    (DAY_FIRST, _names),
)
