"""Tests of the words without which a pattern cannot match."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rulebook.literals import better, needed
from rulebook.syntax import parse
from service.apps.deidentify.engine.patterns.matching import Text
from tests.support.patterns import PATTERNS, TEXTS


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        pytest.param(r"\bpatient\b", {"patient"}, id="a word"),
        pytest.param("Dr|Mrs?", {"dr", "mr", "mrs"}, id="one of a few"),
        pytest.param(r"\d+ [MN]\.D", {" m.d", " n.d"}, id="a class of a few"),
        pytest.param(r"\d+(years|[a-z]{2,})", set(), id="one alternative has none"),
        pytest.param(r"\w+(?= old)", {" old"}, id="looked for ahead"),
        pytest.param(r"(?<!not )\w+ seen", {" seen"}, id="not looked behind"),
        pytest.param(r"(unit\s)+", {"unit"}, id="repeated at least once"),
        pytest.param(r"(unit)*\d", set(), id="may be left out"),
        pytest.param(r"[^a]\w", set(), id="nothing is sure"),
    ],
)
def test_what_a_text_must_have(pattern: str, words: set[str]) -> None:
    """A text must contain at least one of the words."""
    assert needed(parse(re.compile(pattern))) == words


@given(PATTERNS.map(re.compile), TEXTS)
@settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck))
def test_no_text_without_them_has_a_match(pattern: "re.Pattern[str]", text: str) -> None:
    """A random pattern does not match a text without its words. Case does not matter."""
    words = needed(parse(pattern))

    assert not words or not pattern.search(text) or any(word in Text(text).lower for word in words)


@given(st.sets(st.text("ab")), st.sets(st.text("ab")))
def test_the_longer_words_tell_more(one: set[str], other: set[str]) -> None:
    """The result is one of the two sets or empty, and never has the empty word."""
    chosen = better(one, other)

    assert chosen in (one, other, set())
    assert "" not in chosen
