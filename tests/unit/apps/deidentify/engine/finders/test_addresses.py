"""Streets and postcodes."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Lives at [[123 Main Street, Springfield]].",
        "lives at [[123 main street]], better today",
        "Lives at [[1455 Pine Hollow Drive, Suite 210]].",
        "Lives at [[221B Baker Street]], [[London NW1 6XE]].",
        "Lives at [[Hauptstraße 5]], [[10115 Berlin]].",
        "Lives at [[14 Rue de Rivoli]], [[75001]].",
        "Lives at [[4780 Arroyo Neck]].",
        "Lives at [[P.O. Box 1234]].",
        "ZIP [[90210-1234]]. Postcode [[M5B 1W8]].",
        "Lives off [[I-95]] near [[Route 9]].",
        "at [[1234 W 45TH STREET]] today",
        "Take 2 tablets in the street clothes way. Stage 3 cancer, seen by Dr. [[Okafor]].",
    ],
)
def test_an_address(engine: Engine, line: str) -> None:
    """Of several countries, and no dose."""
    assert problem(engine, line) == ""
