"""Tests of writing pattern trees as RE2 expressions."""

import re

import pytest
import re2

from rulebook.byte_sets import EDGE, NEVER, mask
from rulebook.edges import ANYTHING, Edges
from rulebook.expressions import avoiding, choice, sequence
from rulebook.spelling import Speller
from rulebook.syntax import UnsupportedError, parse

OPTIONS = re2.Options()
OPTIONS.encoding = re2.Options.Encoding.LATIN1

WORD, SPACE = mask(b"a"), mask(b" ")


def speller(*, is_ascii: bool = False, is_loose: bool = False) -> Speller:
    """Make a case-sensitive speller."""
    return Speller(Edges(ignore_case=False), is_ascii=is_ascii, is_loose=is_loose)


@pytest.mark.parametrize(
    ("pattern", "before", "after", "expected"),
    [
        pytest.param(r"\ba", SPACE, SPACE, rb"\x61", id="always there"),
        pytest.param(r"\ba", WORD, SPACE, NEVER, id="never there"),
        pytest.param(r"(a|b\b)", SPACE, WORD, rb"(?:\x61)", id="one alternative cannot be"),
        pytest.param(r"[\-a]\b", SPACE, WORD, rb"(?:\x2d)", id="but one kind of character can be"),
        pytest.param(r"[\-a]+\b", SPACE, WORD, rb"(?:(?:[\x2d\x61])*(?:\x2d))", id="as the last of many"),
        pytest.param(r"a\b( b)?", SPACE, SPACE, rb"\x61(?:\x20\x62)?", id="whatever follows"),
    ],
)
def test_boundaries_are_decided_by_their_neighbours(pattern: str, before: int, after: int, expected: bytes) -> None:
    r"""The expressions have no `\b`."""
    assert speller().spell(parse(re.compile(pattern)), before, after) == expected


def test_for_ascii_re2s_own_boundary_will_do() -> None:
    """It gives a shorter expression if the neighbours can be anything."""
    assert speller(is_ascii=True).spell(parse(re.compile(r"[^b]\b"))) == rb"[\x00-\x61\x63-\x83]\b"


@pytest.mark.parametrize(
    ("pattern", "loosely"), [(r"\ba", rb"\x61"), (r"a(?!b)a", rb"\x61\x61"), ("(?=a*)a", rb"\x61")]
)
def test_what_depends_on_the_unknown_is_refused_or_left_out(pattern: str, loosely: bytes) -> None:
    """A loose expression leaves it out. It matches at least what the pattern matches."""
    tree = parse(re.compile(pattern))

    with pytest.raises(UnsupportedError):
        speller().spell(tree)
    assert speller(is_loose=True).spell(tree) == loosely


@pytest.mark.parametrize(
    ("follows", "expected"),
    [(b"", True), (b"c", True), (b"ca", True), (b"cb", False), (b"a", True), (b"bb", False), (b"b", False)],
)
def test_what_is_barred_may_not_follow(follows: bytes, expected: bool) -> None:  # noqa: FBT001
    """Neither `b` nor `cb` may follow. Anything else may, and so may the end of the text."""
    program = re2.compile(avoiding([[mask(b"b")], [mask(b"c"), mask(b"b")]]), OPTIONS)

    assert (program.match(follows) is not None) is expected


def test_what_is_barred_from_the_start_never_fits() -> None:
    """Every text starts with the empty sequence, so barring it matches nothing."""
    assert avoiding([[]]) == NEVER
    assert avoiding([]) == b""
    assert avoiding([], EDGE) == rb"(?:\z)"
    assert avoiding([], ANYTHING & ~EDGE) == rb"(?:[\x00-\x83])"


def test_never_is_never_whatever_stands_beside_it() -> None:
    """A sequence with NEVER is NEVER. A choice leaves NEVER out."""
    assert sequence([b"a", NEVER]) == NEVER
    assert sequence([b"a", b"b"]) == b"ab"
    assert choice([NEVER, b"a"]) == b"(?:a)"
    assert choice([NEVER]) == NEVER
