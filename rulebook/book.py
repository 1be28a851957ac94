"""The files of the rule book: philter-lite's filters with what their patterns were translated to, and its lists."""

import json
import tomllib
import warnings
from collections.abc import Callable
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from rulebook.translation import programs
from service.apps.deidentify.engine import rules
from service.apps.deidentify.engine.rules import BOOK, CONFIGURATION, Kind

FOLDER = Path(rules.__file__).parent / rules.FOLDER

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


def files() -> dict[str, str]:
    """Each file's name and text."""
    with warnings.catch_warnings():
        # philter-lite's patterns hold sets that a later Python may read otherwise; not ours to change.
        warnings.simplefilter("ignore", FutureWarning)
        from philter_lite.filters import filter_from_dict  # noqa: PLC0415 - compiles its patterns

        source = resources.files("philter_lite").joinpath("configs", CONFIGURATION).read_text(encoding="utf-8")
        given = tomllib.loads(source)["filters"]
        make: Callable[[Any], Any] = filter_from_dict
        made = [make(entry) for entry in given]
    kinds = [CHAPTERS.get(str(entry.get("keyword", "")).partition(".")[0], Kind.OTHER) for entry in given]
    book = {
        "name": "philter-lite",
        "version": metadata.version("philter-lite"),
        "rules": [entry_of(each, kind) for each, kind in zip(made, kinds, strict=True)],
    }
    lists = {list_of(each.title): lines_of(each) for each in made if each.type == "set"}
    licence = metadata.distribution("philter-lite").read_text("licenses/LICENSE") or ""
    return {BOOK: json.dumps(book, indent=1) + "\n", "LICENSE": licence, **lists}


def entry_of(made: Any, kind: Kind) -> dict[str, Any]:  # noqa: ANN401 - philter-lite's own, of several types
    """One filter of philter-lite's, as the rule book has it; without what is empty."""
    is_pattern = made.type in ("regex", "regex_context")
    found = {
        "title": made.title,
        "type": made.type,
        "masks": bool(made.exclude),
        "kind": kind,
        "tags": sorted(getattr(made, "pos", ())),
        "words": list_of(made.title) if made.type == "set" else "",
        "digest": rules.digest(lines_of(made)) if made.type == "set" else "",
        "context": getattr(made, "context", ""),
        "neighbours": getattr(made, "context_filter", ""),
        "pattern": made.data.pattern if is_pattern else "",
        "programs": programs(made.data).stored() if is_pattern else {},
    }
    return {name: value for name, value in found.items() if value or name == "masks"}


def lines_of(made: Any) -> str:  # noqa: ANN401 - philter-lite's own
    """The text of the file of a list."""
    return "\n".join(sorted(made.data)) + "\n"


def list_of(title: str) -> str:
    """The name of the file of a list."""
    return title.lower().replace(" ", "_") + ".txt"
