"""Tables as a job does them, by an engine that is told what to say."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from service.apps.deidentify.job.claim import Terms
from service.apps.deidentify.job.files import checked
from service.apps.deidentify.job.inputs import find
from service.apps.deidentify.job.notes import Cell
from service.apps.deidentify.job.tables.rows import Reply

Mask = Callable[[str], str | None]
Do = Callable[..., bytes]


def answer(cell: Cell, mask: Mask) -> str | None:
    """What an engine says of a cell."""
    return mask(cell) if isinstance(cell, str) else None


@pytest.fixture
def do(tmp_path: Path) -> Do:
    """Write a table again, with its notes masked by a function."""

    def done(name: str, content: bytes, mask: Mask, *columns: str, encoding: str = "utf-8") -> bytes:
        path = tmp_path / name
        path.write_bytes(content)
        found = find([path], tmp_path / "out", tables=True)
        (file,) = checked(found.sources, Terms({}, spans=False, deadline=1, columns=columns, encoding=encoding))
        assert file.table is not None
        with file.source.open() as reading:
            notes = [note for note, _ in file.notes(reading)]
        assert len(notes) == file.table.rows
        replies = [Reply(note.line, [answer(cell, mask) for _, cell in json.loads(note.raw or b"")]) for note in notes]
        out = BytesIO()
        with file.source.open() as reading:
            file.table.write(reading, iter(replies), out)
        return out.getvalue()

    return done
