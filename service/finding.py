"""What a check of `python -P -m service doctor` found."""

import re
from dataclasses import dataclass
from typing import Literal

from service.errors import ConfigurationError

_VARIABLE = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)+")


@dataclass(frozen=True, slots=True)
class Finding:
    """`said` is what was found; `change`, of one that failed, which line of which configuration to change, and how."""

    check: str
    state: Literal["ok", "failed", "not checked"]
    said: str
    change: str = ""

    def __str__(self) -> str:
        line = f"{self.state:<11}  {self.check}: {self.said}"
        return f"{line}\n{'':<11}  -> {self.change}" if self.change else line


def ok(check: str, said: str) -> Finding:
    """It is as it should be."""
    return Finding(check, "ok", said)


def failed(check: str, said: str, change: str) -> Finding:
    """It is not."""
    return Finding(check, "failed", said, change)


def unknown(check: str, said: str) -> Finding:
    """It could not be looked at, or need not be."""
    return Finding(check, "not checked", said)


def refused(check: str, error: ConfigurationError) -> Finding:
    """What the service would say at its start; each problem begins with the variable that is to be changed."""
    names = dict.fromkeys(name for problem in error.problems for name in _VARIABLE.findall(problem.partition(": ")[0]))
    return failed(check, "; ".join(error.problems), f"{', '.join(names)} in the service's environment")
