"""Classes of words and lists of spellings, from their files."""

import re

import pytest

from service.apps.deidentify.engine.classes import spellings, word_class


def test_a_class() -> None:
    """Its words, in small letters."""
    assert {"mr", "dr"} <= word_class("titles")
    assert all(word == word.lower() for word in word_class("titles"))


@pytest.mark.parametrize(
    "name", ["before-ratio", "behind-ratio", "holidays", "labels", "rare-streets", "streets", "tests", "units"]
)
def test_spellings_are_an_expression(name: str) -> None:
    """Which any of them matches."""
    assert re.compile(spellings(name)).groups == 0
