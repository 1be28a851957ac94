"""What rules found, seen from the text."""

from service.apps.deidentify.engine.finding import Find, where
from service.apps.deidentify.engine.rules import Kind


def test_where_finds_are() -> None:
    """Per character, also where they overlap."""
    finds = [Find(1, 3, Kind.NAME, ""), Find(2, 4, Kind.DATE, "")]

    assert list(where(6, finds)) == [0, 1, 1, 1, 0, 0]
    assert list(where(2, [])) == [0, 0]
