"""philter-lite's filters and lists, read from the installed package; nothing of them is written down here."""

import tomllib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata, resources
from typing import Any

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


# By the first part of a filter's keyword, which is the chapter of philter-lite's rules that it stands in.
CHAPTERS = {
    "dates": Kind.DATE,
    "salutations": Kind.NAME,
    "firstnames": Kind.NAME,
    "lastnames": Kind.NAME,
    "regex_context": Kind.NAME,
    "addresses": Kind.LOCATION,
    "ucsf_regex": Kind.LOCATION,
    "organizations": Kind.ORGANIZATION,
    "contact": Kind.CONTACT,
    "mrn_id": Kind.ID,
    "age": Kind.AGE,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One filter. `filter`: philter-lite's own object; `kind`: of what it masks; `masks`: or else it keeps."""

    title: str
    type: str
    masks: bool
    kind: Kind
    filter: Any

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
        return frozenset(
            word.lower() for rule in self.rules if rule.type == "set" and not rule.masks for word in rule.filter.data
        )


def load() -> RuleBook:
    """Read the rules.

    Takes about a second, and is not for two threads at once (philter-lite changes the warning filters).
    """
    with warnings.catch_warnings():
        # philter-lite's patterns hold sets that a later Python may read otherwise; not ours to change.
        warnings.simplefilter("ignore", FutureWarning)
        from philter_lite.filters import filter_from_dict  # noqa: PLC0415 - reads 5 MB of lists at import

        make: Callable[[Any], Any] = filter_from_dict
        source = resources.files("philter_lite").joinpath("configs", CONFIGURATION).read_text(encoding="utf-8")
        rules = tuple(_rule(entry, make(entry)) for entry in tomllib.loads(source)["filters"])
    return RuleBook("philter-lite", metadata.version("philter-lite"), CONFIGURATION, rules)


def _rule(entry: Mapping[str, Any], made: Any) -> Rule:  # noqa: ANN401 - philter-lite's own, of several types
    chapter = str(entry.get("keyword", "")).partition(".")[0]
    return Rule(made.title, made.type, bool(made.exclude), CHAPTERS.get(chapter, Kind.OTHER), made)
