"""Hospitals, schools and companies."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.rules import Kind
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Moved over from [[St. Anne's Hospital]].",
        "Ref to endo: [[Cascade Endodontics]]. [[Northgate Periodontics]] called.",
        "moved over from [[st. anne's hospital]]",
        "TRANSFERRED HERE FROM [[ST. ANNE'S HOSPITAL]] FOR CARE.",
        "Seen at [[Bryn and Women's Hospital]].",
        "Seen at [[Children's Hospital Colorado]].",
        "Seen at [[Zebulon Regional Medical Center]].",
        "seen at [[zebulon general hospital]]",
        "Went from [[UPMC]] to [[VUMC]].",
        "Works at [[Kroger]]. Works at [[Costco store #417]].",
        "Attends [[Lincoln Elementary]]. Student at [[Penn State]].",
        "Graduated from [[University of Vermont]].",
        "Seen at [[Hillcrest Dermatology]].",
        "seen at [[hillcrest dermatology]]",
        "Followed at [[Kelvedon Family Medicine]]. Sports medicine, nuclear medicine.",
        "went to [[maplecrest assisted living]]",
        "Works at [[Food 4 Less]]. Labs at [[Quest]].",
        "Resident of [[Meadow Brook Assisted Living]].",
        "She was seen at [[Cincinnati General]].",
    ],
)
def test_a_name_is_masked_whole(engine: Engine, line: str) -> None:
    """In any letter case."""
    assert problem(engine, line) == ""


@pytest.mark.parametrize(
    "line",
    [
        "Orthopedics clinic. Return to clinic. Pain clinic.",
        "Ortho clinic: seen. Peds clinic. Onc clinic. Pulm clinic. Heme clinic: f/u.",
        "Long hospital course. Outside hospital records.",
        "Discharged to a nursing home. Seen in the emergency department.",
        "Primary care clinic, urgent care, outpatient surgery center.",
    ],
)
def test_a_kind_of_place_stays(engine: Engine, line: str) -> None:
    """It names none."""
    assert engine.deidentify(line).text == line


def test_it_is_called_an_organization(engine: Engine) -> None:
    """Not a name, and not a location."""
    assert set(engine.deidentify("Seen at St. Luke's Hospital.").counts) == {Kind.ORGANIZATION}
