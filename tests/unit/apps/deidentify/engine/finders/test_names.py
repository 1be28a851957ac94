"""Names of people, in any letter case."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Patient [[Harriet Colquhoun]] was seen.",
        "pt [[harriet colquhoun]] seen in clinic",
        "[[COLQUHOUN, HARRIET B]] was seen.",
        "Name: [[Ngozi Okafor]]",
        "Patient [[Anne-Marie Lefebvre]] was seen.",
        "Patient [[Pieter van den Broek]] was seen.",
        "Patient [[Samuel Trask Jr.]] was seen.",
        "[[Anna S.]] was treated.",
        "seen with [[anna s.]], better",
        "a 70yo man, [[frank l.]], presented",
        "x-ray l. hip. He drew l. arm up.",
        "[[Mark Miller]] called.",
        "Signed [[L. van der Berg]]",
        "signed, [[l. van der berg]]. quai de seine",
        "[[Chase]] slept most of the night.",
        "Patient [[So Mi]] was seen.",
        "I saw [[Will Johnson]] today. [[Ed Johnson]] was admitted. Re: [[May Johnson]]",
        "[[Johnson]] will be seen by [[Asa Nguyen]].",
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
        "Stevens-Johnson after Bactrim. A Jackson-Pratt drain.",
        "Gilles de la Tourette syndrome",
        "The white count was high. Brown sputum. Rose to stand.",
        "a small rash may be seen; will follow",
    ],
)
def test_an_everyday_word_or_a_term_is_no_name(engine: Engine, line: str) -> None:
    """Where nothing speaks for a person."""
    assert engine.deidentify(line).text == line
