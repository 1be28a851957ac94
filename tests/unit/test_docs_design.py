"""What the docs say about the code's layout is so, and their links lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.support.markdown import blocks, missing_headings
from tests.support.node import REPOSITORY

DESIGN = REPOSITORY / "docs/design.md"
SERVICE = REPOSITORY / "service"
PAGES = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]
_FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|js|html|css|toml))(?:::\w+)?`")


def tree() -> str:
    """Return the tree of docs/design.md."""
    return next(block.code for block in blocks(DESIGN, "text") if block.code.startswith("service/"))


def named_in_tree() -> set[str]:
    """Return the modules and packages right below `service/` that the tree names."""
    lines = re.findall(r"^  (\S.*?)(?:  .*)?$", tree(), re.MULTILINE)
    return {name for line in lines for name in line.split()}


def test_the_tree_names_every_module_and_package() -> None:
    """The tree has all that is right below `service/`, and nothing else."""
    packages = {f"{path.parent.name}/" for path in SERVICE.glob("*/__init__.py")}
    modules = {path.name for path in SERVICE.glob("*.py")} - {"__init__.py"}

    assert named_in_tree() == packages | modules


def test_the_layers_are_those_that_are_checked() -> None:
    """docs/design.md lists the layers in the order of import-linter's contract."""
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")

    assert "\n".join(f"  {layer}" for layer in layers) in DESIGN.read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_files_that_docs_name_are_there(page: Path) -> None:
    """A path in backticks is one of the repository, or below `service/` or `tests/`."""
    roots = (REPOSITORY, SERVICE, REPOSITORY / "tests", page.parent)
    named = _FILE.findall(page.read_text())

    assert [name for name in named if not any((root / name).exists() for root in roots)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_headings_that_docs_link_to_are_there(page: Path) -> None:
    """A link with `#` leads to a heading."""
    assert missing_headings(page) == []
