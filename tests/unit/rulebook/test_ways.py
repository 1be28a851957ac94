"""Tests of splitting part of a pattern into alternatives."""

import re

import pytest
from hypothesis import HealthCheck, given, settings

from rulebook.byte_sets import WORDS
from rulebook.edges import Edges
from rulebook.syntax import BYTES, Nodes, parse
from rulebook.unparse import unparse
from rulebook.ways import beginnings, endings
from tests.support.patterns import BODIES, TEXTS

EDGES = Edges(ignore_case=False)


def tree(pattern: str) -> Nodes:
    """Parse a pattern."""
    return parse(re.compile(pattern))


@pytest.mark.parametrize(
    ("pattern", "by_end", "by_beginning"),
    [
        pytest.param("a|bc", ["a", "bc"], ["a", "bc"], id="alternatives"),
        pytest.param("(?:ab)?", ["ab", ""], ["ab", ""], id="may be left out"),
        pytest.param("(?:ab)??", ["", "ab"], ["", "ab"], id="left out first"),
        pytest.param("a{1,2}", ["a(?:a)?"], ["a(?:a)?"], id="a few times"),
        pytest.param("a+", ["a*a"], ["aa*"], id="once and more"),
        pytest.param("a*", ["a*a", ""], ["aa*", ""], id="any number of times"),
        pytest.param("(?: [a-z]+)*", ["(?: [a-z]+)* [a-z]+", ""], [" [a-z]+(?: [a-z]+)*", ""], id="words"),
        pytest.param("(?:a?b)*", [], ["a?b(?:a?b)*", ""], id="can be cut in many ways"),
        pytest.param(r"(?:\bb)*", [], [], id="each with a boundary"),
        pytest.param("a", [], [], id="but one"),
        pytest.param("a+?", [], [], id="as few as can be"),
    ],
)
def test_ways_by_how_they_end_and_begin(pattern: str, by_end: list[str], by_beginning: list[str]) -> None:
    """The alternatives are in the order in which `re` tries them."""
    [node] = tree(pattern)

    assert endings(node, EDGES) == list(map(tree, by_end))
    assert beginnings(node, EDGES) == list(map(tree, by_beginning))


def test_a_character_is_of_a_word_or_not() -> None:
    """A class with both word characters and others is split in two."""
    [node] = tree(r"[\-a]")

    assert endings(node, EDGES) == [[(BYTES, EDGES.bytes_of(node) & WORDS)], [(BYTES, EDGES.bytes_of(node) & ~WORDS)]]


@given(BODIES, TEXTS)
@settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck))
def test_the_ways_together_are_the_whole(pattern: str, text: str) -> None:
    """Tried in order, the alternatives have the same matches as the pattern, whatever follows them."""
    nodes = tree(pattern)
    for ways in (endings(nodes[0], EDGES), beginnings(nodes[0], EDGES)):
        if ways and not any(BYTES in node for way in ways for node in way):
            again = re.compile("(?:" + "|".join(unparse([*way, *nodes[1:]]) for way in ways) + ")")
            expected = [match.span() for match in re.finditer(pattern, text)]

            assert [match.span() for match in again.finditer(text)] == expected
