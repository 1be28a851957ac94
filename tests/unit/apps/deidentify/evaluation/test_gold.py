"""Marked notes, from a file."""

from pathlib import Path

import pytest

from service.apps.deidentify.errors import GoldRefusedError
from service.apps.deidentify.evaluation.gold import Gold, Mark, read, rewritten


def test_a_line_is_a_note(tmp_path: Path) -> None:
    """Blank lines are none; a mark without a type is an identifier."""
    path = tmp_path / "gold.jsonl"
    path.write_text('{"text": "Zoë, 3/4", "spans": [[5, 8, "DATE"], [0, 3]]}\n\n{"text": "x", "spans": []}\n')

    assert read(path) == [Gold("Zoë, 3/4", (Mark(0, 3, "IDENTIFIER"), Mark(5, 8, "DATE"))), Gold("x", ())]


def test_marks_move_with_what_is_written_in_their_place() -> None:
    """Longer or shorter, and what stands between stays."""
    changes = [(Mark(0, 3, "NAME"), "Margaret"), (Mark(5, 8, "DATE"), "")]

    assert rewritten("Zoë, 3/4.", changes) == Gold("Margaret, .", (Mark(0, 8, "NAME"), Mark(10, 10, "DATE")))


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[]",
        '{"text": "x"}',
        '{"text": 1, "spans": []}',
        '{"text": "x", "spans": [[0, 2, "A"]]}',
        '{"text": "x", "spans": [[1, 1, "A"]]}',
        '{"text": "x", "spans": [["0", 1, "A"]]}',
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_what_is_no_note_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    """Without its text."""
    path = tmp_path / "gold.jsonl"
    path.write_text('{"text": "x", "spans": []}\n' + line)

    with pytest.raises(GoldRefusedError, match="Line 2"):
        read(path)


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_a_file_without_notes(tmp_path: Path, content: str) -> None:
    """It is refused: nothing can be measured, and nothing was missed."""
    path = tmp_path / "gold.jsonl"
    path.write_text(content)

    with pytest.raises(GoldRefusedError, match="has no notes"):
        read(path)


def test_another_encoding(tmp_path: Path) -> None:
    """It is refused."""
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(GoldRefusedError, match="UTF-8"):
        read(path)
