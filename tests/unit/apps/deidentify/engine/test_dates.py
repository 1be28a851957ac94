"""Dates that move keep their form; what is no date, or can be read in two ways, does not move."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.dates import DateOrder, order_of, parsed, shifted


@pytest.mark.parametrize(
    ("written", "days", "order", "expected"),
    [
        ("12/03/2019", 30, "mdy", "01/02/2020"),
        ("12/03/2019", 30, "dmy", "11/04/2019"),
        ("3/4/19", -5, "mdy", "2/27/19"),
        ("3.4.2019", 10, "dmy", "13.4.2019"),
        ("28/02/2020", 2, "dmy", "01/03/2020"),
        ("12.31.1999", 1, "mdy", "01.01.2000"),
        ("19-03-04", 1, "ymd", "19-03-05"),
        ("2019-03-02", 365, None, "2020-03-01"),
        ("March 5th, 2020", -4, None, "March 1st, 2020"),
        ("Mar 5, 2020", 30, None, "Apr 4, 2020"),
        ("5 MAY 2011", 27, None, "1 JUN 2011"),
        ("12-Jan-2011", -12, None, "31-Dec-2010"),
    ],
)
def test_a_date_moves_in_its_own_form(written: str, days: int, order: DateOrder | None, expected: str) -> None:
    """Separators, leading zeros, names, capitals and ordinals stay."""
    assert shifted(written, days, order) == expected


@pytest.mark.parametrize(
    ("written", "order"),
    [
        *((written, "mdy") for written in ("3/4", "March 2019", "2019", "13/13/2019", "02/30/2020", "30/03/2019")),
        *((written, "mdy") for written in ("Foo 3, 2019", "", "on 3/4/2019", "3/4-2019", "\u0663/4/2019")),
        ("03/30/2019", "dmy"),
        ("03/04/2019", "ymd"),
        ("03/04/2019", None),
        ("03/30/2019", None),
    ],
)
def test_what_does_not_parse_does_not_move(written: str, order: DateOrder | None) -> None:
    """A date without a year, one that is none in this order, one of which no order is known, or anything else."""
    assert shifted(written, 1, order) is None


def test_a_date_does_not_leave_the_calendar() -> None:
    """There is no year 10000, and with two digits none after 2068."""
    assert shifted("12/31/9999", 1, "mdy") is None
    assert shifted("12/31/68", 1, "mdy") is None
    assert shifted("01/01/69", -1, "mdy") is None


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["30/03/2019", "03/04/2019"], "dmy"),
        (["03/04/2019", "3.30.19", "March 5, 2019"], "mdy"),
        (["03/04/2019", "05/05/2019"], None),
        (["30/03/2019", "03/30/2019"], None),
        (["2019-30-03", "30/03", "31/31/2019", "Friday"], None),
        ([], None),
    ],
)
def test_the_order_of_a_note_is_told_by_its_dates(dates: list[str], expected: DateOrder | None) -> None:
    """By those of which the day is above twelve, if they agree."""
    assert order_of(dates) == expected


FORMS = [
    "{0:%m/%d/%Y}",
    "{0.month}-{0.day}-{0:%y}",
    "{0:%Y-%m-%d}",
    "{0:%B} {0.day}, {0.year}",
    "{0.day} {0:%b} {0.year}",
]


@given(
    st.dates(date(1971, 1, 1), date(2066, 1, 1)),
    st.dates(date(1971, 1, 1), date(2066, 1, 1)),
    st.integers(-365, 365),
    st.sampled_from(FORMS),
    st.sampled_from(FORMS),
)
def test_intervals_survive(one: date, other: date, days: int, form: str, other_form: str) -> None:
    """In whatever forms two dates are written, as many days lie between them as before."""
    moved = [shifted(form.format(one), days, "mdy"), shifted(other_form.format(other), days, "mdy")]
    read = [parsed(written or "", "mdy") for written in moved]

    assert read == [one + timedelta(days), other + timedelta(days)]
