"""Parquet: other columns keep their values and types, and the file what it says of itself."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.apps.deidentify.errors import JobRefusedError, JobStoppedError
from service.apps.deidentify.job.inputs import find
from service.apps.deidentify.job.notes import LARGEST
from service.apps.deidentify.job.tables import parquet
from tests.unit.apps.deidentify.job.tables.conftest import Do

OTHERS = {
    "id": pa.array([1, None, 3], pa.int32()),
    "when": pa.array([datetime(2019, 3, 1, tzinfo=UTC)] * 3, pa.timestamp("us", "Europe/Berlin")),
    "price": pa.array([Decimal("1.10")] * 3, pa.decimal128(9, 2)),
    "blob": pa.array([b"\0", None, b""], pa.binary()),
    "list": pa.array([[1, None], None, []], pa.list_(pa.int8())),
    "deep": pa.array([{"note": "kept"}] * 3, pa.struct([("note", pa.string())])),
    "ward": pa.array(["a", "b", "a"]).dictionary_encode(),
}
TEXTS = ["Dr. Roe", None, ""]


def written(table: pa.Table, **options: object) -> bytes:
    """A table as a file."""
    out = BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def stars(text: str) -> str:
    """As many stars as there are characters."""
    return "*" * len(text)


KINDS = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()]


@pytest.mark.parametrize("kind", KINDS, ids=["string", "large", "dictionary", "view"])
def test_a_table(do: Do, kind: pa.DataType) -> None:
    """Has its notes masked, null stays null, and all else is as it was: order, types, metadata, compression."""
    columns = {"id": OTHERS["id"], "note": pa.array(TEXTS).cast(kind), **OTHERS}
    table = pa.table(columns).replace_schema_metadata({"pandas": "{}", "of": "somebody"})
    given = written(table, compression="zstd")
    masked = do("t.parquet", given, stars, "note")
    found = pq.ParquetFile(BytesIO(masked))

    assert found.schema_arrow.equals(pq.read_schema(BytesIO(given)), check_metadata=True)
    assert found.read().drop_columns("note").equals(pq.read_table(BytesIO(given)).drop_columns("note"))
    assert found.read()["note"].to_pylist() == ["*******", None, ""]
    assert found.metadata.row_group(0).column(0).compression == "ZSTD"
    assert b"Roe" not in masked


@pytest.mark.parametrize("index", [pa.int8(), pa.uint8(), pa.int64()], ids=str)
def test_more_texts_than_a_dictionary_had(do: Do, index: pa.DataType) -> None:
    """Fit: the same note may have another stand-in in each row. All but the indices of the dictionary stays."""
    numbers = iter(range(300))
    notes = pa.array(["Dr. Roe", "Dr. Doe"] * 150).cast(pa.dictionary(index, pa.string()))
    masked = do("t.parquet", written(pa.table({"note": notes})), lambda _: str(next(numbers)), "note")
    found = pq.read_table(BytesIO(masked))

    assert found["note"].to_pylist() == [str(number) for number in range(300)]
    assert found.schema == pa.schema([("note", pa.dictionary(pa.int32(), pa.string()))])


def test_two_columns(do: Do) -> None:
    """Are masked both, in whichever order they are named."""
    table = pa.table({"a": ["1", "2"], "b": ["x", None], "c": ["kept", "kept"]})
    masked = do("t.parquet", written(table), lambda text: text + "!", "b", "a")

    assert pq.read_table(BytesIO(masked)).to_pydict() == {"a": ["1!", "2!"], "b": ["x!", None], "c": ["kept", "kept"]}


def test_row_groups(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    """Are as large as may be held, however large they were, and no row changes its place."""
    monkeypatch.setattr(parquet, "BATCH", 10)
    monkeypatch.setattr(parquet, "GROUP", 1000)
    table = pa.table({"id": list(range(500)), "note": [f"note {number}" for number in range(500)]})
    masked = do("t.parquet", written(table, row_group_size=70), str.upper, "note")

    assert pq.read_table(BytesIO(masked)).to_pydict() == {
        "id": list(range(500)),
        "note": [f"NOTE {number}" for number in range(500)],
    }
    assert 5 < pq.ParquetFile(BytesIO(masked)).num_row_groups < 25
    assert do("t.parquet", written(table, row_group_size=70), str.upper, "note") == masked


@pytest.mark.parametrize("kind", KINDS, ids=["string", "large", "dictionary", "view"])
def test_a_cell_that_is_not_utf_8(do: Do, tmp_path: Path, kind: pa.DataType) -> None:
    """Becomes null, and is an error that says where; the cells beside it are done."""
    raw = pa.array([b"Dr. Roe", b"Jos\xe9 Roe"]).view(pa.string())
    texts = pa.array([0, 1, None]).cast(pa.int32())
    column = pa.DictionaryArray.from_arrays(texts, raw) if pa.types.is_dictionary(kind) else raw.take(texts).cast(kind)
    masked = do("t.parquet", written(pa.table({"note": column})), stars, "note")

    assert pq.read_table(BytesIO(masked))["note"].to_pylist() == ["*******", None, None]
    (source,) = find([tmp_path / "t.parquet"], tmp_path / "out", tables=True).sources
    table = parquet.ParquetTable(source, ["note"], "utf-8")
    with source.open() as reading:
        table.check(reading)
        notes = [note for note, _ in table.notes(reading)]
    assert all(note.is_utf8 for note in notes)
    cells = [json.loads(note.raw or b"")[0][1] for note in notes]
    said = "Byte 4 of this cell (0xE9) is not in utf-8."
    assert cells == ["Dr. Roe", {"code": "note_refused", "detail": said}, None]


def test_a_column_without_any_text(do: Do) -> None:
    """Has nothing to mask, and is written as it is."""
    table = pa.table({"note": pa.nulls(2), "more": ["a", None]})

    assert pq.read_table(BytesIO(do("t.parquet", written(table), stars, "note", "more"))).to_pydict() == {
        "note": [None, None],
        "more": ["*", None],
    }


@pytest.mark.parametrize("place", [4, 40, 0.5], ids=["header", "page", "index"])
def test_a_damaged_page(do: Do, tmp_path: Path, place: float) -> None:
    """Stops the job, and the file is named."""
    content = written(pa.table({"note": [f"Dr. Roe {number}" for number in range(2000)]}), compression="zstd")
    start = int(place if place > 1 else place * len(content))
    damaged = content[:start] + b"\xff" * 20 + content[start + 20 :]

    with pytest.raises(JobStoppedError) as stopped:
        do("t.parquet", damaged, stars, "note")

    assert stopped.value.detail == f"{tmp_path / 't.parquet'} is damaged."


def test_no_rows(do: Do) -> None:
    """Are no notes."""
    table = pa.table({"note": pa.array([], pa.string())})

    assert pq.read_table(BytesIO(do("t.parquet", written(table), stars, "note"))).equals(table)


def test_a_note_that_fails_in_a_column_that_has_no_nulls(do: Do) -> None:
    """Is empty."""
    table = pa.table({"note": ["x" * (LARGEST + 1), "a"]}, pa.schema([pa.field("note", pa.string(), nullable=False)]))

    assert pq.read_table(BytesIO(do("t.parquet", written(table), stars, "note")))["note"].to_pylist() == ["", "*"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (written(pa.table({"a": [1], "b": ["x"]})), "{} has no column note. Its columns are: a, b."),
        (written(pa.table({"note": [1]})), "{}: the column note is of the type int64, and not text."),
        (b"PAR1", "{} is no Parquet file that can be read."),
        (b"", "{} is no Parquet file that can be read."),
        (written(pa.table({"note": ["a"]}))[:-20], "{} is no Parquet file that can be read."),
    ],
    ids=["missing", "numbers", "short", "empty", "torn"],
)
def test_a_file_that_cannot_be_done(do: Do, tmp_path: Path, content: bytes, said: str) -> None:
    """Is told before anything is written."""
    with pytest.raises(JobRefusedError) as refused:
        do("t.parquet", content, stars, "note")

    assert refused.value.detail == said.format(tmp_path / "t.parquet")
