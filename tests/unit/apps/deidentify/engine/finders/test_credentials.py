"""Names before credentials."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "[[FILBERT BRIGHT]], M.D.",
        "[[filbert bright]], m.d.",
        "Reviewed. [[R.J. Ortiz]], PA-C",
        "[[Grace Wood]], RN",
        "[[owen m gallagher]], md",
        "[[Sage Brooks]], PGY-2. [[Grace Bell]], LMFT. [[Summer Fields]], BCBA",
        'labeled "[[Hall]], left breast" is received fresh; labeled "[[Young]]"',
        "Take it to the MD. Pain management, RN to call.",
    ],
)
def test_what_stands_before_a_credential(engine: Engine, line: str) -> None:
    """A name in any letter case."""
    assert problem(engine, line) == ""
