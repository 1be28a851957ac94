"""What a check found."""

from dataclasses import dataclass
from typing import Literal


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
