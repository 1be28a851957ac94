"""Passages in capitals, and without any."""

import pytest

from service.apps.deidentify.engine import casing, lexicon
from service.apps.deidentify.engine.reading import read

WORDS = frozenset(
    ["the", "patient", "was", "brought", "to", "room", "chest", "pain", "seen", "by", "complaint", "chief"]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("THE PATIENT WAS BROUGHT TO THE ROOM.", "the patient was brought to the room."),
        ("SEEN BY OKAFOR IN THE ROOM", "seen by Okafor in the room"),
        ("CHIEF COMPLAINT: Chest pain", "chief complaint: Chest pain"),
        ("seen by okafor", "seen by Okafor"),
        ("Chest pain, COPD", "Chest pain, COPD"),
        ("PATIENT HAS COPD AND CHEST PAIN", "patient has COPD and chest pain"),
    ],
)
def test_a_passage_gets_ordinary_letters(text: str, expected: str) -> None:
    """And a capital where a word can hardly be anything but a name; the length stays."""
    reading, _ = casing.ordinary(read(text, lexicon.load(WORDS)))

    assert reading.text == expected
