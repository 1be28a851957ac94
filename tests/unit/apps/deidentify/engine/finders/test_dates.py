"""Dates in all forms."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem

DATES = [
    "03/12/2019",
    "3/12",
    "12.3.19",
    "2019-03-12",
    "20190312",
    "12-Mar-2019",
    "12Mar19",
    "03 / 12 / 2019",
    "5/2020",
    "March 12th, 2019",
    "12 March 2019",
    "3. April 1950",
    "third of May",
    "Aug 10, '23",
    "March of 2019",
    "summer of 2019",
    "New Year's Eve",
    "Thanksgiving",
    "Friday",
    "Monday the 4th",
    "June 15 to 16",
    "3/80",
]


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize("case", [str, str.lower, str.upper], ids=["as written", "small", "capitals"])
def test_a_date(engine: Engine, date: str, case: type[str]) -> None:
    """In any letter case."""
    line = case("She was seen on ") + f"[[{case(date)}]]" + case(" and went home well.")

    assert problem(engine, line) == ""


@pytest.mark.parametrize(
    "line",
    [
        "You may take 2 tablets. May 5 mg be given? A fall last summer. Quit in 1998.",
        "Pain 8/10, now 4/10. Strength 4/5 in both arms. A murmur 2/6. Vision 6/6.",
        "Ribs 7-9, every 4-6 hours, AST/ALT 45/52, MMSE 28/30.",
        "Percocet 5/325 one tablet.",
        "3/10 epigastric pain. The 4th and 5th toes. A 2nd dose.",
    ],
)
def test_what_looks_like_a_date_and_is_none(engine: Engine, line: str) -> None:
    """It stays."""
    assert engine.deidentify(line).text == line


def test_a_date_of_birth_without_signs(engine: Engine) -> None:
    """By its label."""
    assert problem(engine, "DOB: [[010250]]") == ""


def test_a_day_of_the_month(engine: Engine) -> None:
    """Also without the month, where it can be nothing else."""
    assert problem(engine, "He must leave by the [[15th]]. Seen [[fri]] [[4/5]] and [[Mon 5/8]].") == ""
    assert problem(engine, "On the [[3rd]] he fell; on the [[12th]] of this month, too. On the 3rd toe.") == ""


@pytest.mark.parametrize(
    "line",
    [
        "RTC [[Wed]]. RTC [[Wed]] for labs. Appt [[Tues]]. Surgery [[Mon]] am. [[Sat]] night he fell. Sat 95%.",
        "Started [[Wed]], worse [[Fri]]. D/c [[Sun]]. [[Tues]] he felt worse.",
        "HD [[Mon]]/[[Wed]]/[[Fri]]. On [[14/Feb/2023]].",
        "Surgery in [[Oct]]. Seen in [[Oct]] for rash. Mid [[Nov]]. OCT of the macula showed edema.",
        "Admitted [[3-14]], discharged [[3-18]]. Seen on [[3-14]]. Transferred: [[3-14]]. On 2-3 of them.",
        "[[3/4]] upper endoscopy: gastritis. PHQ-9 ([[4/9]]): 12. MoCA [[6/7]] 22/30. Call [[617-555 0142]].",
    ],
)
def test_a_short_date(engine: Engine, line: str) -> None:
    """Of a weekday, a month, or two numbers, behind or before what speaks for a day."""
    assert problem(engine, line) == ""
