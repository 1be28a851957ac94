"""Identifiers by their label."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "MRN: [[1234-5678]]. MRN: [[QRS-4821]]. MRN#[[0012345]]",
        "Chart [[QRS-4821-B]], account [[ACC-9876543]], FIN [[2025-0009]].",
        "SSN [[123 45 6789]], NHS number [[943 476 5919]].",
        "Member ID [[W22884310-01]], Medicaid ID [[AB12345C]], policy # [[5521]].",
        "Serial [[SN-MD9A7Z-55621]], lot [[4A77B]], plate [[7ABC123]], passport [[X1234567]].",
        "PESEL [[44051401359]]. OHIP [[1234-567-890-XY]]. NIR [[1 85 12 75 108 001 42]]. DEA [[BL1234563]].",
        "Room [[412B]], bed [[7]], apt. [[764]].",
        "Case 3 of the group. Model 2 fits. Visit 3. Order 2 units. Bed rest. Room air. Card game.",
    ],
)
def test_what_stands_behind_a_label(engine: Engine, line: str) -> None:
    """Whatever its form; without a label that says so, a small number stays."""
    assert problem(engine, line) == ""
