"""Tables of pandas and polars: notes come out, texts go in, and all else stays."""

from typing import Any

import pandas as pd
import polars as pl
import pytest

from service.client import frames

DATA: dict[str, list[Any]] = {"id": [3, 1, 2], "note": ["a", None, " "], "more": ["x", "y", ""], "who": ["p", "q", "p"]}


def pandas_table() -> pd.DataFrame:
    """Return a table with an index of its own."""
    return pd.DataFrame(DATA, index=["r1", "r2", "r3"])


@pytest.mark.parametrize("table", [pandas_table(), pl.DataFrame(DATA)], ids=["pandas", "polars"])
def test_notes_are_the_cells_with_a_text(table: Any) -> None:  # noqa: ANN401
    """Null, empty and blank cells hold nothing to mask."""
    found = frames.cells(table, ["note", "more"], patient_column="who")

    assert found.places == [("note", 0), ("more", 0), ("more", 1)]
    assert found.notes == [
        {"text": "a", "patient": "p"},
        {"text": "x", "patient": "p"},
        {"text": "y", "patient": "q"},
    ]


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_pandas(dtype: str) -> None:
    """Index, order of columns, and all other columns stay."""
    table = pandas_table().astype({"note": dtype})
    found = frames.replaced(table, frames.cells(table, ["note"]), ["A"])

    assert list(found.columns) == list(DATA)
    assert found.index.tolist() == ["r1", "r2", "r3"]
    assert [value if isinstance(value, str) else None for value in found["note"]] == ["A", None, " "]
    assert table["note"].tolist()[0] == "a"
    pd.testing.assert_frame_equal(found.drop(columns="note"), table.drop(columns="note"))


def test_types_that_list_their_values() -> None:
    """A column of `category` becomes one of texts: its type would have kept the notes."""
    table = pandas_table().astype({"note": "category"})
    found = frames.replaced(table, frames.cells(table, ["note"]), ["A"])
    others = pl.DataFrame(DATA).with_columns(
        pl.col("note").cast(pl.Categorical), pl.col("more").cast(pl.Enum(["x", "y", ""]))
    )
    found_others = frames.replaced(others, frames.cells(others, ["note", "more"]), ["A", "X", "Y"])

    assert not isinstance(found["note"].dtype, pd.CategoricalDtype)
    assert found_others.schema["note"] == found_others.schema["more"] == pl.String


@pytest.mark.parametrize("dtype", ["object", "string"])
def test_types_of_texts_stay(dtype: str) -> None:
    """Other types stay."""
    table = pandas_table().astype({"note": dtype})

    assert frames.replaced(table, frames.cells(table, ["note"]), ["A"])["note"].dtype == table["note"].dtype


def test_polars() -> None:
    """The same for polars."""
    table = pl.DataFrame(DATA)
    found = frames.replaced(table, frames.cells(table, ["note"]), ["A"])

    assert found.to_dict(as_series=False) == {**DATA, "note": ["A", None, " "]}
    assert found.schema == table.schema
    assert table["note"].to_list() == DATA["note"]


def test_an_empty_table() -> None:
    """There is nothing to do."""
    table = pd.DataFrame({"note": []})
    found = frames.cells(table, ["note"])

    assert frames.replaced(table, found, []).equals(table)


def test_names_of_columns_that_come_once() -> None:
    """An iterator is as good as a list: the first look at it must not leave the notes in clear."""
    table = pandas_table()
    found = frames.cells(table, (name for name in ("note", "more")))

    assert found == frames.cells(table, ["note", "more"])
    assert frames.replaced(table, found, ["A", "X", "Y"])["more"].tolist() == ["X", "Y", ""]


@pytest.mark.parametrize("columns", [[], (), iter([])], ids=["list", "tuple", "iterator"])
def test_no_columns(columns: Any) -> None:  # noqa: ANN401
    """Nobody wants a table back as it was."""
    with pytest.raises(ValueError, match="columns is empty"):
        frames.cells(pandas_table(), columns)


@pytest.mark.parametrize("table", [pandas_table(), pl.DataFrame(DATA)], ids=["pandas", "polars"])
def test_a_column_that_is_not_there(table: Any) -> None:  # noqa: ANN401
    """The message lists those that are."""
    with pytest.raises(KeyError, match=r"no column 'text'.*id, note, more, who"):
        frames.cells(table, ["text"])


def test_two_columns_of_one_name() -> None:
    """Which of them should be masked? Neither, before somebody says so."""
    table = pd.DataFrame([["a", "b"]], columns=["note", "note"])

    with pytest.raises(KeyError, match="or several"):
        frames.cells(table, ["note"])


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        (pd.DataFrame({"note": [1]}), ["note"], "row 0: a note is a text, and not int"),
        (pd.DataFrame({"note": ["a"]}), "note", r"columns=\['note'\]"),
        ([{"note": "a"}], ["note"], "DataFrame of pandas or polars, and not list"),
    ],
    ids=["numbers", "a name in place of a list", "no table"],
)
def test_what_cannot_be_masked(table: Any, columns: Any, message: str) -> None:  # noqa: ANN401
    """Each mistake has words of its own."""
    with pytest.raises(TypeError, match=message):
        frames.cells(table, columns)


def test_a_note_without_its_patient() -> None:
    """Its dates would move by somebody else's days."""
    table = pd.DataFrame({"note": ["a"], "who": [None]})

    with pytest.raises(TypeError, match="patient of this note is missing"):
        frames.cells(table, ["note"], patient_column="who")


@pytest.mark.parametrize(
    "who", [[4839201.0], [4839201, None], [True]], ids=["a float", "beside a missing one", "a boolean"]
)
def test_a_patient_that_is_no_text_and_no_whole_number(who: list[object]) -> None:
    """Is refused. The same patient would be `4839201` in one table and `4839201.0` in another."""
    table = pd.DataFrame({"note": ["a", None][: len(who)], "who": who})

    with pytest.raises(TypeError, match=r"row 0: a patient is a text or a whole number, and not (float|bool)[.] Make"):
        frames.cells(table, ["note"], patient_column="who")


@pytest.mark.parametrize(
    "who", [pd.Series([4839201, None], dtype="Int64"), pd.Series(["4839201", None])], ids=["Int64", "text"]
)
def test_a_number_beside_a_missing_one(who: Any) -> None:  # noqa: ANN401
    """Is the same in a column that can be null."""
    found = frames.cells(pd.DataFrame({"note": ["a", None], "who": who}), ["note"], patient_column="who")

    assert found.notes == [{"text": "a", "patient": "4839201"}]
