"""Places and organizations by their label."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "City: [[Orange]]\nState: CA\nCounty: [[Orange]]",
        "Town: [[Orange]] State: CA\nPlace of birth: [[Mobile]]\nBirthplace: [[Reading]]",
        "TOWN: [[ORANGE]]. Street: [[Cherry]]",
        "Facility: [[Shady Pines]]. Employer: [[Target]]; Hospital: [[Mercy]]",
        "Hospital: [[Sunrise]]\nResidence: The [[Meadows]]\nHospice: [[Garden of the Rose]], open",
        "Workplace: [[Mercy-Sunrise]]",
        "School: [[Bright Horizons]]. SNF: [[Heartland]]; NH: [[Shady Pines]]. School: doing well. Daycare: No",
        "city: [[orange]]\nhospital: [[shady pines]]\ncounty: [[ORANGE]]",
        "city: unknown\nhospital: stable on day 3\nresidence: lives alone\nemployer: worked at night",
        "Hospital: Chest pain\nPharmacy: Metformin refill\nPlace of birth: Term\nhospital: severe sepsis",
        "City: Unknown. Employer: Retired. Facility: Home. Hospital: Day 3. Pharmacy: Please refill.",
        "Residence: Lives alone. Employer: None. Nursing home: No. Hospital course: Stable.",
    ],
)
def test_what_stands_behind_a_label(engine: Engine, line: str) -> None:
    """Go, everyday words too, but for those that name no place."""
    assert problem(engine, line) == ""
