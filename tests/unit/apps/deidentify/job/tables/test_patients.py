"""A column of a table says whose the notes of a row are."""

import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.apps.deidentify.errors import JobRefusedError
from service.apps.deidentify.job.claim import Terms
from service.apps.deidentify.job.files import checked
from service.apps.deidentify.job.inputs import find


def patients(path: Path, column: str = "mrn", columns: Sequence[str] = ("note",)) -> list[str | None]:
    """Whose the rows of a table are."""
    terms = Terms({}, spans=False, deadline=1, columns=columns, patient_column=column)
    (file,) = checked(find([path], path.parent / "out", tables=True).sources, terms)
    with file.source.open() as reading:
        return [note.patient for note, _ in file.notes(reading)]


def parquet(**columns: object) -> bytes:
    """A table."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.csv", b'mrn,note\n007,a\n"x ""y",b\n,c\n', ["007", 'x "y', ""]),
        ("t.tsv", b"note\tmrn\na\t1\nb\t2\n", ["1", "2"]),
        (
            "t.ndjson",
            b'{"mrn":"1","note":"a"}\n{"mrn":2,"note":"b"}\n{"note":"c"}\n{"mrn":true,"note":"d"}\n',
            ["1", "2", "", ""],
        ),
        (
            "u.ndjson",
            b'{"mrn":"1","mrn":"2","note":"e"}\n{"mrn":null,"note":"f"}\n',
            ["", ""],
        ),
        ("s.parquet", parquet(mrn=["1", "2", None], note=["a", "b", "c"]), ["1", "2", ""]),
        ("i.parquet", parquet(note=["a", "b"], mrn=[1, 2]), ["1", "2"]),
    ],
)
def test_the_patient_of_a_row(tmp_path: Path, name: str, content: bytes, expected: list[str]) -> None:
    """As the cell says it; blank where it does not, or says two."""
    path = tmp_path / name
    path.write_bytes(content)

    assert patients(path) == expected


def test_a_column_may_hold_the_patient_and_be_masked(tmp_path: Path) -> None:
    """What is told is the patient as it stood there."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"mrn,note\n1,a\n")

    assert patients(path, columns=("mrn", "note")) == ["1"]
    path = tmp_path / "t.parquet"
    path.write_bytes(parquet(mrn=["1"], note=["a"]))
    assert patients(path, columns=("mrn", "note")) == ["1"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("t.csv", b"id,note\n1,a\n", "has no column mrn"),
        ("t.csv", b"mrn,mrn,note\n1,2,a\n", "more than one column mrn"),
        ("t.ndjson", b'{"note":"a"}\n', "has no column mrn"),
        ("t.parquet", parquet(note=["a"]), "has no column mrn"),
        ("t.parquet", parquet(note=["a"], mrn=[1.5]), "the column mrn is of the type double"),
    ],
)
def test_a_column_that_is_not_there(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    """The job does not begin."""
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(JobRefusedError, match=problem):
        patients(path)
