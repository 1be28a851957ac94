"""What philter-lite's patterns were translated to: RE2 programs with the same matches.

`rulebook.translation` at the top of the repository makes them, once for each version of philter-lite.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """Forbids a match at a position from which a run of characters of one kind leads to something.

    `least`: the least number of characters in the run. `path`: matches from a position to the first such thing. `run`:
    matches from a position to the end of the run.
    """

    least: int
    path: "re.Pattern[str]"
    run: "re.Pattern[str]"


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch of a pattern. Branches are tried in order at each position.

    `program`: an RE2 expression. Group 1 marks the beginning of the match, and the next group that takes part marks
    its end.

    `lead`: how many bytes before the match the program may begin. `check`: a zero-width pattern that must match where
    the match begins. `bars`: what must not follow after a run. `verify`: the original pattern, if `program` is loose.
    """

    program: bytes
    lead: int
    check: "re.Pattern[str] | None"
    bars: tuple[Bar, ...]
    verify: "re.Pattern[str] | None"


@dataclass(frozen=True, slots=True)
class Programs:
    """The branches of a pattern: for pure ASCII text, and for any text.

    `needs`: lower-case ASCII words, at least one of which is in every text that the pattern matches; empty if none are
    known.
    """

    ascii: tuple[Branch, ...]
    any: tuple[Branch, ...]
    needs: frozenset[str]
    ignores_case: bool

    def stored(self) -> dict[str, Any]:
        """As JSON has it; without what is empty."""
        found = {
            "ascii": [_stored(branch) for branch in self.ascii],
            "any": [_stored(branch) for branch in self.any] if self.any != self.ascii else [],
            "needs": sorted(self.needs),
            "ignores_case": self.ignores_case,
        }
        return {name: value for name, value in found.items() if value}

    @classmethod
    def read(cls, entry: Mapping[str, Any], pattern: str) -> "Programs":
        """Read what `stored` returned. `pattern`: what was translated."""
        flags = re.IGNORECASE if entry.get("ignores_case") else re.NOFLAG
        given = tuple(_read(branch, pattern, flags) for branch in entry["ascii"])
        other = tuple(_read(branch, pattern, flags) for branch in entry.get("any", ()))
        return cls(given, other or given, frozenset(entry.get("needs", ())), bool(flags))


def _stored(branch: Branch) -> dict[str, Any]:
    found = {
        "program": branch.program.decode("latin-1"),
        "lead": branch.lead,
        "check": branch.check.pattern if branch.check else "",
        "bars": [[bar.least, bar.path.pattern, bar.run.pattern] for bar in branch.bars],
        "verify": branch.verify is not None,
    }
    return {name: value for name, value in found.items() if value}


def _read(entry: Mapping[str, Any], pattern: str, flags: re.RegexFlag) -> Branch:
    return Branch(
        entry["program"].encode("latin-1"),
        entry.get("lead", 0),
        re.compile(entry["check"], flags) if "check" in entry else None,
        tuple(
            Bar(least, re.compile(path, flags), re.compile(run, flags)) for least, path, run in entry.get("bars", ())
        ),
        re.compile(pattern) if entry.get("verify") else None,
    )
