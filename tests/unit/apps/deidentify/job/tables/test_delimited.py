"""CSV and TSV: what is masked is, and not one byte else is another."""

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.errors import JobRefusedError
from service.apps.deidentify.job.inputs import Source
from service.apps.deidentify.job.notes import LARGEST
from service.apps.deidentify.job.tables.delimited import BadRow, Delimited
from service.apps.deidentify.job.tables.rows import LONGEST_ROW
from tests.unit.apps.deidentify.job.tables.conftest import Do

CANARY = "Zebulon"
UTF16 = "This looks like UTF-16LE, and not like UTF-8: convert it first, for example with `iconv -f UTF-16LE -t UTF-8`."
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.text('",\t\r\n a', max_size=8)
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=4))


def mask(text: str) -> str:
    """Something that needs quotes."""
    return f'*,\t"{len(text)}"\n'


def rows(
    content: bytes, *columns: str, kind: str = "csv", encoding: str = "utf-8"
) -> list[tuple[bytes, Sequence[object]]]:
    """What stands in each row when it is written as it is, and its notes."""
    source = Source("/in/t", f"t.{kind}", 0, 0)
    found = Delimited(source, columns, encoding).rows(io.BytesIO(content))
    return [(row.written([cell if isinstance(cell, str) else None for cell in row.cells]), row.cells) for row in found]


def written(table: Sequence[Sequence[str]], *, delimiter: str, quoting: int, end: str) -> bytes:
    """A table as Python's csv module writes it."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(table)  # type: ignore[arg-type] # the constants are no literals
    return text.getvalue().encode()


@given(
    TABLES,
    st.sampled_from([",", "\t"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_table(table: list[list[str]], delimiter: str, quoting: int, end: str) -> None:
    """Has its notes masked, and its other cells as Python's csv module reads them; with nothing masked, each byte."""
    if quoting == csv.QUOTE_MINIMAL:
        end = "\r\n"  # else the module writes cells without quotes that it does not read again
    header = [f"c{number}" for number in range(len(table[0]) if table else 1)]
    content = written([header, *table], delimiter=delimiter, quoting=quoting, end=end)
    kind = {",": "csv", "\t": "tsv"}[delimiter]
    source = Source("/in/t", f"t.{kind}", 0, 0)
    found = list(Delimited(source, ["c0"], "utf-8").rows(io.BytesIO(content)))
    masked = b"".join(
        row.written([mask(cell) for cell in row.cells if isinstance(cell, str)] or [None] * len(row.cells))
        for row in found
    )

    assert b"".join(raw for raw, _ in rows(content, "c0", kind=kind)) == content
    read = csv.reader(io.StringIO(masked.decode(), newline=""), delimiter=delimiter)
    is_quoted = quoting != csv.QUOTE_MINIMAL
    expected = [[mask(row[0]) if row[0] or is_quoted else "", *row[1:]] for row in table]
    if len(header) == 1:  # csv writes an empty row in quotes
        expected = [[mask(row[0])] for row in table]
    assert list(read) == [header, *expected]


@given(st.binary(max_size=60) | st.text('",\r\nab', max_size=40).map(str.encode))
def test_any_bytes(content: bytes) -> None:
    """Are refused, or come back as they are; a row with too many or too few cells is the only one that does not."""
    try:
        found = list(Delimited(Source("/in/t", "t.csv", 0, 0), ["a"], "latin-1").rows(io.BytesIO(b"a,b\n" + content)))
    except JobRefusedError:
        return
    good = [row for row in found if not isinstance(row, BadRow)]

    assert b"".join(row.raw for row in good) == b"".join(
        row.written([cell for cell in row.cells if not isinstance(cell, dict)]) for row in good
    )
    if len(good) == len(found):
        assert b"".join(row.raw for row in good) == b"a,b\n" + content
    read = [row for row in csv.reader(io.StringIO(content.decode("latin-1"), newline="")) if row]
    assert [row.cells[0] or "" for row in good if row.cells] == [row[0] for row in read if len(row) == 2]


def test_a_row(do: Do) -> None:
    """Keeps the quotes, spaces and numbers of all other cells; a null stays one, an empty text too."""
    content = b'id,note,"x"\r\n007,Dr. Roe , 1e5\r\n"8",,""\r\n 9,"","a ""b"""\r\n\r\n10,"a\r\nb",'

    assert do("t.csv", content, lambda text: "*" * len(text), "note") == (
        b'id,note,"x"\r\n007,********, 1e5\r\n"8",,""\r\n 9,"","a ""b"""\r\n\r\n10,"****",'
    )


def test_two_columns(do: Do) -> None:
    """Are masked both, as often as they are there."""
    assert do("t.csv", b"a,b,a,c\n1,2,3,4\n", lambda _: "x", "a", "b") == b"a,b,a,c\nx,x,x,4\n"


def test_a_name_in_quotes_behind_a_byte_order_mark(do: Do) -> None:
    """Is the name; the mark stays, for programs that know the encoding by it."""
    assert do("t.csv", b'\xef\xbb\xbf"a,b",c\n1,2\n', lambda _: "x", "a,b") == b'\xef\xbb\xbf"a,b",c\nx,2\n'


def test_one_column(do: Do) -> None:
    """Never gets a blank line for a row, which readers would pass over."""
    assert do("t.csv", b"a\nRoe\n\nDoe", lambda _: None, "a") == b'a\n""\n\n""'


def test_another_encoding(do: Do) -> None:
    """Is read and written."""
    content = "größe,nöte\nß,Zoë\n".encode("cp1252")

    assert do("t.csv", content, lambda text: text.replace("Z", "*"), "nöte", encoding="cp1252") == content.replace(
        b"Z", b"*"
    )


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        (
            b'id,note\n1,a\n2,"a\nb \xe9"\n',
            "utf-8",
            "Line 4, byte 3 (0xE9) is not in utf-8. If it is Windows-1252, use --encoding cp1252.",
        ),
        (b"id,note\n1,\x81\n", "cp1252", "Line 2, byte 3 (0x81) is not in cp1252. Use another --encoding."),
        (
            "id,note\n1,é\n".encode("utf-16"),
            "utf-8",
            UTF16,
        ),
    ],
    ids=["cp1252", "not cp1252", "UTF-16"],
)
def test_a_wrong_encoding(content: bytes, encoding: str, said: str) -> None:
    """Is told by line and byte, with the way out."""
    with pytest.raises(JobRefusedError) as refused:
        rows(content, "note", encoding=encoding)

    assert refused.value.detail == f"/in/t: {said}"


def test_a_row_of_another_width(do: Do) -> None:
    """Is left empty: a comma that no quotes are around would put half of a note where nobody looks for it."""
    content = f"id,note,x\n1,Roe, {CANARY},2\n2,{CANARY}\n3,Doe,4\n".encode()

    assert do("t.csv", content, lambda _: "x", "note") == b"id,note,x\n,,\n,,\n3,x,4\n"


def test_the_line_of_a_bad_row() -> None:
    """Is where it begins in the file, and the cells are counted."""
    source = Source("/in/t", "t.csv", 0, 0)
    found = list(Delimited(source, ["b"], "utf-8").rows(io.BytesIO(b'a,b\r\n"\r\n",2\r\n3\r\n')))

    assert [row.line for row in found] == [1, 2, 4]
    assert found[2].cells == [
        {"code": "invalid_request", "detail": "The row has 1 cells, and the header 2. Nothing of the row is written."}
    ]


@pytest.mark.parametrize("content", [b'a,b\n1,2\n3,"4\n5,6\n', b'a,b\n1,2\n3,"4""'], ids=["open", "open at the end"])
def test_a_quote_that_is_not_closed(content: bytes) -> None:
    """Is refused: all behind it would be one cell, notes among it."""
    with pytest.raises(JobRefusedError) as refused:
        rows(content, "b")

    assert refused.value.detail == f"/in/t, line 3: a quote is not closed, or a row is longer than {LONGEST_ROW} bytes."


def test_a_row_without_an_end() -> None:
    """Is not held in memory."""

    class Endless(io.RawIOBase):
        """Counts what is read."""

        taken = 0

        def read(self, size: int = -1) -> bytes:
            """Return so many letters."""
            Endless.taken += size
            return b"a" * size

    with pytest.raises(JobRefusedError):
        list(Delimited(Source("/in/t", "t.csv", 0, 0), ["a"], "utf-8").rows(Endless()))  # type: ignore[arg-type] # it reads

    assert Endless.taken < 3 * LONGEST_ROW


def test_a_note_that_is_too_large(do: Do) -> None:
    """Is null; its row stays."""
    content = b"a,b\n1,%b\n" % (b"x" * (LARGEST + 1))

    assert do("t.csv", content, lambda text: text, "b") == b"a,b\n1,\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,text\n", "/in/t has no column note. Its columns are: id, text."),
        (b"1,%b\n" % (b"x" * 99), f"/in/t has no column note. Its columns are: 1, {'x' * 40}…."),
        (b",".join([b"a"] * 51), f"/in/t has no column note. Its columns are: {', '.join('a' * 50)}, …."),
        (b"", "/in/t is empty: its first row should name its columns."),
    ],
)
def test_a_missing_column(content: bytes, said: str) -> None:
    """Is told with the columns that are there."""
    with pytest.raises(JobRefusedError) as refused:
        rows(content, "note")

    assert refused.value.detail == said


def test_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows may be cut anywhere by what is read at once."""
    content = b'id,note\r\n1,"a\r\n""b"""\r\n2,\r\n3,c\r'
    expected = rows(content, "note")
    for size in range(1, 12):
        monkeypatch.setattr("service.apps.deidentify.job.tables.delimited.CHUNK", size)

        assert rows(content, "note") == expected
