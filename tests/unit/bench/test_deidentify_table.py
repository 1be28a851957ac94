"""Tables that say what was wanted, and whether it was reached."""

import pytest

from bench.deidentify_table import head, row, wanted


def test_a_table_is_markdown() -> None:
    """Two lines, and one for each row."""
    assert head("a", "b") == "| a | b |\n| --- | --- |"
    assert row(["1", ""]) == "| 1 |  |"


@pytest.mark.parametrize(
    ("value", "limits", "expected"),
    [
        (8.0, {"least": 8}, (">= 8 x", "reached")),
        (7.9, {"least": 8}, (">= 8 x", "missed")),
        (1.7, {"least": 1.7}, (">= 1.7 x", "reached")),
        (60.0, {"most": 60, "unit": "MB"}, ("<= 60 MB", "reached")),
        (60.1, {"most": 60, "unit": "MB"}, ("<= 60 MB", "missed")),
    ],
)
def test_what_was_wanted_is_said_beside_what_was_reached(
    value: float, limits: dict[str, object], expected: tuple[str, str]
) -> None:
    """At the limit it is reached."""
    assert wanted(value, **limits) == expected  # type: ignore[arg-type]  # of a table
