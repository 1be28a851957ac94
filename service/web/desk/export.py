"""Lists as CSV (RFC 4180): streamed, and harmless to the spreadsheet that opens it."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

_PIECE = 64 * 1024  # characters gathered before they are sent
# What spreadsheets take for the beginning of a formula, with the full-width signs (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


async def as_csv(rows: AsyncIterator[BaseModel], *, model: type[BaseModel], name: str) -> StreamingResponse:
    """Answer with a file `name` that has a column for each of the model's fields.

    An error before the first rows were read is raised here, and so answered as any other; one after that cuts the
    connection off, so that no part of a list looks like the whole.
    """
    pieces = _pieces(rows, list(model.model_fields))
    first = await anext(pieces)
    return StreamingResponse(
        _all(first, pieces),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _all(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for piece in rest:
        yield piece


async def _pieces(rows: AsyncIterator[BaseModel], columns: list[str]) -> AsyncIterator[str]:
    buffer = io.StringIO(newline="")
    # All in quotes: where another separator is usual, a cell with it in would be read as two.
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    async for row in rows:
        values = row.model_dump(mode="json")
        writer.writerow([_cell(values[column]) for column in columns])
        if buffer.tell() >= _PIECE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: Any) -> str:  # noqa: ANN401 - what JSON has
    """A value as text that no spreadsheet calculates: an apostrophe stands before what looks like a formula."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
