"""Places and organizations keep their form."""

import re

import pytest

from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.surrogates import places
from service.apps.deidentify.engine.surrogates.words import words_of

SECRET = b"s" * 32


@pytest.mark.parametrize(
    ("part", "form"),
    [
        ("Boston", r"[A-Z][a-z]+( [A-Z][a-z]+)?"),
        ("New York", r"[A-Z][a-z]+( [A-Z][a-z]+)?"),
        ("BOSTON", r"[A-Z]+( [A-Z]+)?"),
        ("Boston, MA 02139", r"[A-Z][a-z ]+([A-Z][a-z]+)?, [A-Z]{2} \d{5}"),
        ("123 Main Street", r"\d{3} [A-Z][A-Za-z ]+ Street"),
        ("Texas", r"[A-Z][a-z]+"),
    ],
)
def test_a_place(engine: Engine, part: str, form: str) -> None:
    """Digits for digits, a state for a state, a town for the rest; the kind of street stays."""
    words = words_of(part, bytes(each.isalnum() for each in part), engine.words)
    new = places.location(part, words, SECRET)

    assert re.fullmatch(form, new)
    assert not set(re.findall(r"\w+", new)) & set(re.findall(r"\w+", part)) - {"Street"}


@pytest.mark.parametrize(
    ("part", "form"),
    [
        ("Lakeview Hospital", r"[A-Z][a-z]+ Hospital"),
        ("UCSF", r"[A-Z]{4}"),
        ("Walmart", r"[A-Z][a-z]+"),
        ("General Hospital", r"[A-Z][a-z]+ Hospital"),
        ("university of zorblatt", r"university of [a-z]+"),
    ],
)
def test_an_organization(engine: Engine, part: str, form: str) -> None:
    """Words that say what it is stay, unless there are no others."""
    words = words_of(part, bytes(each.isalnum() for each in part), engine.words)
    new = places.organization(part, words, SECRET)

    assert re.fullmatch(form, new)
    assert new != part
