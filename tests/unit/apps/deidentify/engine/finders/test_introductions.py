"""Names by what introduces somebody."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem

LINES = """
[[Ace]] is a 3 y.o. male. [[Sage]] is an 8 y.o. with ADHD. [[Honesty]] is a 16 yo F.
[[Wren]] is a 6 m.o. girl. [[Nova]] is a 3 wk old. [[Reign Carter]] is a 9 month old.
[[True]], a 2 week old male, was seen.
Infant is a 3 day old female. Patient is a 55 y.o. man. She is a 60 year old. This is a 40 y.o. Mother is a 30 yo F.
Fracture is a 2 week old injury. Rash was a 3 day old problem.
The plan is a 10 day course. Duration is a 3 month trial. Treatment was a 6 week taper.
COLON, [[MARIA]]: HEPATIC FLEXURE
[[COLON, MARIA]] MRN [[4829102]]
Seen today. [[COLON, MARIA]] MRN [[4829102]]
[[HEAD, THOMAS]] DOB [[01/02/1960]]
Name: [[DO, KIM]]
PATIENT NAME: [[HER, PAO B]] MRN: [[4829102]]
Patient: alert, oriented
Baby Boy [[Fields]] was fed. Newborn girl [[Frost]]. Baby Girl Born at 0312.
Goes by [[Red]]. Prefers to be called "[[Skip]]". Preferred name: [[Sky]]. Aka [[Smoke]]. Preferred name: None
"""


@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_who_is_introduced(engine: Engine, line: str) -> None:
    """Whatever word it is; words that only tell what somebody is stay."""
    assert problem(engine, line) == ""
