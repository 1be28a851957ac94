"""RE2 finds what `re` finds: every pattern of philter-lite, in the same places."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.deidentify import rules
from service.deidentify.matching import Finder, Finders, Text
from service.deidentify.rules import Rule
from service.deidentify.syntax import UnsupportedError
from tests.support.notes import notes

PATTERNS = [
    r"\b[A-Z][a-z]+\b(?=\sMD\b)",
    r"(?<!x)a+b?\b",
    r"\b(?!.*STOP)[a-z]+\b",
    r"(?<=at\s)[A-Z][\-aA-zZ]+\b",
    r"[\-a-c]+\b",
    r"\d{2,3}(?!mg|cc)\b",
    r"(?i)kiss(?!\sof[^a-b])",
    r"(\b\d\-)?\d{3}(\.)?\b",
    r"[^-/]\b\d+",
    r"((?<=in\s)|(?<=near\s))[A-Z]+|[a-c](?=\d)",
    r"a{1,2}?\b",
]


@pytest.fixture(scope="session")
def patterned() -> list[Rule]:
    """philter-lite's rules that are patterns."""
    return [rule for rule in rules.load().rules if rule.type in ("regex", "regex_context")]


@pytest.fixture(scope="session")
def finders(patterned: list[Rule]) -> Finders:
    """Them, in RE2."""
    return Finders.of(rule.filter.data for rule in patterned)


@given(notes())
@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_each_pattern_finds_the_same(finders: Finders, patterned: list[Rule], note: str) -> None:
    """Whatever the note."""
    expected = [[match.span() for match in rule.filter.data.finditer(note)] for rule in patterned]

    assert finders.find(Text(note)) == expected


@pytest.mark.parametrize("pattern", PATTERNS)
@given(
    st.lists(
        st.sampled_from(
            [*"aAbBcxZ12 -._\n'\u017f\u212a\u0130\u0131\u0663é“", "at ", "in ", " MD", "STOP", "mg", "kiss", " of"]
        ),
        max_size=30,
    ).map("".join)
)
@settings(max_examples=150, deadline=None, database=None)
def test_patterns_that_show_each_way_of_saying_it(pattern: str, note: str) -> None:
    """Boundaries, lookarounds and ends that may be of a word or not."""
    compiled = re.compile(pattern)

    assert Finder(compiled).find(Text(note)) == [match.span() for match in compiled.finditer(note)]


def test_a_pattern_that_may_match_nothing_is_refused() -> None:
    """No filter is one, and `finditer` has rules of its own for it."""
    with pytest.raises(UnsupportedError):
        Finder(re.compile("a*"))
