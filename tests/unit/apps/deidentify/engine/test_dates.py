"""Dates that move keep their form; what is no date does not move."""

import pytest

from service.apps.deidentify.engine.dates import shifted


@pytest.mark.parametrize(
    ("written", "days", "expected"),
    [
        ("12/03/2019", 30, "01/02/2020"),
        ("3/4/19", -5, "2/27/19"),
        ("28/02/2020", 2, "01/03/2020"),
        ("2019-03-02", 365, "2020-03-01"),
        ("12.31.1999", 1, "01.01.2000"),
        ("March 5th, 2020", -4, "March 1st, 2020"),
        ("Mar 5, 2020", 30, "Apr 4, 2020"),
        ("5 MAY 2011", 27, "1 JUN 2011"),
        ("12-Jan-2011", -12, "31-Dec-2010"),
    ],
)
def test_a_date_moves_in_its_own_form(written: str, days: int, expected: str) -> None:
    """Separators, leading zeros, names, capitals and ordinals stay."""
    assert shifted(written, days) == expected


@pytest.mark.parametrize(
    "written", ["3/4", "March 2019", "2019", "13/13/2019", "02/30/2020", "Foo 3, 2019", "", "on 3/4/2019"]
)
def test_what_does_not_parse_does_not_move(written: str) -> None:
    """A date without a year, one that is none, or anything else: then it is masked."""
    assert shifted(written, 1) is None


def test_a_date_does_not_leave_the_calendar() -> None:
    """There is no year 10000."""
    assert shifted("12/31/9999", 1) is None
