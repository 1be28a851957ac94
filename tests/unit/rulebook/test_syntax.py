"""Tests that the trees of `re` are as expected, and of the questions that are answered about trees."""

import re
from importlib import import_module
from platform import python_version
from typing import Any

import pytest

from rulebook.syntax import (
    KNOWN,
    UnsupportedError,
    has_assertion,
    is_nullable,
    op,
    parse,
    require_known,
)
from service.apps.deidentify.engine import rules

# `re`'s private names of the kinds of nodes that are relied on.
NAMES = {
    *("ANY", "ASSERT", "ASSERT_NOT", "AT", "BRANCH", "IN", "LITERAL", "MAX_REPEAT", "MIN_REPEAT", "NOT_LITERAL"),
    *("SUBPATTERN", "AT_BOUNDARY", "MAXREPEAT"),
    *("NEGATE", "RANGE", "CATEGORY", "CATEGORY_DIGIT", "CATEGORY_NOT_DIGIT", "CATEGORY_SPACE", "CATEGORY_NOT_SPACE"),
    *("CATEGORY_WORD", "CATEGORY_NOT_WORD"),
}

_parser: Any = import_module("re._parser")  # private; its trees are tested here


def names_in(part: object) -> set[str]:
    """Return the names of `re` in a tree."""
    if isinstance(part, _parser.SubPattern | list | tuple):
        return {name for one in part for name in names_in(one)}
    return {str(part)} if hasattr(part, "name") else set()


def test_the_known_trees_have_all_that_is_relied_on() -> None:
    """If KNOWN left something out, a new version of Python could change it without being noticed."""
    assert names_in(list(KNOWN.values())) == NAMES


def test_philter_lites_patterns_have_nothing_else() -> None:
    """philter-lite's patterns use no other kinds of nodes than those in NAMES."""
    patterns = [rule.pattern for rule in rules.load().rules if rule.pattern]

    assert set().union(*(names_in(_parser.parse(pattern)) for pattern in patterns)) <= NAMES


def test_a_python_that_reads_patterns_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the version and the pattern. A wrong tree would leave names of people in notes."""
    original = _parser.parse
    require_known.cache_clear()
    pattern = re.compile("a")
    with monkeypatch.context() as patch:
        patch.setattr(_parser, "parse", lambda pattern, *others: original(pattern.replace("?", "*"), *others))
        with pytest.raises(UnsupportedError) as raised:
            parse(pattern)

    assert str(raised.value) == f"Python {python_version()} reads the pattern .? in a way that is not known"


@pytest.mark.parametrize("flags", [re.MULTILINE, re.DOTALL, re.ASCII, re.VERBOSE])
def test_flags_that_change_the_meaning_are_refused(flags: re.RegexFlag) -> None:
    """The only flag that is accepted is IGNORECASE."""
    with pytest.raises(UnsupportedError, match="flags"):
        parse(re.compile("a", flags))


@pytest.mark.parametrize("pattern", ["^a", "a$", r"a\B", r"(a)\1", "a++", "(?>a)", "(a)?(?(1)b|c)"])
def test_what_no_filter_has_is_refused(pattern: str) -> None:
    """Unknown syntax raises an error instead of being misread."""
    with pytest.raises(UnsupportedError):
        parse(re.compile(pattern))


def test_flags_within_are_refused() -> None:
    """Such flags would apply to only part of the pattern."""
    with pytest.raises(UnsupportedError, match="flags of a group"):
        parse(re.compile("a(?i:b)"))


def test_groups_are_dissolved() -> None:
    """Groups leave no trace in the tree, as nothing uses what they capture."""
    assert parse(re.compile("(a(?:b(c)))")) == parse(re.compile("abc")) == [(op.LITERAL, ord(one)) for one in "abc"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a?", True),
        ("a*b?", True),
        ("a|", True),
        (r"\b(?=x)", True),
        ("(a?)+", True),
        ("a+", False),
        ("a|b", False),
        ("a?b", False),
    ],
)
def test_what_can_be_nothing(pattern: str, expected: bool) -> None:  # noqa: FBT001
    """A pattern is nullable if it can match without consuming a character."""
    assert is_nullable(parse(re.compile(pattern))) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [(r"a\b", True), ("(a|b(?=c))d", True), ("(?:a(?<!b)){2}", True), ("a(b|c)*", False)],
)
def test_assertions_are_seen_however_deep(pattern: str, expected: bool) -> None:  # noqa: FBT001
    """They are found inside of branches and repeats too."""
    assert has_assertion(parse(re.compile(pattern))) is expected
