"""Towns and counties."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "From [[Chicago]]. FROM [[CHICAGO]]. from [[chicago]]",
        "Grew up in [[Hull]] and [[Sandwich]].",
        "lives in [[wake county]]",
        "lives in [[new york]], moved from [[salt lake city]]",
        "Seen in [[Dallas, TX]] in 2010.",
        "Works at the [[Port of Antwerp]].",
        "They live in [[Port Amanda]].",
        "Reading glasses. Warm bath. The mobile unit. A nice man in mild distress.",
    ],
)
def test_a_place(engine: Engine, line: str) -> None:
    """From the list, and everyday words behind `grew up in` and the like."""
    assert problem(engine, line) == ""
