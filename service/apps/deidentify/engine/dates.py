"""Shifts a date by a number of days and keeps the form in which it is written.

In a date of numbers, the order of month and day is that of the whole note. What cannot be read for sure does not move.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Literal

DateOrder = Literal["mdy", "dmy", "ymd"]

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
NAME_FIRST = re.compile(r"(?P<n>[A-Za-z]{3,9})(?P<a>\.? )(?P<d>\d{1,2})(?P<o>st|nd|rd|th)?(?P<b>,? )(?P<y>\d{4})")
DAY_FIRST = re.compile(r"(?P<d>\d{1,2})(?P<o>st|nd|rd|th)?(?P<a>[- ])(?P<n>[A-Za-z]{3,9})(?P<b>,? |-)(?P<y>\d{4})")
# Dates of numbers that do not begin with four digits, by the order in which they are read.
NUMBERS = {
    "mdy": re.compile(r"(?P<m>\d{1,2})(?P<a>[-/.])(?P<d>\d{1,2})(?P=a)(?P<y>\d{4}|\d{2})"),
    "dmy": re.compile(r"(?P<d>\d{1,2})(?P<a>[-/.])(?P<m>\d{1,2})(?P=a)(?P<y>\d{4}|\d{2})"),
    "ymd": re.compile(r"(?P<y>\d{2})(?P<a>[-/.])(?P<m>\d{1,2})(?P=a)(?P<d>\d{1,2})"),
}


def order_of(dates: Iterable[str]) -> DateOrder | None:
    """Return the order of the dates of a note, by those that can be read in one way alone.

    Returns None if there are none, or if they contradict each other. That the year comes first with two digits cannot
    be told from the dates.
    """
    orders: tuple[DateOrder, ...] = ("mdy", "dmy")
    told = {
        valid[0]
        for written in dates
        if len(valid := [order for order in orders if _parsed(NUMBERS[order], written) is not None]) == 1
    }
    return told.pop() if len(told) == 1 else None


def parsed(written: str, order: DateOrder | None) -> date | None:
    """Return the date; None if it does not parse, has no year, or is in numbers whose order is not known."""
    return next((found for form, _ in _forms(order) if (found := _parsed(form, written)) is not None), None)


def shifted(written: str, days: int, order: DateOrder | None) -> str | None:
    """Return the date `days` later, in the same form; None if it does not parse, or cannot be written in this form."""
    for form, write in _forms(order):
        if (found := _parsed(form, written)) is None:
            continue
        try:
            moved = found + timedelta(days=days)
        except OverflowError:
            return None
        match = form.fullmatch(written)
        new = write(match, moved)
        # With two digits, 1969 follows upon 2068.
        return new if _parsed(form, new) == moved else None
    return None


def _forms(order: DateOrder | None) -> list[tuple["re.Pattern[str]", Callable[..., str]]]:
    numbers = [YEAR_FIRST, *([NUMBERS[order]] if order else [])]
    return [*((form, _numbers) for form in numbers), (NAME_FIRST, _names), (DAY_FIRST, _names)]


def _parsed(form: "re.Pattern[str]", written: str) -> date | None:
    match = form.fullmatch(written)
    if match is None or not written.isascii():
        return None
    parts = match.groupdict()
    year = int(parts["y"])
    if len(parts["y"]) == 2:  # noqa: PLR2004 - two digits
        year += 1900 if year >= PIVOT else 2000
    month = _month(parts["n"]) if parts.get("n") else int(parts["m"])
    try:
        return date(year, month or 0, int(parts["d"]))
    except ValueError:
        return None


def _month(name: str) -> int | None:
    return next(
        (number for number, month in enumerate(MONTHS, 1) if name.lower() in (month, month[:3], month[:4])), None
    )


def _numbers(match: "re.Match[str]", moved: date) -> str:
    fields = {"m": _digits(match["m"], moved.month), "d": _digits(match["d"], moved.day), "y": _year(match["y"], moved)}
    places = {field: match.start(field) for field in fields}
    return match["a"].join(fields[field] for field in sorted(fields, key=places.__getitem__))


def _names(match: "re.Match[str]", moved: date) -> str:
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
