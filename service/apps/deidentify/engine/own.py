"""The operator's own rules: patterns, words that are masked, and words that stay.

They stand in a file of TOML, which is read once, checked, and named in answers by its hash. Its author is trusted: a
pattern may mask all there is. But a word that stays is one only where no rule has a reason to see an identifier in it.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import re2

from service.apps.deidentify.engine import folding
from service.apps.deidentify.engine.finders.pattern import Pattern, find_all
from service.apps.deidentify.engine.finding import Find, RuleInfo, where
from service.apps.deidentify.engine.lists import Words
from service.apps.deidentify.engine.rules import LISTS, OWN, THEIRS, Kind
from service.apps.deidentify.errors import RulesRefusedError

LARGEST = 1_000_000  # bytes of the file
MOST_PATTERNS = 200
MOST_WORDS = 10_000  # in each list
LONGEST = 2000  # characters of a pattern, or of a word
HASH = 16  # hexadecimal digits

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,59}")
FIELDS = {"name": str, "type": str, "pattern": str, "meaning": str, "minds_case": bool}
NEEDED = ("name", "type", "pattern")
TABLES = ("pattern", "mask", "keep")
# Rules that see a name or a place in a word because of what it is, and not because of what stands beside it.
BY_LIST = frozenset(
    (
        "name.list",
        "name.acts",
        "location.town",
        "location.behind-cue",
        "organization.list",
        "organization.place-of-care",
    )
)
UNSURE = (Kind.OTHER, Kind.LOCATION)  # of philter-lite's rules: a word behind a preposition is a place to it
MASK, KEEP = f"{OWN}mask", f"{OWN}keep"


@dataclass(frozen=True, slots=True)
class OwnRules:
    """The rules of one file. `mask`: words by their type. `digest` names the file; empty without one."""

    digest: str = ""
    patterns: Sequence[Pattern] = ()
    mask: Sequence[tuple[Kind, Words]] = ()
    keep: Words = field(default_factory=lambda: Words(()))

    @property
    def infos(self) -> list[RuleInfo]:
        """The rules as people are told of them."""
        listed = [RuleInfo(MASK, kind, "A word that the operator has masked.") for kind, _ in self.mask]
        kept = [RuleInfo(KEEP, Kind.OTHER, "A word that the operator lets stay.", masks=False)] if self.keep else []
        return [*(RuleInfo(each.rule, each.kind, each.meaning) for each in self.patterns), *listed, *kept]

    def find(self, text: str) -> Iterator[Find]:
        """What the patterns and words mask in an ASCII text."""
        yield from find_all(self.patterns, text)
        for kind, words in self.mask:
            for start, stop in words.places(text):
                yield Find(start, stop, kind, MASK)

    def staying(self, text: str, finds: Sequence[Find]) -> Iterator[tuple[int, int]]:
        """Where the words stand that stay, but where one of these finds is more than a look into a list."""
        places = self.keep.places(text)
        if places:
            is_sure = where(len(text), filter(_is_sure, finds))
            yield from ((start, stop) for start, stop in places if not any(is_sure[start:stop]))


NONE = OwnRules()


def _is_sure(find: Find) -> bool:
    if find.rule.startswith(THEIRS):
        return find.kind not in UNSURE and not find.rule.endswith(LISTS)
    return find.rule not in BY_LIST


def text_of(path: Path) -> str:
    """Return the text of a file of rules, in which nothing is wrong.

    Raises:
        RulesRefusedError: it cannot be read, or something in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RulesRefusedError(f"The file of rules cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise RulesRefusedError("The file of rules is not in UTF-8.") from None
    read(text)
    return text


def read(text: str) -> OwnRules:
    """Read the text of a file of rules.

    Raises:
        RulesRefusedError: something in it is wrong; says what, and in which line.
    """
    data = text.encode()
    if len(data) > LARGEST:
        raise RulesRefusedError(f"The file has more than {LARGEST} bytes.")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesRefusedError(f"This is no TOML: {error}.") from None
    lines = Lines(text)
    for name in tables:
        if name not in TABLES:
            lines.refuse(name, f"`{name}` is none of {', '.join(TABLES)}")
    return OwnRules(
        hashlib.sha256(data).hexdigest()[:HASH],
        tuple(_patterns(tables.get("pattern", []), lines)),
        tuple(_masked(tables.get("mask", {}), lines)),
        Words(_words(tables.get("keep", []), "keep", lines)),
    )


class Lines:
    """Finds the line of what is wrong, since a TOML parser does not tell where a value stood."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def refuse(self, what: str, why: str, *, nth: int = 0) -> NoReturn:
        """Refuse the file for the `nth` line that has this text; for the file where no line has it as it is.

        Raises:
            RulesRefusedError: always.
        """
        found = [number for number, line in enumerate(self._lines, 1) if what in line]
        at = f"line {found[min(nth, len(found) - 1)]}: " if found else ""
        raise RulesRefusedError(f"{at}{why}.")


def _patterns(entries: Any, lines: Lines) -> Iterator[Pattern]:  # noqa: ANN401 - whatever TOML says
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        lines.refuse("pattern", "`pattern` is not a table; begin each with a line [[pattern]]")
    if len(entries) > MOST_PATTERNS:
        raise RulesRefusedError(f"There are more than {MOST_PATTERNS} patterns.")
    names: set[str] = set()
    for number, entry in enumerate(entries):
        made = _pattern(entry, number, lines)
        if made.rule in names or made.rule in (MASK, KEEP):
            lines.refuse(f'"{entry["name"]}"', f"the name `{entry['name']}` is taken", nth=1)
        names.add(made.rule)
        yield made


def _pattern(entry: Mapping[str, Any], number: int, lines: Lines) -> Pattern:
    for key, value in entry.items():
        if key not in FIELDS or not isinstance(value, FIELDS[key]):
            said = f"must be a {FIELDS[key].__name__}" if key in FIELDS else f"is none of {', '.join(FIELDS)}"
            lines.refuse(key, f"`{key}` {said}")
    if missing := [key for key in NEEDED if key not in entry]:
        lines.refuse("[[pattern]]", f"this pattern has no {' and no '.join(missing)}", nth=number)
    name, pattern = entry["name"], entry["pattern"]
    if not NAME.fullmatch(name):
        lines.refuse(name, f"the name {name!r} is not made of small letters, digits, dots and hyphens")
    if not pattern.isascii() or not 0 < len(pattern) <= LONGEST:
        lines.refuse(pattern, f"a pattern has up to {LONGEST} characters of ASCII: rules see letters without accents")
    try:
        return Pattern(
            OWN + name,
            _kind(entry["type"], lines),
            entry.get("meaning", "A rule of the operator's."),
            pattern,
            minds_case=entry.get("minds_case", False),
        )
    except re2.error as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        lines.refuse(pattern, f"RE2 does not take the pattern of `{name}`: {said}")


def _masked(table: Any, lines: Lines) -> Iterator[tuple[Kind, Words]]:  # noqa: ANN401 - whatever TOML says
    if not isinstance(table, dict):
        lines.refuse("mask", "`mask` is not a table of types, each with its words: [mask], then NAME = [...]")
    for name, words in table.items():
        yield _kind(name, lines), Words(_words(words, name, lines))


def _kind(name: str, lines: Lines) -> Kind:
    if name not in Kind.__members__:
        lines.refuse(name, f"`{name}` is none of the types {', '.join(Kind)}")
    return Kind(name)


def _words(words: Any, name: str, lines: Lines) -> list[str]:  # noqa: ANN401 - whatever TOML says
    if not isinstance(words, list) or len(words) > MOST_WORDS:
        lines.refuse(name, f"`{name}` is not a list of up to {MOST_WORDS} words")
    for word in words:
        if not isinstance(word, str) or not 0 < len(word.strip()) <= LONGEST:
            lines.refuse(name, f"`{name}` has an entry that is no word or words")
        if folding.foreign(word):
            lines.refuse(
                word, f"`{name}` has a word in another script than the Latin one; such words are always masked"
            )
    return [folding.fold(folding.at(word, folding.without_marks(word))) for word in words]
