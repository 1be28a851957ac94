"""What of a file is a note, and what is written of it."""

import json
from collections.abc import Sequence
from io import BytesIO
from typing import Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine import keys
from service.apps.deidentify.engine.engine import About, Options, Result
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span
from service.apps.deidentify.errors import DeadlineExceededError, EngineFailedError, EngineUnavailableError
from service.apps.deidentify.job.notes import LARGEST, Answerer, Note, Outcome, lines, says_failed, whole

ABOUT = About("engine", "1", "rules", "tagger")
ENGINE = {"name": "engine", "version": "1", "rules": "rules", "tagger": "tagger"}
CANARY = "Zebulon"


def masked(text: str, **options: Unpack[Options]) -> Result:
    """An engine that masks all, and falls over some notes; its stars are days, where it is told of some."""
    if "date_shift_days" in options:
        return Result(str(options["date_shift_days"]), [], {}, len(text))
    if text == "slow":
        raise DeadlineExceededError(5)
    if text == "deadly":
        raise EngineFailedError(reason="its process was ended by signal 9")
    spans = [Span(0, len(text), Kind.NAME, 0, len(text))] if text else []
    return Result("*" * len(text), spans, {Kind.NAME: 1} if text else {}, len(text))


SECRET = "ab" * 32


def keyed(line: dict[str, object], **options: Unpack[Options]) -> dict[str, object]:
    """What is written of a line in a job with a key, which tells by how many days dates move."""
    answerer = Answerer(masked, ABOUT, with_spans=False, options={"secret": SECRET, **options})
    told: dict[str, object] = json.loads(answerer.answer(Note(1, json.dumps(line).encode())).written or b"")
    return told


def test_a_patient_has_a_shift() -> None:
    """Of each key; a number is as good as its digits, and the patient is not written."""
    days = str(keys.shift(bytes.fromhex(SECRET), "17"))

    assert [keyed({"text": "Ann", "patient": patient})["text"] for patient in ("17", 17, " 17 ")] == [days] * 3
    assert keyed({"text": "Ann", "patient": "18"})["text"] != days
    assert keyed({"text": "Ann", "patient": None})["text"] == "***"
    assert keyed({"text": "Ann", "patient": "17"}, date_shift_days=1)["text"] == days
    assert "patient" not in keyed({"text": "Ann", "patient": "17"})


@pytest.mark.parametrize(
    ("line", "options", "detail"),
    [
        ({"patient": "17", "date_shift_days": 1}, {}, "one of them is enough"),
        ({"patient": "17"}, {"secret": None}, "--key-file"),
        ({"patient": " "}, {}, "whose note"),
        ({"patient": True}, {}, "neither a string"),
        ({"patient": "x" * 201}, {}, "neither a string"),
        ({"key": "study"}, {}, "for the whole job"),
        ({"secret": SECRET}, {}, "for the whole job"),
        ({"date_order": "mdy"}, {}, "for the whole job"),
    ],
)
def test_a_patient_that_does_not_fit(line: dict[str, object], options: Options, detail: str) -> None:
    """Nothing of the note is written."""
    told = keyed({"text": "Ann", **line}, **options)

    assert told["error"]["code"] == "invalid_request"  # type: ignore[index] # an object
    assert detail in told["error"]["detail"]  # type: ignore[index] # an object
    assert "text" not in told


def test_a_row_of_a_patient() -> None:
    """Each of its notes moves; without a patient none is written."""
    answerer = Answerer(masked, ABOUT, with_spans=False, options={"secret": SECRET})
    cells = json.dumps([["note", "Ann"], ["more", "Bob"]]).encode()
    days = str(keys.shift(bytes.fromhex(SECRET), "17"))
    row, blank = (
        json.loads(answerer.answer(Note(2, cells, is_row=True, patient=patient)).written or b"")
        for patient in ("17", " ")
    )

    assert row == {"line": 2, "texts": [days, days]}
    assert blank["texts"] == [None, None]
    assert "whose note" in blank["error"]["detail"]


def outcome(raw: bytes | None, line: int = 1, *, spans: bool = False) -> Outcome:
    """What is written of a note."""
    return Answerer(masked, ABOUT, spans).answer(Note(line, raw))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"a\nb\n", [Note(1, b"a\n"), Note(2, b"b\n")], id="two"),
        pytest.param(b"a\nb", [Note(1, b"a\n"), Note(2, b"b")], id="no end of line"),
        pytest.param(b"a\r\n\r\n \t\nb\r\n", [Note(1, b"a\r\n"), Note(4, b"b\r\n")], id="blank lines count"),
        pytest.param(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", [Note(1, b"a\n"), Note(2, b"\xef\xbb\xbfb\n")], id="BOM"),
        pytest.param(b"x" * LARGEST + b"\n", [Note(1, b"x" * LARGEST + b"\n")], id="the largest"),
        pytest.param(b"x" * (LARGEST + 1) + b"\na", [Note(1, None), Note(2, b"a")], id="larger"),
        pytest.param(b"x" * (3 * LARGEST) + b"\na", [Note(1, None), Note(2, b"a")], id="far larger"),
        pytest.param(b" " * (LARGEST + 1), [Note(1, None)], id="too large to tell that it is blank"),
    ],
)
def test_lines(content: bytes, expected: Sequence[Note]) -> None:
    """Each line that is not blank is a note, with its number; of one that is too large nothing is held."""
    assert list(lines(BytesIO(content))) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"a\nb", Note(0, b"a\nb")), (b"", Note(0, b"")), (b"x" * (LARGEST + 1), Note(0, None))],
    ids=["note", "empty", "too large"],
)
def test_whole(content: bytes, expected: Note) -> None:
    """A file may be one note, unless it is too large."""
    assert whole(BytesIO(content)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param({"text": "Ann"}, {"text": "***"}, id="text alone"),
        pytest.param({"text": "Ann", "id": "n1"}, {"id": "n1", "text": "***"}, id="id"),
        pytest.param({"text": "Ann", "id": -3}, {"id": -3, "text": "***"}, id="number"),
        pytest.param({"text": "Ann", "id": None}, {"text": "***"}, id="no id"),
        pytest.param({"text": "Ann", "name": CANARY, "x": [{CANARY: 1}]}, {"text": "***"}, id="other fields"),
    ],
)
def test_a_reply(line: dict[str, object], expected: dict[str, object]) -> None:
    """Is that of the service's batch, with its line; of a note's fields only its id goes with it."""
    told = outcome(json.dumps(line).encode(), 7)

    assert told.code == ""
    assert json.loads(told.written or b"") == {
        "line": 7,
        **expected,
        "length": 3,
        "counts": {"NAME": 1},
        "engine": ENGINE,
    }


def test_spans() -> None:
    """Are told where they are asked for."""
    written = outcome(b'{"text": "Ann"}', spans=True).written or b""

    assert json.loads(written)["spans"] == [
        {"start": 0, "end": 3, "type": "NAME", "out_start": 0, "out_end": 3, "rule": "unknown-word"}
    ]


def test_a_file_that_is_a_note() -> None:
    """Becomes the text alone."""
    assert outcome("Zoë\r\n".encode(), 0) == Outcome(b"*****")


NO_NOTE = "The line is no JSON object in UTF-8 with a string `text`."
NO_ID = "`id` is neither a string of up to 200 characters nor an integer."


@pytest.mark.parametrize(
    ("raw", "code", "detail"),
    [
        pytest.param(None, "note_too_large", f"A note may have {LARGEST} bytes of UTF-8. Send it in parts.", id="size"),
        pytest.param(CANARY.encode(), "invalid_request", NO_NOTE, id="no JSON"),
        pytest.param(b'{"text": "Zebulon', "invalid_request", NO_NOTE, id="torn"),
        pytest.param(b'{"text": "Zebulon"} {}', "invalid_request", NO_NOTE, id="two on a line"),
        pytest.param(b'["Zebulon"]', "invalid_request", NO_NOTE, id="no object"),
        pytest.param(b'{"Zebulon": 1}', "invalid_request", NO_NOTE, id="no text"),
        pytest.param(b'{"text": ["Zebulon"]}', "invalid_request", NO_NOTE, id="text of another kind"),
        pytest.param(b'{"text": "Zebulon", "text": "x"}', "invalid_request", NO_NOTE, id="text twice"),
        pytest.param(b'{"text": "Zebulon\xe9"}', "invalid_request", NO_NOTE, id="Latin-1"),
        pytest.param(b'{"text": "a", "x": ' + b"[" * 100_000, "invalid_request", NO_NOTE, id="deep"),
        pytest.param(b'{"text": "a", "x": ' + b"9" * 10_000 + b"}", "invalid_request", NO_NOTE, id="huge number"),
        pytest.param(b'{"text": "a", "id": true}', "invalid_request", NO_ID, id="id of another kind"),
        pytest.param(b'{"text": "a", "id": "%s"}' % (b"Zebulon" * 50), "invalid_request", NO_ID, id="long id"),
        pytest.param(b'{"text": "a", "id": "\\ud800"}', "invalid_request", NO_ID, id="id that is no text"),
        pytest.param(
            b'{"text": "a", "deny": ["Zebulon"], "compat": true}',
            "invalid_request",
            "Options are given for the whole job, not for a line: compat, deny.",
            id="options",
        ),
        pytest.param(b'{"text": "slow"}', "deadline_exceeded", DeadlineExceededError(5).detail, id="deadline"),
        pytest.param(b'{"text": "deadly"}', "engine_failed", EngineFailedError.default, id="engine"),
    ],
)
def test_a_line_that_cannot_be_done(raw: bytes | None, code: str, detail: str) -> None:
    """Becomes a line that says why, with its number, and quotes nothing of it."""
    told = outcome(raw, 7)

    assert (told.code, told.detail) == (code, detail)
    assert json.loads(told.written or b"") == {"line": 7, "error": {"code": code, "detail": detail}}
    assert CANARY not in repr(told)


def test_the_id_of_a_line_that_cannot_be_done() -> None:
    """Is told where it is known."""
    told = json.loads(outcome(b'{"id": "n1", "text": "slow"}').written or b"")

    assert list(told) == ["line", "id", "error"]
    assert told["id"] == "n1"


def test_a_line_in_another_encoding() -> None:
    """The line says what it looks like."""
    told = outcome('{"text": "Zebulon"}'.encode("utf-16"), 7)

    assert told.code == "invalid_request"
    assert told.detail.startswith("This looks like UTF-16LE")


def test_a_file_with_a_byte_order_mark() -> None:
    """The mark says how the file is encoded, and is not written."""
    assert outcome(b"\xef\xbb\xbfZo\xc3\xab", 0) == Outcome(b"***")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\xe9", "note_refused"),
        ("Zebulon".encode("utf-16-le"), "note_refused"),
        (None, "note_too_large"),
        (b"slow", "deadline_exceeded"),
    ],
)
def test_a_file_that_cannot_be_done(raw: bytes | None, code: str) -> None:
    """Becomes none."""
    told = outcome(raw, 0)

    assert (told.written, told.code) == (None, code)


@pytest.mark.parametrize(("value", "text"), [("3", "3"), ("-36500", "-36500")])
def test_a_line_with_its_own_shift(value: str, text: str) -> None:
    """Has it before the job's: each patient has another."""
    told = json.loads(outcome(b'{"text": "Ann", "date_shift_days": %b}' % value.encode()).written or b"")

    assert told["text"] == text


def test_a_line_with_no_shift() -> None:
    """`null` keeps the shift of the job from this line, as it does in the service."""

    def engine(text: str, **own: Unpack[Options]) -> Result:
        return Result(str({"date_shift_days": 10, **own}["date_shift_days"]), [], {}, len(text))

    answerer = Answerer(engine, ABOUT, with_spans=False)
    lines_given = [b'{"text": "Ann", "date_shift_days": null}', b'{"text": "Ann", "patient": null}', b'{"text": "Ann"}']
    told = [json.loads(answerer.answer(Note(1, line)).written or b"")["text"] for line in lines_given]

    assert told == ["None", "10", "10"]


@pytest.mark.parametrize("value", ["1.5", "true", '"3"', "36501", "[]", "0"])
def test_a_shift_that_is_none(value: str) -> None:
    """Is refused as in the service; what stands there is not quoted."""
    told = outcome(b'{"text": "Ann", "date_shift_days": %b}' % value.encode())

    assert (told.code, told.detail) == (
        "invalid_request",
        "`date_shift_days` is no integer from -36500 to 36500, or it is 0.",
    )


def row(*cells: object) -> Outcome:
    """What is written of a row of a table."""
    raw = json.dumps([(f"c{number}", cell) for number, cell in enumerate(cells)]).encode()
    return Answerer(masked, ABOUT, with_spans=False).answer(Note(7, raw, is_row=True))


def test_a_row() -> None:
    """Is answered by a line with its texts; what is blank or null stays as it is."""
    assert row("Ann", None, "", " \n") == Outcome(b'{"line":7,"texts":["***",null,""," \\n"]}\n')


def test_a_row_that_cannot_be_done() -> None:
    """Says so first, and for which columns; its other cells are done."""
    bad = {"code": "invalid_request", "detail": "No."}
    told = row("Ann", "slow", bad, "Bo")
    error = {"code": "deadline_exceeded", "detail": DeadlineExceededError(5).detail}

    assert says_failed(told.written or b"")
    assert json.loads(told.written or b"") == {
        "line": 7,
        "error": error,
        "columns": ["c1", "c2"],
        "texts": ["***", None, None, "**"],
    }
    assert (told.code, told.detail) == (error["code"], error["detail"])


@given(st.lists(st.text(st.characters(codec="utf-8")) | st.none()))
def test_a_row_that_would_pass_for_a_failure(texts: list[str | None]) -> None:
    """Does not, whatever stands in it."""
    told = row(*[None if text == "slow" else text for text in texts])

    assert not says_failed(told.written or b"")
    assert (told.written or b"").count(b"\n") == 1


def kept(text: str, **_: Unpack[Options]) -> Result:
    """An engine that adds what Windows-1252 does not have, where it is told to."""
    return Result(text + "\u0142" if text == "add" else text, [], {}, len(text))


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (Note(0, b"Zo\xeb"), b"Zo\xeb"),
        (Note(1, b'{"text": "Zo\xeb"}'), "Zoë".encode()),
        (Note(0, b"add"), None),
        (Note(0, b"\x81"), None),
        (Note(0, b"a\0b"), None),
    ],
    ids=["note", "line", "what cannot be written", "another encoding", "control character"],
)
def test_another_encoding(note: Note, expected: bytes | None) -> None:
    """Is read. A file that is one note is written in it, lines in UTF-8, as JSON is."""
    told = Answerer(kept, ABOUT, with_spans=False, encoding="cp1252").answer(note)

    if expected is None:
        assert (told.written, told.code) == (None, "note_refused")
    else:
        assert expected in (told.written or b"")


@pytest.mark.parametrize(("is_utf8", "text"), [(True, "add\u0142"), (False, None)], ids=["Parquet", "CSV"])
def test_a_row_in_another_encoding(is_utf8: bool, text: str | None) -> None:  # noqa: FBT001 - a case
    """Must have it, unless the file is in UTF-8 anyway, as Parquet is."""
    note = Note(1, b'[["note", "add"]]', is_row=True, is_utf8=is_utf8)
    told = Answerer(kept, ABOUT, with_spans=False, encoding="cp1252").answer(note)

    assert json.loads(told.written or b"")["texts"] == [text]


def test_no_engine() -> None:
    """Is no fault of a note's: the job must know."""

    def none(text: str, **_: Unpack[Options]) -> Result:  # noqa: ARG001 - as engines have it
        raise EngineUnavailableError

    with pytest.raises(EngineUnavailableError):
        Answerer(none, ABOUT, with_spans=False).answer(Note(1, b'{"text": "a"}'))


@given(
    st.one_of(st.none(), st.integers(), st.text(st.characters(codec="utf-8"), max_size=50)),
    st.text(st.characters(codec="utf-8")),
)
def test_what_failed_is_told_from_what_did_not(name: str | int | None, text: str) -> None:
    """By its line alone, whatever stands in its id or text."""
    done = outcome(json.dumps({"id": name, "text": text + "."}).encode())
    failed = outcome(json.dumps({"id": name, "text": "slow"}).encode())

    assert not says_failed(done.written or b"")
    assert says_failed(failed.written or b"")
    assert (done.written or b"").count(b"\n") == 1


@pytest.mark.parametrize("name", ['","error":', '\\","error":{', '"error":'])
def test_an_id_that_would_pass_for_a_failure(name: str) -> None:
    """Does not."""
    assert not says_failed(outcome(json.dumps({"id": name, "text": "Ann"}).encode()).written or b"")
