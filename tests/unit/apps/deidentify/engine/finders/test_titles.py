"""Names behind titles."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Seen by Dr. [[Church]] today.",
        "seen by dr. [[church]] today",
        "dr. [[may]] and dr. [[will]] agree",
        "Ms. [[Young]] is well. Mr. [[Brown]] is well.",
        "Mr [[Case]] is well.",
        "Drs. [[Smith]] and [[Okafor]] agree.",
        "Mr. [[St. John]] was seen.",
        "Nurse [[Wood]] changed the dressing.",
        "nurse [[black]] gave the dose. NURSE [[BLACK]] GAVE THE DOSE.",
        "Mr. [[W.]] was admitted.",
        "ms [[o'brien]] called. MS [[O'BRIEN]] CALLED. spoke with mr. [[d'angelo]]",
        "mr [[case]] was seen. mr case discussed. dr case discussed.",
        "mr [[van der berg]] was seen",
        "The Dr. will see her. The nurse practitioner called. Doctor's orders.",
    ],
)
def test_what_stands_behind_a_title(engine: Engine, line: str) -> None:
    """A name in any letter case; a verb or a noun is none."""
    assert problem(engine, line) == ""
