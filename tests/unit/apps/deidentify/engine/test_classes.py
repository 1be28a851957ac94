"""Classes of words and lists of spellings, from their files."""

import re
import tomllib
from importlib import resources

import pytest

from service.apps.deidentify import engine
from service.apps.deidentify.engine.classes import spellings, word_class

CLASSES = tomllib.loads(resources.files(engine).joinpath("words", "classes.toml").read_text(encoding="utf-8"))


def test_a_class() -> None:
    """Its words, in small letters."""
    assert {"mr", "dr"} <= word_class("titles")
    assert all(word == word.lower() for word in word_class("titles"))


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_words_of_a_class_can_stand_in_a_text(name: str) -> None:
    """As a text is cut into words, of letters and digits alone."""
    assert [word for word in word_class(name) if not re.fullmatch(r"[a-z0-9]+", word)] == []


@pytest.mark.parametrize(
    "name", ["before-ratio", "behind-ratio", "holidays", "labels", "rare-streets", "streets", "tests", "units"]
)
def test_spellings_are_an_expression(name: str) -> None:
    """Which any of them matches."""
    assert re.compile(spellings(name)).groups == 0
