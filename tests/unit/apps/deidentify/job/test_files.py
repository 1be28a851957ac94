"""Which files of a job are tables, and what is found out before anything is written."""

import sys
from pathlib import Path

import pytest

from service.apps.deidentify.errors import JobRefusedError
from service.apps.deidentify.job.claim import Terms
from service.apps.deidentify.job.files import checked
from service.apps.deidentify.job.inputs import find
from service.apps.deidentify.job.notes import Note

NOTES = ["a.txt", "b.ndjson"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Notes and a table."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("Dr. Roe")
    (tmp_path / "in" / "b.ndjson").write_text('{"note": "Dr. Roe"}')
    (tmp_path / "in" / "c.csv").write_text("note\nDr. Roe\nDoe\n")
    return tmp_path / "in"


def rows(folder: Path, *columns: str) -> dict[str, int | None]:
    """The files, and of tables how many rows."""
    found = find([folder], folder.parent / "out", tables=bool(columns))
    files = checked(found.sources, Terms({}, spans=False, deadline=1, columns=columns))
    return {file.source.name: file.table.rows if file.table else None for file in files}


def test_without_columns(folder: Path) -> None:
    """There are no tables: lines are notes."""
    assert rows(folder) == dict.fromkeys(NOTES)


def test_with_columns(folder: Path) -> None:
    """Lines are rows, and a text stays a note."""
    assert rows(folder, "note") == {"a.txt": None, "b.ndjson": 1, "c.csv": 2}


def test_what_is_sent_of_a_row(folder: Path) -> None:
    """Is the note and its column's name; other cells stay here, wherever the engine is."""
    (folder / "c.csv").write_text("who,note\nRoe,Seen.\n")
    found = find([folder / "c.csv"], folder.parent / "out", tables=True)
    (file,) = checked(found.sources, Terms({}, spans=False, deadline=1, columns=("note",)))
    with file.source.open() as reading:
        ((note, _),) = file.notes(reading)

    assert note == Note(2, b'[["note", "Seen."]]', is_row=True)


def test_parquet_without_its_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told how to be had."""
    (folder / "d.parquet").touch()
    monkeypatch.delitem(sys.modules, "service.apps.deidentify.job.tables.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(JobRefusedError) as refused:
        rows(folder, "note")

    assert refused.value.detail.startswith("Not installed: pyarrow. Run pip install ")
    assert "[tables]" in refused.value.detail
