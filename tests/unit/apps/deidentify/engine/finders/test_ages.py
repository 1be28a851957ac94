"""Ages from 90."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "a [[97]]-year-old woman",
        "[[97]] yo woman. [[97F]] with falls.",
        "EMS. [[101F]] with falls.",
        "[[97yo]] woman. A [[94yoM]] with falls.",
        "age [[101]], aged [[94]] years",
        "A [[91]] y/o. [[97]] yrs of age. [[Ninety-four]] years old.",
        "He turned [[103]]. Died at [[96]]. In her [[90s]].",
        "89-year-old man, 195 pounds, 95 years ago, T 97 F, temp 98.6F, sat 97%",
        "managed 95 patients",
    ],
)
def test_an_age(engine: Engine, line: str) -> None:
    """In every form; what is younger, and what is no age, stays."""
    assert problem(engine, line) == ""
