"""Names of people, in any letter case."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Patient [[Margaret Thornbury]] was seen.",
        "pt [[margaret thornbury]] seen in clinic",
        "[[THORNBURY, MARGARET A]] was seen.",
        "Name: [[Ngozi Okafor]]",
        "Patient [[Jean-Luc Moreau]] was seen.",
        "Patient [[Ludwig van der Heyden]] was seen.",
        "Patient [[Robert Quist Jr.]] was seen.",
        "[[Anna S.]] was treated.",
        "seen with [[anna s.]], better",
        "[[Mark Miller]] called.",
        "[[Chance]] ate half of his lunch.",
        "Patient [[Do In]] was seen.",
    ],
)
def test_a_name_is_masked(engine: Engine, line: str) -> None:
    """With all that belongs to it, and nothing beside it."""
    assert problem(engine, line) == ""


@pytest.mark.parametrize(
    "line",
    [
        "Parkinson disease, Foley catheter, Gleason 7.",
        "Stevens-Johnson syndrome, Child-Pugh B.",
        "The white count was high. Brown sputum. Rose to stand.",
        "a small rash may be seen; will follow",
    ],
)
def test_an_everyday_word_or_a_term_is_no_name(engine: Engine, line: str) -> None:
    """Where nothing speaks for a person."""
    assert engine.deidentify(line).text == line
