"""Regular expressions of the service mean the same with every Python that it runs on."""

import ast
import re

import pytest

from tests.support.node import REPOSITORY

CLASSES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]", re.DOTALL)  # `(` and `)` in these are no groups
ERRS = re.compile(r"\)(?:[*+?]|\{[0-9,]+\})\+|\(\?>")


def errs(pattern: str) -> bool:
    """Whether a group has a possessive quantifier, or is atomic: Python before 3.11.5 errs at both.

    Source: https://github.com/python/cpython/issues/106052; Debian 12 has Python 3.11.2.
    """
    return bool(ERRS.search(CLASSES.sub("x", pattern)))


@pytest.mark.parametrize("pattern", ["(a|b)*+", "(?:a)++", "([)])?+", r"(\))*+", "(a){2,}+", "(?>a)"])
def test_such_a_pattern_is_found(pattern: str) -> None:
    """The check below notices it."""
    assert errs(pattern)


@pytest.mark.parametrize("pattern", ["[()*+?]+", r"\)*+", "a++(?:b)+", "(a*+)*", "[](a)*+]"])
def test_such_a_pattern_is_not(pattern: str) -> None:
    """One character, or a set of them, may have a possessive quantifier."""
    assert not errs(pattern)


def test_no_group_is_possessive() -> None:
    """Half of a name stayed unmasked where one was."""
    found = []
    for file in (REPOSITORY / "service").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
                found += [f"{file.relative_to(REPOSITORY)}:{node.lineno}: {text}"] if errs(text) else []

    assert found == []
