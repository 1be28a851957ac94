"""The model of the extra `ner`."""

import pytest

from service.apps.deidentify.engine.models.rampart import Rampart, load


@pytest.fixture(scope="module")
def rampart() -> Rampart:
    """As it is installed."""
    return load()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Spoke with quentin abernethy about it.", {("quentin", "NAME"), ("abernethy", "NAME")}),
        ("She lives in springfield.", {("springfield", "LOCATION")}),
        ("Chest pain on exertion, no fever.", set()),
        ("", set()),
    ],
)
def test_what_it_sees(rampart: Rampart, text: str, expected: set[tuple[str, str]]) -> None:
    """Names and places, also in small letters; tokens that are parts of a word are joined by those who ask."""
    found = {(text[start:stop], kind) for start, stop, kind in rampart.find(text)}
    words = {
        (word, kind)
        for word in text.replace(".", "").split()
        for part, kind in found
        if part in word and kind != "NUMBER"
    }
    assert words == expected
    assert rampart.name.startswith("rampart 1.")


def test_a_long_text_is_read_to_its_end(rampart: Rampart) -> None:
    """In windows, each of which sees a part of the one before."""
    text = "Chest pain on exertion, no fever. " * 60 + "Spoke with quentin abernethy about it."

    assert {text[start:stop] for start, stop, _ in rampart.find(text) if start > 2040} >= {"quentin"}


def test_it_can_be_asked_for_any_text(rampart: Rampart) -> None:
    """However strange it is; places are within it."""
    for text in ("\n\n", "~" * 3000, "a" * 5000, "1" * 700, "x y " * 400):
        assert all(0 <= start < stop <= len(text) for start, stop, _ in rampart.find(text))
