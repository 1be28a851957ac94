"""Tests of the bytes with which part of a pattern can begin and end."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rulebook import byte_sets
from rulebook.byte_sets import EDGE, mask
from rulebook.edges import Edges
from rulebook.syntax import UnsupportedError, op, parse
from tests.support.patterns import BODIES

MINDING = Edges(ignore_case=False)


@pytest.mark.parametrize(
    ("pattern", "first", "last"),
    [
        pytest.param("ab", b"a", b"b", id="a sequence"),
        pytest.param("a?bc*", b"ab", b"bc", id="what may be left out"),
        pytest.param("ab|c", b"ac", b"bc", id="alternatives"),
        pytest.param("(a|b?)c", b"abc", b"c", id="alternatives of which one is nothing"),
        pytest.param("(ab)+", b"a", b"b", id="repeats"),
        pytest.param(r"\ba(?!x)b\b", b"a", b"b", id="assertions take nothing"),
        pytest.param("a?", b"a<", b"a>", id="what may be nothing"),
    ],
)
def test_where_it_begins_and_ends(pattern: str, first: bytes, last: bytes) -> None:
    """Parts that can be empty are passed over. Beyond them are the neighbours: here `<` after and `>` before."""
    tree = parse(re.compile(pattern))

    assert (MINDING.first(tree, mask(b"<")), MINDING.last(tree, mask(b">"))) == (mask(first), mask(last))


def test_what_is_looked_for_ahead_narrows_what_follows() -> None:
    """`a?(?=bc)` begins with `a` or `b`."""
    assert MINDING.first(parse(re.compile("a?(?=bc)")), EDGE) == mask(b"ab")


@given(BODIES.map(re.compile), st.data())
@settings(database=None, suppress_health_check=list(HealthCheck))
def test_no_match_begins_or_ends_otherwise(pattern: "re.Pattern[str]", data: st.DataObject) -> None:
    """No match of a random pattern begins with, ends with or contains bytes outside of the computed sets."""
    text = data.draw(st.from_regex(pattern, alphabet="aAbB1 _-.x", fullmatch=True))
    tree = parse(pattern)
    first, last = MINDING.first(tree, EDGE), MINDING.last(tree, EDGE)

    assert first & (mask(text[:1].encode()) if text else EDGE)
    assert last & (mask(text[-1:].encode()) if text else EDGE)
    assert not mask(text.encode()) & ~MINDING.inside(tree)


def test_case_counts_or_not() -> None:
    """If case is ignored, a set has both cases of a letter, and a negated set has neither."""
    assert Edges(ignore_case=True).bytes_of((op.LITERAL, ord("a"))) == mask(b"aA")
    assert Edges(ignore_case=True).bytes_of((op.NOT_LITERAL, ord("a"))) == byte_sets.ALL & ~mask(b"aA")
    assert MINDING.bytes_of((op.NOT_LITERAL, ord("a"))) == byte_sets.ALL & ~mask(b"a")


@pytest.mark.parametrize("pattern", ["é", "[^é]", "[a-é]", r"\b"])
def test_what_has_no_bytes_is_refused(pattern: str) -> None:
    """A non-ASCII character has no byte of its own, and an assertion matches no character."""
    with pytest.raises(UnsupportedError):
        MINDING.bytes_of(parse(re.compile(pattern))[0])


@pytest.mark.parametrize(("pattern", "expected"), [(" [a-z]+", True), ("[a-z ]", True), (" a ", False), ("a?b", False)])
def test_a_repeat_can_be_cut_in_one_way_only(pattern: str, expected: bool) -> None:  # noqa: FBT001
    """This holds if the first character cannot occur in the rest."""
    assert MINDING.begins_apart(parse(re.compile(pattern))) is expected
