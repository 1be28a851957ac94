"""Lists as CSV (RFC 4180): streamed, and safe to open in a spreadsheet."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

_PIECE = 64 * 1024  # characters gathered before they are sent
# Signs that begin a formula (OWASP, "CSV Injection"), also in other widths. A program may drop spaces, quotation marks
# and invisible characters before them. They count at the beginning of a cell and after each separator. If a spreadsheet
# is set to another separator than the comma, quotes do not keep a cell together: only the first cell of a row begins
# with a quote then.
_SEPARATORS = ";|\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029"
_INVISIBLE = "\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_SIGNS = "=+@\u2212\ufe62\ufe63\ufe66\ufe6b\uff1d\uff0b\uff0d\uff20-"
_FORMULA = re.compile(rf"(^|[{_SEPARATORS}])(?=(?:[^\S{_SEPARATORS}]|[\"{_INVISIBLE}])*[{_SIGNS}])")
_UNSEEN = ("\t", "\r", "\n")  # dangerous at the beginning of a cell, whatever follows (OWASP)


_MARK = Query(description="Begin with a byte order mark: Excel then reads the file as UTF-8.")


async def _has_mark(*, bom: Annotated[bool, _MARK] = False) -> bool:
    return bom


Bom = Annotated[bool, Depends(_has_mark)]
"""Whether a file is to begin with a byte order mark."""


async def as_csv(rows: AsyncIterator[BaseModel], *, model: type[BaseModel], name: str, bom: bool) -> StreamingResponse:
    """Answer with a file `name` that has a column for each of the model's fields. `bom`: with a byte order mark.

    An error before the first rows have been read is raised here, and answered as any other. A later one closes the
    connection, so that a part of a list does not look like the whole.
    """
    pieces = _pieces(rows, list(model.model_fields))
    first = ("\ufeff" if bom else "") + await anext(pieces)
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
    # All quoted, so that line ends and commas inside a cell belong to it.
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
    """Return a value as text. An apostrophe keeps spreadsheets from reading it as a formula."""
    if value is None:
        return ""
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    guarded = _FORMULA.sub(r"\1'", text)
    return f"'{guarded}" if text.startswith(_UNSEEN) and not guarded.startswith("'") else guarded
