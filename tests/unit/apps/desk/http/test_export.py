"""Lists as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import date

import pytest
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from service.apps.desk.errors import DatabaseUnavailableError
from service.apps.desk.http.export import as_csv


class Row(BaseModel):
    """Something to export."""

    number: int = 1
    text: str | None = None
    day: date | None = None
    flag: bool = False


async def rows(*given: Row, then: Exception | None = None) -> AsyncIterator[Row]:
    """Yield rows, and raise `then` after them."""
    for row in given:
        yield row
    if then:
        raise then


async def text_of(answer: StreamingResponse) -> str:
    """Return all that is sent."""
    return "".join([piece if isinstance(piece, str) else bytes(piece).decode() async for piece in answer.body_iterator])


async def export(*given: Row) -> str:
    """Return the file of these rows."""
    return await text_of(await as_csv(rows(*given), model=Row, name="rows.csv", bom=False))


async def cells(text: str) -> str:
    """Return what a cell with that text becomes."""
    return list(csv.reader(io.StringIO(await export(Row(text=text)), newline="")))[1][1]


async def test_the_form() -> None:
    """A line with the column names, then one for each row, ended by CR LF, with each cell in quotes (RFC 4180)."""
    text = await export(Row(text='say "ä,b"\nc', day=date(2020, 2, 29), flag=True), Row(number=2))

    assert text == (
        '"number","text","day","flag"\r\n'
        '"1","say ""ä,b""\nc","2020-02-29","true"\r\n'
        '"2","","","false"\r\n'
    )  # fmt: skip


async def test_an_empty_list() -> None:
    """An empty list has only the line with the column names."""
    assert await export() == '"number","text","day","flag"\r\n'


async def test_the_headers() -> None:
    """A browser saves it as a file. The media type says that it is UTF-8 and has a header line."""
    answer = await as_csv(rows(), model=Row, name="rows.csv", bom=False)

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="rows.csv"'


FORMULAS = [
    "=1+1",
    "+44 20",
    "-1",
    "@SUM(A1)",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20x",
    "\u22121",
    "\ufe661",
    '=HYPERLINK("http://x","y")',
]


@pytest.mark.parametrize("text", FORMULAS)
async def test_formulas_are_neutralised(text: str) -> None:
    """Text that a spreadsheet would calculate begins with an apostrophe."""
    assert await cells(text) == f"'{text}"


@pytest.mark.parametrize("blank", ["", " ", "  \u00a0", '"', '""', ' "', "\u3000", "\ufeff", "\u200b "], ids=ascii)
@pytest.mark.parametrize("separator", [";", "|", "\t", "\r", "\n", "\r\n", "\v", "\f", "\u2028"], ids=ascii)
@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1", "-1", "@A1", "\uff1d1"])
async def test_formulas_after_another_separator(formula: str, separator: str, blank: str) -> None:
    """A formula after a separator within a cell is neutralised, too: a spreadsheet may split the cell there."""
    assert await cells(f"a{separator}{blank}{formula}") == f"a{separator}'{blank}{formula}"


async def test_several_formulas() -> None:
    """Each of several formulas in one cell gets an apostrophe."""
    assert await cells("=1;=2\t=3") == "'=1;'=2\t'=3"
    assert await cells(" =1") == "' =1"
    assert await cells(";=1") == ";'=1"


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1", "\tx", "\rx", "\nx"], ids=ascii)
async def test_cells_that_begin_unseen(text: str) -> None:
    """A cell that begins with a tab or a line end gets an apostrophe before it."""
    assert (await cells(text)).startswith(f"'{text[0]}")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("text", ["=1", "a;=1", "a\n=1", 'a;"=1"', 'a"\t"=1', "a|+1", ' "=1', "a\r\n;\t =1"])
async def test_whatever_the_spreadsheet_splits_at(text: str, separator: str) -> None:
    """Whatever separator a spreadsheet uses, no cell of the file begins with a formula."""
    file = io.StringIO(await export(Row(text=text), Row(text="x")), newline="")
    found = [cell.lstrip(' "') for row in csv.reader(file, delimiter=separator) for cell in row]

    assert [cell for cell in found if cell.startswith(("=", "+", "-", "@"))] == []


async def test_a_cell_of_separators_takes_no_time() -> None:
    """A long cell of separators is written in a fraction of a second."""
    text = "; " * 50_000 + "=1"

    assert await cells(text) == text[:-3] + "' =1"


@pytest.mark.parametrize(
    "text",
    [
        "1+1",
        "a=b",
        "'=1",
        "",
        "مرحبا",
        "x@example.com",
        "a; b",
        "a;b=c",
        "a\tb",
        "a - b, -5",
        "a,=1",
        "call +49 30 1",
        "x\ny",
    ],
)
async def test_all_else_is_as_it_is(text: str) -> None:
    """Text that no spreadsheet calculates stays as it is."""
    assert await cells(text) == text


async def test_a_failure_before_the_first_rows() -> None:
    """A failure before anything was sent is raised, so that it is answered with its own status."""
    with pytest.raises(DatabaseUnavailableError):
        await as_csv(rows(then=DatabaseUnavailableError(reason="gone")), model=Row, name="rows.csv", bom=False)


async def test_a_failure_in_the_middle() -> None:
    """A later failure cuts the answer off, so that a part of the list does not look like the whole."""
    many: Sequence[Row] = [Row(text="x" * 1000)] * 100
    answer = await as_csv(
        rows(*many, then=DatabaseUnavailableError(reason="gone")), model=Row, name="rows.csv", bom=False
    )

    with pytest.raises(DatabaseUnavailableError):
        await text_of(answer)


@pytest.mark.parametrize("sign", list("=+-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff1d\uff0b\uff0d\uff20"), ids=ascii)
async def test_every_sign(sign: str) -> None:
    """Each sign that begins a formula is neutralised, in each width."""
    assert await cells(f"{sign}1") == f"'{sign}1"


@pytest.mark.parametrize("blank", list("\xad\u061c\u180e\u200b\u200f\u202a\u202e\u2060\u206f\ufeff"), ids=ascii)
async def test_a_formula_after_what_nobody_sees(blank: str) -> None:
    """A formula is neutralised behind each invisible character that a program may drop."""
    assert await cells(f"{blank}=1") == f"'{blank}=1"


@pytest.mark.parametrize("separator", list(";|\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"), ids=ascii)
async def test_every_separator(separator: str) -> None:
    """A formula is neutralised behind each character at which a program may begin a new cell or line."""
    assert await cells(f"a{separator}=1") == f"a{separator}'=1"
