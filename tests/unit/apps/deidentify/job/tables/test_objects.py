"""NDJSON as a table: a line keeps all its bytes but those of its notes."""

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.errors import JobRefusedError
from service.apps.deidentify.job.inputs import Source
from service.apps.deidentify.job.notes import LARGEST
from service.apps.deidentify.job.tables.objects import Objects, fields_of
from service.apps.deidentify.job.tables.rows import LONGEST_ROW
from tests.unit.apps.deidentify.job.tables.conftest import Do

TEXTS = st.text(st.characters(codec="utf-8"), max_size=10)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
CANARY = "Zebulon"


@given(st.dictionaries(TEXTS, VALUES), TEXTS, st.booleans(), st.sampled_from([None, 1]))
def test_any_object(others: dict[str, object], note: str, ascii_only: bool, indent: int | None) -> None:  # noqa: FBT001 - a case
    """Keeps all values but the note's; with nothing masked, each byte."""
    given = {**others, "note": note}
    space = " " if indent else ""
    line = (
        json.dumps(given, ensure_ascii=ascii_only, separators=(f"{space},{space}", f"{space}:{space}")).encode() + b"\n"
    )
    (row,) = Objects(Source("/in/t", "t.ndjson", 0, 0), ["note"], "utf-8").rows(BytesIO(line))
    masked = json.loads(row.written(["Zoë"]))

    assert row.written([note]) == line
    assert repr(masked) == repr({**given, "note": "Zoë"}), "as text, since NaN is not equal to itself"
    assert row.written(["Zoë"]).isascii() or not line.isascii()


@given(st.text('{}[]",:a1 \\', max_size=20))
def test_any_text(text: str) -> None:
    """Is an object where json says so, with the same fields."""
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    try:
        found = {field.name: field.value for field in fields_of(text)}
    except ValueError:
        found = None

    assert found == (expected if isinstance(expected, dict) else None)


def test_a_line(do: Do) -> None:
    """Keeps its spaces, numbers and escapes; null stays null, and blank lines stay."""
    content = b'{ "id":1.50E3, "note" : "Dr. \\u00e9", "x":{"note":"kept"} }\r\n\n{"note":null}\n{"id":2}\n{"note":""}'

    assert do("t.ndjson", content, lambda text: "*" * len(text), "note") == (
        b'{ "id":1.50E3, "note" : "*****", "x":{"note":"kept"} }\r\n\n{"note":null}\n{"id":2}\n{"note":""}'
    )


def test_a_note_that_stands_twice(do: Do) -> None:
    """Is masked twice: readers differ on which counts."""
    assert do("t.jsonl", b'{"note":"a","note":"b"}\n', lambda _: "x", "note") == b'{"note":"x","note":"x"}\n'


@pytest.mark.parametrize(
    ("value", "code"),
    [("1", "invalid_request"), ('["Zebulon"]', "invalid_request"), ('"%s"' % ("x" * (LARGEST + 1)), "note_too_large")],
    ids=["number", "list", "too large"],
)
def test_a_note_that_is_none(do: Do, value: str, code: str) -> None:
    """Becomes null; the line stays."""
    content = b'{"id":1,"note":%b}\n' % value.encode()
    (row,) = Objects(Source("/in/t", "t.ndjson", 0, 0), ["note"], "utf-8").rows(BytesIO(content))

    assert [cell["code"] for cell in row.cells if isinstance(cell, dict)] == [code]
    assert do("t.ndjson", content, lambda text: text, "note") == b'{"id":1,"note":null}\n'


@pytest.mark.parametrize(
    "line",
    [
        f'["{CANARY}"]',
        CANARY,
        f'{{"note":"{CANARY}"',
        f'{{"note":"{CANARY}"}} x',
        f'{{1:"{CANARY}"}}',
        '{"note":"a","x":' + "[" * 100_000,
        f'{{"note":"{"x" * LONGEST_ROW}"}}',
    ],
    ids=["list", "word", "torn", "more", "no name", "deep", "too long"],
)
def test_a_line_that_is_no_object(do: Do, line: str) -> None:
    """Is written as one that says so, in its place."""
    content = b'{"note":"a"}\n' + line.encode() + b'\n{"note":"b"}\n'
    first, second, third = do("t.ndjson", content, lambda _: "x", "note").splitlines()

    assert (first, third) == (b'{"note":"x"}', b'{"note":"x"}')
    assert json.loads(second).keys() == {"line", "error"}
    assert CANARY.encode() not in second


def test_a_byte_order_mark(do: Do) -> None:
    """Stays."""
    assert do("t.ndjson", b'\xef\xbb\xbf{"note":"a"}\n', lambda _: "x", "note") == b'\xef\xbb\xbf{"note":"x"}\n'


def test_another_encoding(do: Do) -> None:
    """Is read and written."""
    content = '{"note":"Zoë","x":"ß"}\n'.encode("cp1252")

    assert do("t.ndjson", content, lambda _: "é", "note", encoding="cp1252") == content.replace(b"Zo\xeb", b"\xe9")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"id":1,"text":2}\n{"more":3}\n', "/in/t has no column note. Its columns are: id, text, more."),
        (b"", "/in/t has no column note. Its columns are: none."),
        (
            b'{"note":"\xe9"}',
            "/in/t: Line 1, byte 10 (0xE9) is not in utf-8. If it is Windows-1252, use --encoding cp1252.",
        ),
    ],
)
def test_a_file_that_cannot_be_done(content: bytes, said: str) -> None:
    """Is told: a column that is in no line at all, and another encoding."""
    with pytest.raises(JobRefusedError) as refused:
        list(Objects(Source("/in/t", "t.ndjson", 0, 0), ["note"], "utf-8").rows(BytesIO(content)))

    assert refused.value.detail == said
