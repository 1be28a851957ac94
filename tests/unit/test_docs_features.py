"""docs/features.md and docs/security.md name tests, and those tests are there and run."""

import ast
import functools
import re
from pathlib import Path

import pytest

from tests.support.node import REPOSITORY

PAGES = {"features": REPOSITORY / "docs/features.md", "security": REPOSITORY / "docs/security.md"}
COUNTS = {  # rows of each part of docs/features.md
    "What HubOAuth does as well": 14,
    "What it does beyond that": 26,
    "De-identification": 18,
    "The support desk": 9,
    "Entra ID": 4,
    "Where it runs": 16,
    "Calling it from Python": 4,
}
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
_NEVER_RUN = {"skip", "xfail"}  # skipif has a condition


def rows(text: str) -> list[list[str]]:
    """Return the cells of the rows of all tables in a page, or in a part of it, whose last column says `shown by`."""
    found: list[list[str]] = []
    is_about_tests = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells and cells[-1] == "shown by":
            is_about_tests = True
        elif not cells:
            is_about_tests = False
        elif is_about_tests and set(cells[-1]) != {"-"}:
            found.append(cells)
    return found


NAMED = sorted(
    {name for page in PAGES.values() for cells in rows(page.read_text()) for name in _TEST.findall(cells[-1])}
)


@functools.cache
def found_in(path: Path) -> dict[str, bool]:
    """Return the tests of a file, and of each whether a mark keeps it from running."""
    module = ast.parse(path.read_text())
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    is_off = any("pytestmark" in ast.unparse(node) and is_never_run(node) for node in module.body)
    return {each.name: is_off or any(map(is_never_run, each.decorator_list)) for each in functions}


def is_never_run(node: ast.AST) -> bool:
    """Whether a decorator, or a module's `pytestmark`, is an unconditional skip."""
    return any(isinstance(part, ast.Attribute) and part.attr in _NEVER_RUN for part in ast.walk(node))


@pytest.mark.parametrize("name", PAGES)
def test_every_row_is_shown(name: str) -> None:
    """Each row names at least one test, and nothing but tests."""
    for cells in rows(PAGES[name].read_text()):
        assert _TEST.findall(cells[-1]), cells[0]
        assert not _TEST.sub("", cells[-1]).strip(), cells[0]


def test_no_feature_is_left_out() -> None:
    """Each part has as many rows as features."""
    _, *parts = PAGES["features"].read_text().split("\n## ")

    assert {part.partition("\n")[0]: len(rows(part)) for part in parts} == COUNTS


@pytest.mark.parametrize(("where", "test"), NAMED, ids=["::".join(pair) for pair in NAMED])
def test_it_is_there(where: str, test: str) -> None:
    """The file has that test, and no mark keeps it from running."""
    found = found_in(REPOSITORY / "tests" / where)

    assert test in found
    assert not found[test]
