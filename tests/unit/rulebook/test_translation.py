"""Tests of which part of a pattern RE2 matches, and which is left to `re`."""

import re

import pytest

from rulebook.syntax import UnsupportedError
from rulebook.translation import programs
from service.apps.deidentify.engine import rules
from service.apps.deidentify.engine.patterns.programs import Branch, Programs


def made(pattern: str) -> Programs:
    """Translate a pattern."""
    return programs(re.compile(pattern))


def left(branch: Branch) -> str:
    """Return what a branch leaves to `re`, as letters: c for a check, b for each bar, v if `re` verifies matches."""
    return "".join(("c" if branch.check else "", "b" * len(branch.bars), "v" if branch.verify else ""))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param(r"\b[A-Z][a-z]+\b", [""], id="boundaries are of the program"),
        pytest.param(r"(?<=at\s)[A-Z]+(?=\sMD\b)", [""], id="so is what stands behind and ahead"),
        pytest.param(r"\d{2}(?!mg)", [""], id="and what must not follow"),
        pytest.param(r"(?<!x)a+", ["c"], id="what must not stand behind is checked"),
        pytest.param(r"(?!the\b)[a-z]+", ["c"], id="and what must not be there"),
        pytest.param(r"(?<=\bat\s)[A-Z]+", ["c"], id="and a boundary behind"),
        pytest.param(r"(?!.*STOP)[a-z]+", ["b"], id="after a run it is a bar"),
        pytest.param(r"(?!\d+\s(?:mg|cc))(?!.*a|.*b)\d+", ["bbb"], id="several bars"),
        pytest.param(r"((?<=in\s)|(?<=near\s))[A-Z]+", ["", ""], id="branches at the front"),
        pytest.param(r"a(?!b)[a-z]", ["v"], id="a lookaround within is verified"),
        pytest.param(r"\ba(?!b)[a-z]|\bc", ["v", ""], id="only the branch that has it"),
    ],
)
def test_what_is_left_to_re(pattern: str, expected: list[str]) -> None:
    """For each branch, nothing, a check, bars or the whole pattern is left to `re`."""
    assert [left(branch) for branch in made(pattern).ascii] == expected
    assert [left(branch) for branch in made(pattern).any] == expected


def test_a_boundary_that_cannot_be_decided_is_res_for_other_text() -> None:
    r"""RE2's `\b` knows only ASCII."""
    branches = made(r"\b[^b]")

    assert ([left(branch) for branch in branches.ascii], [left(branch) for branch in branches.any]) == ([""], ["c"])


def test_few_of_philter_lites_patterns_need_re_to_decide() -> None:
    """These patterns have a lookahead inside. `re` may take more than linear time for them."""
    verified: set[str] = set()
    for rule in rules.load().rules:
        if rule.programs:
            verified |= {rule.title for branch in (*rule.programs.ascii, *rule.programs.any) if branch.verify}

    assert verified == {
        "age safe",
        "at location",
        "attending",
        "mixed 3",
        "number streetname",
        "number streetname city state",
    }


def test_what_takes_no_character_is_refused() -> None:
    """`finditer` has special rules for empty matches."""
    with pytest.raises(UnsupportedError, match="a match of nothing"):
        made(r"\b")
