"""A tree is written as a pattern again."""

import re

from hypothesis import HealthCheck, given, settings

from service.deidentify.patterns.syntax import parse
from service.deidentify.patterns.unparse import unparse
from tests.support.patterns import PATTERNS, TEXTS


@given(PATTERNS.map(re.compile), TEXTS)
@settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_it_matches_the_same(pattern: "re.Pattern[str]", text: str) -> None:
    """In the same places."""
    again = re.compile(unparse(parse(pattern)), pattern.flags)

    assert [match.span() for match in again.finditer(text)] == [match.span() for match in pattern.finditer(text)]
