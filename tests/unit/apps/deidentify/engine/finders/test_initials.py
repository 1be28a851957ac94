"""Initials."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Initials [[M.K.]] on the form.",
        "Seen by [[R.J. Ortiz]] today.",
        "Transcribed by: [[mlt]]\nDT: 07:31:55 [[RJM/MODL]] Job# [[44120]]. Typed by her. Transcribed by rn.",
        "L&D H&P. [[Fatoumata Diallo]] is 27. See A&P. [[Maria Lopez]] seen. Seen by [[J. P. Morgan]].",
        "Brother [[Leroy]] d. 2019. Mother [[Rosa]] d. 62 breast ca. H/o Whipple, h/o Barrett's.",
        "Dictated 3 pages [[FH/AJ]]",
        "initials [[m.k.]] on the form",
        "electronically signed by [[lee, k]]. Reviewed by [[Park, J]].",
        "Net negative 6.2 L. Weight is down. Child-Pugh B. Sodium is low.",
        "Take 5 mg p.o. b.i.d. for pain, i.v. if needed.",
    ],
)
def test_initials(engine: Engine, line: str) -> None:
    """Of people, and not of how a drug is taken."""
    assert problem(engine, line) == ""
