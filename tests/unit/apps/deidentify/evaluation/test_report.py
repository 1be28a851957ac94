"""The table of an evaluation."""

from service.apps.deidentify.evaluation.gold import Gold, Mark
from service.apps.deidentify.evaluation.report import evaluate

NOTES = [Gold("Seen by Ann Roe today", (Mark(8, 15, "NAME"),)), Gold("No pain", ())]


def test_each_way_of_writing_has_its_figures() -> None:
    """As written, in small letters, in capitals, with other names; and what is left by type, without its text."""
    table = list(evaluate(NOTES, lambda text: text.replace("Ann", "***"), rounds=50))

    assert table[0] == "2 notes, 1 identifiers. Percent, with 95 % intervals."
    assert [line for line in table if line and not line.startswith(" ")][1:] == [
        "as written",
        "in small letters",
        "in capitals",
        "other names, dates, numbers",
    ]
    assert sum("recall" in line for line in table) == 4
    assert "  NAME                         50.0   (1 of 2 words left)" in table
    assert not any("Roe" in line for line in table)
