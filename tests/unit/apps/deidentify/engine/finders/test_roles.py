"""Names behind roles and relations."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "His son [[Will]] and daughter [[Grace]] are at bedside.",
        "his son [[will]] and daughter [[grace]] are at bedside",
        "his son will bring him",
        "Spoke with [[Rose]], her sister.",
        "Daughter [[Faith]] called. Mother [[Joy]] called.",
        "patient [[hope small]] was seen",
        "pt denies pain; pt may eat; pt will return",
        "Pt [[J.D.]] is stable.",
        "Health care proxy is [[Ngozi Okafor]].",
    ],
)
def test_what_stands_behind_a_role(engine: Engine, line: str) -> None:
    """A word of the lists is a name there, also where it is an everyday word; a verb is none."""
    assert problem(engine, line) == ""
