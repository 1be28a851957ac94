"""philter-lite's filters and lists, as `rulebook` at the top of the repository has written them down."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from importlib import resources
from typing import Any

from service.apps.deidentify.engine.patterns.programs import Programs

FOLDER = "philter"  # beside this file
BOOK = "rules.json"
CONFIGURATION = "philter_delta.toml"
THEIRS = "philter-lite: "  # begins the names of its rules
OWN = "own."  # begins the names of the operator's own
# The ends of the names of those of them that look up names, and know nothing else of a word.
LISTS = ("Blacklist", "Find Names 1", "Find Names 2", "Find Names 3", "Find Names 4", "Find Initials")


class Kind(StrEnum):
    """What a masked part is, as finely as the rule that matched can tell.

    Of rules that say the same much, the first of these counts.
    """

    DATE = "DATE"
    CONTACT = "CONTACT"
    AGE = "AGE"
    LOCATION = "LOCATION"
    ORGANIZATION = "ORGANIZATION"
    NAME = "NAME"
    ID = "ID"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Rule:
    """One filter. `kind`: of what it masks; `masks`: or else it keeps. What it has not is empty.

    `tags` and `words`: of the words that it finds, all if empty. `programs`: what finds its pattern. `context`: on
    which sides of a match something must be masked; `neighbours`: by which rule, by its title, or `all`.
    """

    title: str
    type: str
    masks: bool
    kind: Kind
    tags: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    context: str = ""
    neighbours: str = ""
    pattern: str = ""
    programs: Programs | None = None

    @property
    def name(self) -> str:
        """What answers call it."""
        return THEIRS + self.title


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All filters in their order. `name` and `version` say whose."""

    name: str
    version: str
    configuration: str
    rules: tuple[Rule, ...]

    @property
    def vocabulary(self) -> frozenset[str]:
        """The words that may stay."""
        return frozenset(word.lower() for rule in self.rules if not rule.masks for word in rule.words)


def load() -> RuleBook:
    """Read the rules.

    Raises:
        ValueError, KeyError, OSError: the files are not those that were written. Fewer names would be masked.
    """
    book = json.loads(text_of(BOOK))
    return RuleBook(book["name"], book["version"], CONFIGURATION, tuple(map(read, book["rules"])))


def read(entry: Mapping[str, Any]) -> Rule:
    """One rule as the book has it."""
    words = _list(entry["words"], entry["digest"]) if entry.get("words") else frozenset[str]()
    pattern = entry.get("pattern", "")
    return Rule(
        entry["title"],
        entry["type"],
        entry["masks"],
        Kind(entry["kind"]),
        frozenset(entry.get("tags", ())),
        words,
        entry.get("context", ""),
        entry.get("neighbours", ""),
        pattern,
        Programs.read(entry["programs"], pattern) if pattern else None,
    )


def digest(text: str) -> str:
    """What tells one list from another."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _list(name: str, wanted: str) -> frozenset[str]:
    text = text_of(name)
    if digest(text) != wanted:
        message = f"{FOLDER}/{name} is damaged: install the service again"
        raise ValueError(message)
    return frozenset(text.split("\n")[:-1])


def text_of(name: str) -> str:
    """The text of a file of the book."""
    return resources.files(__package__).joinpath(FOLDER, name).read_text(encoding="utf-8")
