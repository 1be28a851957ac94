"""Identifiers by their label."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "MRN: [[1234-5678]]. MRN: [[TKV-7305]]. MRN#[[0012345]]",
        "Chart [[TKV-7305-D]], account [[AQ-4410982]], FIN [[2019-0417]].",
        "SSN [[123 45 6789]], NHS number [[401 023 2137]].",
        "Member ID [[K55019273-02]], Medicaid ID [[CD67890E]], policy # [[5521]].",
        "Serial [[SN-QT4B2X-88013]], lot [[9C31F]], plate [[4XYZ987]], passport [[L7654321]].",
        "PESEL [[02070803628]]. OHIP [[9876-543-217-AB]]. NIR [[2 69 05 49 588 157 80]]. DEA [[FM2345670]].",
        "Incident # [[24-118]]. Subject # [[004]]. Badge # [[2217]]. Complaint # 1: headache. Device # 2.",
        "Plate [[ABC 123]]. License plate: [[7ABC123]]. plates [[ABC 1234]]. plate 3 mm, tag 24.",
        "Transferred to [[7N]] from [[5 West]]. Floor [[6NE]]. on 2 west-facing steps.",
        "Room [[308C]], bed [[12]], [[apt. 915]]. [[Suite 12B]], [[flat 3]].",
        "Badge [[2217]], intake [[#2019-33871]].",
        "EEG #[[23-0871]]. IRB # [[2022-0418]]. Teeth #18-20, blade #11-12, #2-0 silk.",
        "Medicare [[2428 77813 2]]. Medicare No [[3950 12345 1 / 2]]. Medicare card: [[2950 12345 1-1]].",
        "date of birth [[six twelve fifty one]] medical record number [[four four one nine two]] comma",
        "DOB [[march third nineteen fifty one]]. Phone number [[five five five, oh one four four]].",
        "The number four or five lesion. Phone two times. Born two days ago at thirty two weeks.",
        "Case 3 of the group. Model 2 fits. Visit 3. Order 2 units. Bed rest. Room air. Card game.",
    ],
)
def test_what_stands_behind_a_label(engine: Engine, line: str) -> None:
    """Whatever its form; without a label that says so, a small number stays."""
    assert problem(engine, line) == ""
