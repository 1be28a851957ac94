"""docs/reference/ says what the public packages export, and notices every change of it."""

import runpy
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.support.node import REPOSITORY

FOLDER = REPOSITORY / "docs" / "reference"
pages: Callable[..., dict[str, str]] = cache(runpy.run_path(str(REPOSITORY / "script" / "reference.py"))["pages"])

CHANGES = {
    "a parameter": ("hub/auth.py", "scopes: Iterable[str] | None = None, *, mode", "scopes: Iterable[str], *, mode"),
    "a method": ("hub/auth.py", "def covers(", "def covered("),
    "a field": ("hub/models.py", "groups: Names = ()", "teams: Names = ()"),
    "a base class": ("hub/errors.py", "class InvalidTokenError(ServiceError)", "class InvalidTokenError(Exception)"),
    "a code": ("hub/errors.py", '"hub_unavailable"', '"hub_is_down"'),
    "an option": ("registration/__init__.py", "manage_users: bool = False", "manage_users: bool = True"),
    "an export": ("testing/__init__.py", '    "own_scopes",\n', ""),
}


def test_it_is_up_to_date() -> None:
    """If this fails, a public signature or docstring has changed: run script/reference, and look at what it changes."""
    written = {path.name: path.read_text() for path in FOLDER.glob("*.md") if path.name != "README.md"}

    assert written == pages()


@pytest.mark.parametrize(("file", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_noticed(tmp_path: Path, file: str, old: str, new: str) -> None:
    """A page differs as soon as something that others call differs."""
    shutil.copytree(REPOSITORY / "service", tmp_path / "service", ignore=shutil.ignore_patterns("apps", "static"))
    changed = tmp_path / "service" / file
    text = changed.read_text()
    assert old in text
    changed.write_text(text.replace(old, new))

    assert pages(tmp_path) != pages()


def test_every_export_is_described() -> None:
    """Each page has a heading for each name, and a sentence below it."""
    for page, text in pages().items():
        for entry in text.split("\n## ")[1:]:
            name, *rest = [part for part in entry.split("\n\n") if not part.startswith("```")]
            assert rest, f"{name} in {page} has no docstring"
            assert not rest[0].startswith("### "), f"{name} in {page} has no docstring"
