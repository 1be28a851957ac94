"""What words can be."""

from itertools import pairwise

import pytest

from service.apps.deidentify.engine import lexicon
from service.apps.deidentify.engine.lexicon import Is


@pytest.mark.parametrize(
    ("word", "is_it", "is_not"),
    [
        ("margaret", Is.GIVEN | Is.NAME, Is.WORD),
        ("okafor", Is.SURNAME | Is.NAME, Is.WORD),
        ("rose", Is.GIVEN | Is.WORD, Is.NAME),
        ("chicago", Is.PLACE | Is.TOWN, Is.WORD),
        ("reading", Is.PLACE | Is.WORD, Is.TOWN),
        ("foley", Is.EPONYM, Is.TOWN),
        ("keytruda", Is.TERM, Is.NAME),
        ("hospital", Is.HEAD, Is.NAME),
        ("march", Is.MONTH, Is.NAME),
    ],
)
def test_a_word(word: str, is_it: int, is_not: int) -> None:
    """By the lists, and by whether it is an everyday word too."""
    bits = lexicon.load(frozenset({"rose", "foley"})).flags[word]

    assert bits & is_it == is_it
    assert not bits & is_not


def test_phrases_begin_with_their_first_word() -> None:
    """Of places and of organizations, the longest first."""
    words = lexicon.load(frozenset())

    assert ("new", "york") in words.large_towns
    assert ("mayo", "clinic") in words.organizations["mayo"]
    assert all(len(first) >= len(second) for each in words.places.values() for first, second in pairwise(each))
