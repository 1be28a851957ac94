"""Streets and postcodes."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Lives at [[88 Chestnut Street, Millville]].",
        "lives at [[88 chestnut street]], better today",
        "Lives at [[902 Cedar Ridge Drive, Suite 44]].",
        "He lives at [[34 Old Post Road]] or [[120 Post Road]]. At 45 old man was on the road.",
        "GCS 15 (E4V5M6). Postcode [[E4V 5M6]].",
        "Lives at [[17 Marlow Road]], [[London SE5 9RS]].",
        "Lives at [[Gartenstraße 12]], [[80331 Munich]].",
        "Lives at [[22 Rue de Lille]], [[75007]].",
        "Lives at [[3127 Quarry Knolls]].",
        "Lives at [[P.O. Box 771]].",
        "ZIP [[60614-3321]]. Postcode [[K1A 0B1]].",
        "Lives off [[I-80]] near [[Route 66]].",
        "lives off [[i-80]] near [[route 66]]. I-131 scan, route of 2 doses.",
        "lives at [[88 chestnut st apt 2r]], better",
        "at [[1234 W 45TH STREET]] today",
        "Take 2 tablets in the street clothes way. Stage 3 cancer, seen by Dr. [[Okafor]].",
    ],
)
def test_an_address(engine: Engine, line: str) -> None:
    """Of several countries, and no dose."""
    assert problem(engine, line) == ""
