"""The result of a check of `python -P -m service doctor`."""

import re
from dataclasses import dataclass
from typing import Literal

from service.errors import ConfigurationError

_VARIABLE = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)+")


@dataclass(frozen=True, slots=True)
class Finding:
    """A result. `said` is what was found. If the check failed, `change` says what to change in which configuration."""

    check: str
    state: Literal["ok", "failed", "not checked"]
    said: str
    change: str = ""

    def __str__(self) -> str:
        line = f"{self.state:<11}  {self.check}: {self.said}"
        return f"{line}\n{'':<11}  -> {self.change}" if self.change else line


def ok(check: str, said: str) -> Finding:
    """Return the finding of a check that passed."""
    return Finding(check, "ok", said)


def failed(check: str, said: str, change: str) -> Finding:
    """Return the finding of a check that failed."""
    return Finding(check, "failed", said, change)


def unknown(check: str, said: str) -> Finding:
    """Return the finding of a check that was not possible or not needed."""
    return Finding(check, "not checked", said)


def refused(check: str, error: ConfigurationError) -> Finding:
    """Return the failed finding for an error that would stop the service at its start.

    Each problem of the error begins with the variable that must be changed, or with the file `.env`.
    """
    names = dict.fromkeys(name for problem in error.problems for name in _VARIABLE.findall(problem.partition(": ")[0]))
    change = f"{', '.join(names)} in the service's environment" if names else error.problems[0].partition(": ")[0]
    return failed(check, "; ".join(error.problems), change)
