"""Rows of the tables that say what was wanted and what was reached."""

from collections.abc import Iterable

MISSED = "missed"


def head(*titles: str) -> str:
    """The first two lines of a table in Markdown."""
    return f"{row(titles)}\n{row('---' for _ in titles)}"


def row(cells: Iterable[str]) -> str:
    """A line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def wanted(value: float, *, least: float = 0, most: float = 0, unit: str = "x") -> tuple[str, str]:
    """What was wanted of a value, which is given one of the limits, and whether it is so."""
    is_reached = value >= least if least else value <= most
    return f">= {least:g} {unit}" if least else f"<= {most:g} {unit}", "reached" if is_reached else MISSED
