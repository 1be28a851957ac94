"""What the fake Hub's answers have in common."""

from collections.abc import Mapping
from typing import Any

Reply = tuple[int, Mapping[str, Any]]


def refusal(status: int, message: str | None = None) -> Reply:
    """A refusal as the Hub words it: jupyterhub/apihandlers/base.py, write_error."""
    return status, {"status": status, "message": message}


def base(scope: str) -> str:
    """A scope without its filter."""
    return scope.partition("!")[0]
