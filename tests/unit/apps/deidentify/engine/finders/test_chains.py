"""How the words of a name are put together."""

import pytest

from service.apps.deidentify.engine import lexicon
from service.apps.deidentify.engine.finders.chains import beginning, chain
from service.apps.deidentify.engine.finders.eponyms import is_eponym
from service.apps.deidentify.engine.reading import read


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("Anna Roe went", "roe"),
        ("Anna B. Roe went", "roe"),
        ("Anna van der Berg went", "berg"),
        ("Anna Roe Jr. went", "jr"),
        ("Anna's room", "anna"),
        ("Anna went", "anna"),
        ("Anna. Roe went", "anna"),
    ],
)
def test_where_a_name_ends(text: str, last: str) -> None:
    """With initials, particles and `Jr.`, and before a verb or the end of a sentence."""
    reading = read(text, lexicon.load(frozenset({"went", "room"})))

    assert reading.words[chain(reading, 0)] == last


def test_where_a_name_begins() -> None:
    """With the initials and particles before it."""
    reading = read("by C. B. van Berg", lexicon.load(frozenset()))

    assert reading.words[beginning(reading, len(reading.words) - 1)] == "c"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wilson disease", True),
        ("Wilson's disease", True),
        ("Neer and Hawkins signs", True),
        ("Wilson called", False),
        ("Anna disease", False),
    ],
)
def test_a_term_named_after_somebody(text: str, expected: bool) -> None:  # noqa: FBT001
    """By the noun that follows."""
    assert is_eponym(read(text, lexicon.load(frozenset())), 0) is expected
