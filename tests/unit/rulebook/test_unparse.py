"""Tests of writing a tree as a pattern again."""

import re

import pytest
from hypothesis import HealthCheck, given, settings

from rulebook.syntax import parse
from rulebook.unparse import unparse
from tests.support.patterns import PATTERNS, TEXTS


@pytest.mark.parametrize(
    "pattern",
    [
        *("a", "[^a]", ".", "[^ab-c]", r"[\d\D\s\S\w\W]", r"\b", "a.|b", "(?:ab)?", ".{2,}?", "a{3}", "[\\]^-]"),
        *("(?=a)", "(?<=a)", "(?!a)", "(?<!a)", "(?!a|.*b)"),
    ],
)
def test_it_has_the_same_tree(pattern: str) -> None:
    """This holds for every kind of node."""
    tree = parse(re.compile(pattern))

    assert parse(re.compile(unparse(tree))) == tree


@given(PATTERNS.map(re.compile), TEXTS)
@settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck))
def test_it_matches_the_same(pattern: "re.Pattern[str]", text: str) -> None:
    """A random pattern has the same matches after it was parsed and written again."""
    again = re.compile(unparse(parse(pattern)), pattern.flags)

    assert [match.span() for match in again.finditer(text)] == [match.span() for match in pattern.finditer(text)]
