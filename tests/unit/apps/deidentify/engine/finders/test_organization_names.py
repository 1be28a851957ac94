"""Where the name of an organization begins and ends."""

import pytest

from service.apps.deidentify.engine import lexicon
from service.apps.deidentify.engine.finders.organization_names import beginning, end
from service.apps.deidentify.engine.reading import read


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("at Mercy General Hospital today", "Mercy General Hospital"),
        ("at the Zebulon Clinic today", "Zebulon Clinic"),
        ("at Brigham and Women's Hospital today", "Brigham and Women's Hospital"),
        ("at Hospital of Atlanta today", "Hospital of Atlanta"),
        ("in the pain clinic today", ""),
        ("in the hospital today", ""),
    ],
)
def test_a_name(text: str, name: str) -> None:
    """From its first word that tells something to what follows of it."""
    reading = read(text, lexicon.load(frozenset({"pain", "today"})))
    head = next(number for number, word in enumerate(reading.words) if word in ("hospital", "clinic"))
    first = beginning(reading, head)

    assert ("" if first is None else text[reading.starts[first] : reading.stops[end(reading, head)]]) == name
