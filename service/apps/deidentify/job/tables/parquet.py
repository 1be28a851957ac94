"""Parquet. The other columns are kept, values and types, and so are the file's metadata; row groups are made anew."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from service.apps.deidentify.errors import JobRefusedError, JobStoppedError, NoteRefusedError
from service.apps.deidentify.job.inputs import Reading, Source, shown
from service.apps.deidentify.job.notes import Cell, Note, failure
from service.apps.deidentify.job.tables.rows import Reply, cell_of, missing, note_of

BATCH = 500  # rows that are read at once
GROUP = 32_000_000  # bytes of a row group that is written: so much is held in memory


class ParquetTable:
    """See `service.apps.deidentify.job.tables.rows.Table`."""

    def __init__(self, source: Source, columns: Sequence[str], _encoding: str, patient_column: str = "") -> None:
        self.rows = 0
        self._source = source
        self._columns = columns
        self._patient_column = patient_column

    def check(self, reading: Reading) -> None:
        """Read what the file says of itself."""
        file = self._opened(reading)
        schema = file.schema_arrow
        patient = [self._patient_column] if self._patient_column else []
        if error := missing(self._source, [*self._columns, *patient], schema.names):
            raise error
        for name in [*self._columns, *patient]:
            if schema.names.count(name) > 1:
                raise JobRefusedError(f"{shown(self._source.path)} has more than one column {shown(name)}.")
            kind = schema.field(name).type
            # A column of notes may have the type of one in which every value is null.
            others = pa.types.is_null if name in self._columns else pa.types.is_integer
            if not (_is_text(kind) or others(kind)):
                what = f"the column {shown(name)} is of the type {kind}, and not text."
                raise JobRefusedError(f"{shown(self._source.path)}: {what}")
        self.rows = file.metadata.num_rows

    def notes(self, reading: Reading) -> Iterator[tuple[Note, int]]:
        """Each row; its number is that in the file, from 1."""
        file = self._opened(reading)
        names = [file.schema_arrow.names[place] for place in self._places(file.schema_arrow)]
        patient = [self._patient_column] if self._patient_column else []
        done = 0
        for batch in self._batches(file, list(dict.fromkeys([*names, *patient]))):
            columns = [_cells(batch.column(name)) for name in [*names, *patient]]
            for row in zip(*columns, strict=True):
                done += 1
                whose = (row[-1] if isinstance(row[-1], str) else "") if patient else None
                note = note_of(done, names, row[: len(names)], whose, is_utf8=True)
                yield note, done * self._source.size // self.rows

    def write(self, reading: Reading, replies: Iterator[Reply], file: BinaryIO) -> None:
        """Write in row groups of a bounded size, compressed as the file that is read."""
        given = self._opened(reading)
        places = self._places(given.schema_arrow)
        schema = _roomy(given.schema_arrow, places)
        with pq.ParquetWriter(file, schema, compression=_compression(given)) as writer:
            for batches in _groups(self._batches(given)):
                writer.write_table(pa.Table.from_batches([_with(batch, schema, places, replies) for batch in batches]))

    def _places(self, schema: Any) -> list[int]:  # noqa: ANN401 - pyarrow has no types
        """Where the notes are, in the order of the columns of the file."""
        return [place for place, name in enumerate(schema.names) if name in self._columns]

    def _opened(self, reading: Reading) -> Any:  # noqa: ANN401 - likewise
        try:
            return pq.ParquetFile(reading.stream, buffer_size=1_000_000, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            if _is_of_the_system(error):
                raise
            raise JobRefusedError(f"{shown(self._source.path)} is no Parquet file that can be read.") from error

    def _batches(self, file: Any, columns: Sequence[str] | None = None) -> Iterator[Any]:  # noqa: ANN401 - likewise
        """Read the file. Raises JobStoppedError if it is damaged."""
        try:
            yield from file.iter_batches(BATCH, columns=columns)
        except (pa.ArrowException, OSError) as error:
            if _is_of_the_system(error):
                raise
            raise JobStoppedError(f"{shown(self._source.path)} is damaged.") from None


def _is_of_the_system(error: Exception) -> bool:
    """Whether the disk or the memory is to blame. pyarrow reports damaged content as an OSError without a number."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None)


def _cells(column: Any) -> list[Cell]:  # noqa: ANN401 - likewise
    """The texts of a column. pyarrow does not check that they are UTF-8."""
    texts = column.cast(pa.string())
    try:
        return [cell_of(text) for text in texts.to_pylist()]
    except UnicodeDecodeError:
        return [None if raw is None else _cell(raw) for raw in texts.cast(pa.binary()).to_pylist()]


def _cell(raw: bytes) -> Cell:
    try:
        return cell_of(raw.decode())
    except UnicodeDecodeError as error:
        wrong = f"Byte {error.start + 1} of this cell (0x{raw[error.start]:02X}) is not in utf-8."
        return failure(NoteRefusedError(wrong))


def _is_text(kind: Any) -> bool:  # noqa: ANN401 - likewise
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _roomy(schema: Any, places: Sequence[int]) -> Any:  # noqa: ANN401 - likewise
    """The schema with room for any number of different texts in these columns: as stand-ins they may be more."""
    for place in places:
        field = schema.field(place)
        if pa.types.is_dictionary(field.type):
            kind = pa.dictionary(pa.int32(), field.type.value_type, ordered=field.type.ordered)
            schema = schema.set(place, field.with_type(kind))
    return schema


def _with(batch: Any, schema: Any, places: Sequence[int], replies: Iterator[Reply]) -> Any:  # noqa: ANN401 - likewise
    """A batch with other texts in these columns. `schema`: of what is written."""
    rows = [reply.texts for reply in islice(replies, batch.num_rows)]
    columns = list(batch.columns)
    for number, place in enumerate(places):
        field = schema.field(place)
        if pa.types.is_null(field.type):
            continue
        texts = [row[number] if row[number] is not None or field.nullable else "" for row in rows]
        columns[place] = pa.array(texts, pa.string()).cast(field.type)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _groups(batches: Iterator[Any]) -> Iterator[Iterator[Any]]:
    """Batches, so many together as a row group should have bytes."""
    for first in batches:
        yield _group(first, batches)


def _group(first: Any, others: Iterator[Any]) -> Iterator[Any]:  # noqa: ANN401 - likewise
    size = 0
    for batch in chain([first], others):
        yield batch
        size += batch.nbytes
        if size >= GROUP:
            return


def _compression(file: Any) -> str:  # noqa: ANN401 - likewise
    """How most of the file is compressed; as its first column is."""
    if not file.metadata.num_row_groups or not file.metadata.num_columns:
        return "snappy"
    found = str(file.metadata.row_group(0).column(0).compression).lower()
    return "none" if found == "uncompressed" else found
