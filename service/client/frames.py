"""Takes notes out of tables of pandas and polars, and puts texts in their place. It imports neither."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from service.client.notes import NoteFields

Frame: TypeAlias = Any  # pandas.DataFrame or polars.DataFrame


@dataclass(frozen=True, slots=True)
class Cells:
    """The notes of a table. `places` says where each comes from: its column and its row, counted from 0."""

    columns: Sequence[str]
    places: Sequence[tuple[str, int]]
    notes: Sequence[NoteFields]


def cells(frame: Frame, columns: Iterable[str], *, patient_column: str | None = None) -> Cells:
    """Return all texts of `columns`, column by column, each with the patient that `patient_column` names.

    Raises:
        TypeError: the table is neither of pandas nor of polars, or a cell holds something else than text, or a note
            has no patient, or one that is neither text nor a whole number, or `columns` is a text: it should be a list.
        KeyError: there is no such column, or more than one.
        ValueError: `columns` is empty, so that nothing would be masked.
    """
    if isinstance(columns, str):
        raise TypeError(f"columns is a list of names: columns=[{columns!r}].")
    columns = list(columns)  # an iterator gives its names once
    if not columns:
        raise ValueError("columns is empty: name the columns that hold notes.")
    _check_columns(frame, [*columns, *([patient_column] if patient_column is not None else [])])
    patients = _values(frame, patient_column) if patient_column is not None else None
    places: list[tuple[str, int]] = []
    notes: list[NoteFields] = []
    for column in columns:
        for row, value in enumerate(_values(frame, column)):
            if not (text := _text(value, f"Column {column!r}, row {row}")):
                continue
            note: NoteFields = {"text": text}
            if patients is not None:
                note["patient"] = _patient(patients[row], f"Column {patient_column!r}, row {row}")
            places.append((column, row))
            notes.append(note)
    return Cells(columns, places, notes)


def replaced(frame: Frame, found: Cells, texts: Sequence[str | None]) -> Frame:
    """Return a new table with `texts` in the places of the notes."""
    columns = {column: _values(frame, column) for column in found.columns}
    for (column, row), text in zip(found.places, texts, strict=True):
        columns[column][row] = text
    if _library(frame) == "polars":
        made = [type(frame[name])(name, values, dtype=_dtype(frame[name])) for name, values in columns.items()]
        return frame.with_columns(made)
    copy = frame.copy()
    for name, values in columns.items():
        series = frame[name]
        copy[name] = type(series)(values, index=series.index, dtype=_dtype(series))
    return copy


def _dtype(series: Any) -> Any:  # noqa: ANN401
    """Return the type for the masked column. A type that lists its values, such as `category`, keeps the notes."""
    return None if str(series.dtype).lower().startswith(("categor", "enum")) else series.dtype


def _check_columns(frame: Frame, names: Sequence[str]) -> None:
    _library(frame)
    there = list(frame.columns)
    for name in names:
        if there.count(name) != 1:
            raise KeyError(f"The table has no column {name!r}, or several. It has: {', '.join(map(str, there))}.")


def _text(value: object, where: str) -> str:
    """Return the text of a cell; an empty one where there is nothing to mask."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{where}: a note is a text, and not {type(value).__name__}.")
    return value if value.strip() else ""


def _patient(value: object, where: str) -> str:
    """Return whose a note is. Numbers of pandas become `float` beside a missing one: 7 would be another than 7.0."""
    if value is None:
        raise TypeError(f"{where}: the patient of this note is missing.")
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        kind = type(value).__name__
        raise TypeError(
            f"{where}: a patient is a text or a whole number, and not {kind}. Make the column Int64 or text."
        )
    return str(value)


def _library(frame: Frame) -> str:
    for kind in type(frame).__mro__:
        if kind.__name__ == "DataFrame" and (library := kind.__module__.partition(".")[0]) in {"pandas", "polars"}:
            return library
    raise TypeError(f"A table is a DataFrame of pandas or polars, and not {type(frame).__name__}.")


def _values(frame: Frame, column: str) -> list[Any]:
    """Return the cells of a column; None for those that are null."""
    series = frame[column]
    if _library(frame) == "polars":
        return cast("list[Any]", series.to_list())
    return [None if is_null else value for value, is_null in zip(series.tolist(), series.isna().tolist(), strict=True)]
