"""The classes of words and the lists of spellings that rules go by, from files beside the code."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("words", name).read_text(encoding="utf-8"))


def word_class(name: str) -> frozenset[str]:
    """The words of a class, in small letters."""
    return frozenset(_table("classes.toml")[name].split())


def spellings(name: str) -> str:
    """A group of a regular expression that matches any of the spellings of a list."""
    return f"(?:{'|'.join(_table('spellings.toml')[name])})"


def standins() -> dict[str, tuple[str, ...]]:
    """The names that stand in for others, by the name of their list. Their order never changes."""
    return {name: tuple(names.split()) for name, names in _table("standins.toml").items()}
