"""Reads the notes of a job, de-identifies them, and makes what is written.

A line that cannot be used becomes a line with an error, as in the service's batches. Of a line's fields, only `text`,
`id`, `date_shift_days` and `patient` are used. Other fields might identify the person, so they are not written.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, BinaryIO, Protocol, TypedDict, Unpack

from service.apps.deidentify.engine import keys
from service.apps.deidentify.engine.dates import MAX_SHIFT
from service.apps.deidentify.engine.engine import About, Options, Result
from service.apps.deidentify.engine.intake import check, other_encoding
from service.apps.deidentify.errors import (
    BadLineError,
    EngineUnavailableError,
    NoteRefusedError,
    NoteTooLargeError,
)
from service.apps.deidentify.job.encodings import UTF8, problem_with
from service.errors import ServiceError

# Bytes of a line, or of a file with a single note. Longer ones are not held in memory.
LARGEST = 4_000_000
LONGEST_ID = 200  # characters; a longer ID is refused
# What a line may say beside its note, because it differs between patients. No other option may stand in a line.
SHIFT, PATIENT = "date_shift_days", "patient"
OPTIONS = (frozenset(Options.__annotations__) | {"spans", "key", "ner"}) - {SHIFT}

BLANK = b" \t\r\n"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FAILED = re.compile(rb'\{"line":[0-9]+,(?:"id":(?:-?[0-9]+|"(?:[^"\\]|\\.)*"),)?"error":')


class Failure(TypedDict):
    """Why a note failed."""

    code: str
    detail: str


Cell = str | None | Failure  # a cell of a table: a note, nothing, or why its note cannot be processed


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it is in a file.

    `line`: from 1; 0 if the file is a single note. `raw`: None if the note is too large. `is_row`: `raw` is JSON with
    the cells of one row of a table, each with the name of its column. `patient`: whose the row is; blank if it does not
    say so although it should, None if no column says it. `is_utf8`: its file is in UTF-8, whatever the job's encoding.
    """

    line: int
    raw: bytes | None = field(repr=False)
    is_row: bool = False
    patient: str | None = field(default=None, repr=False)
    is_utf8: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to write for a note; None for nothing. `code`, `detail`: those of the error, or empty."""

    written: bytes | None = field(repr=False)
    code: str = ""
    detail: str = ""


def lines(stream: BinaryIO) -> Iterator[Note]:
    """Yield the notes of a file with one note per line. Blank lines count in the numbers, but are not notes."""
    for number, raw in numbered(stream, LARGEST):
        note = raw.removeprefix(BYTE_ORDER_MARK) if raw and number == 1 else raw
        if note is None or note.strip(BLANK):
            yield Note(number, note)


def numbered(stream: BinaryIO, most: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line of a file with its number, from 1; None for a line of more than `most` bytes."""
    number = 0
    while raw := stream.readline(most + 1):
        number += 1
        if len(raw) > most and not raw.endswith(b"\n"):
            while (rest := stream.readline(most)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, raw


def whole(stream: BinaryIO) -> Note:
    """Read a file as a single note."""
    raw = stream.read(LARGEST + 1)
    return Note(0, raw if len(raw) <= LARGEST else None)


def says_failed(line: bytes) -> bool:
    """Whether an output line is an error."""
    return _FAILED.match(line) is not None


class Deidentify(Protocol):
    """An engine with preset options. Options of a call override them."""

    def __call__(self, text: str, **options: Unpack[Options]) -> Result:
        """De-identify a note."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """Turns notes into what is written for them. `deidentify`: an engine with the job's options, `options`."""

    deidentify: Deidentify
    about: About
    with_spans: bool
    encoding: str = UTF8
    options: Options = field(default_factory=Options, repr=False)

    def answer(self, note: Note) -> Outcome:
        """De-identify a note, and return what to write.

        Raises:
            EngineUnavailableError: no engine can be loaded. All other errors of the service are in the outcome.
        """
        if note.is_utf8 and self.encoding != UTF8:
            return replace(self, encoding=UTF8).answer(note)
        known: dict[str, object] = {"line": note.line}
        try:
            if note.raw is None:
                raise NoteTooLargeError(LARGEST)
            if note.is_row:
                return self._row(note.line, json.loads(note.raw), note.patient)
            if not note.line:
                return Outcome(self._masked(text_in(self.encoding, note.raw)).encode(self.encoding))
            fields = _fields(note.raw, self.encoding)
            known |= {"id": fields["id"]} if fields["id"] is not None else {}
            return Outcome(json_line(known | self._reply(self.deidentify(_text(fields), **self._own(fields)))))
        except EngineUnavailableError:
            raise
        except ServiceError as error:
            refusal = json_line(known | {"error": failure(error)}) if note.line else None
            return Outcome(refusal, error.code, error.detail)

    def _own(self, fields: Mapping[str, Any]) -> Options:
        """Return the options of a line, which go before those of the job, also as `null`. Raises BadLineError."""
        days, patient = fields.get(SHIFT), fields.get(PATIENT)
        if patient is None:
            return _shift(days) if SHIFT in fields else {}
        if days is not None:
            raise BadLineError(f"`{PATIENT}` and `{SHIFT}` both move dates: one of them is enough.")
        if not isinstance(patient, str | int) or isinstance(patient, bool) or len(str(patient)) > LONGEST_ID:
            raise BadLineError(f"`{PATIENT}` is neither a string of up to {LONGEST_ID} characters nor an integer.")
        return self._of_patient(str(patient))

    def _of_patient(self, patient: str | None) -> Options:
        """Return the options of a patient's notes. Raises BadLineError."""
        if patient is None:
            return {}
        secret = self.options.get("secret")
        if not secret:
            raise BadLineError(f"`{PATIENT}` needs a key: give --key or --key-file.")
        if not _is_unicode(patient) or not keys.normal(patient):
            raise BadLineError("It is not said whose note this is.")
        return {"date_shift_days": keys.shift(bytes.fromhex(secret), patient)}

    def _row(self, line: int, cells: Sequence[tuple[str, Cell]], patient: str | None) -> Outcome:
        """De-identify the notes of a row. `cells`: each with the name of its column."""
        answers = [(name, self._cell(cell, patient)) for name, cell in cells]
        failed = [(name, answer) for name, answer in answers if isinstance(answer, dict)]
        texts = [None if isinstance(answer, dict) else answer for _, answer in answers]
        if not failed:
            return Outcome(json_line({"line": line, "texts": texts}))
        # `says_failed` expects the error right after the line number.
        error = failed[0][1]
        said = {"line": line, "error": error, "columns": [name for name, _ in failed], "texts": texts}
        return Outcome(json_line(said), **error)

    def _cell(self, cell: Cell, patient: str | None) -> Cell:
        if not isinstance(cell, str) or not cell.strip():
            return cell
        try:
            return self._masked(cell, **self._of_patient(patient))
        except EngineUnavailableError:
            raise
        except ServiceError as error:
            return failure(error)

    def _masked(self, text: str, **own: Unpack[Options]) -> str:
        """Mask a note, and check that the result can be written in the job's encoding."""
        masked = self.deidentify(text, **own).text
        try:
            masked.encode(self.encoding)
        except UnicodeEncodeError:
            raise NoteRefusedError(f"What is to stand in this note cannot be written in {self.encoding}.") from None
        return masked

    def _reply(self, result: Result) -> dict[str, object]:
        reply = {"text": result.text, "length": result.length, "counts": result.counts, "engine": self.about.told()}
        return reply | ({"spans": [asdict(span) for span in result.spans]} if self.with_spans else {})


def text_in(encoding: str, raw: bytes) -> str:
    """Decode a note, without the byte order mark of UTF-8.

    Raises:
        NoteRefusedError: the note has another encoding, or characters that no note has.
    """
    try:
        text = raw.removeprefix(BYTE_ORDER_MARK if encoding == UTF8 else b"").decode(encoding)
    except UnicodeDecodeError as error:
        raise NoteRefusedError(problem_with(raw, error, encoding)) from None
    check(text)
    return text


def _fields(raw: bytes, encoding: str) -> dict[str, Any]:
    """Return the fields of a line. `id` is None if the line has none. Raises BadLineError."""
    try:
        fields = json.loads(raw.decode(encoding), object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise BadLineError(other_encoding(raw))
    name = fields.setdefault("id", None)
    is_name = name is None or (isinstance(name, str | int) and not isinstance(name, bool))
    if not is_name or len(str(name)) > LONGEST_ID or not _is_unicode(str(name)):
        raise BadLineError(f"`id` is neither a string of up to {LONGEST_ID} characters nor an integer.")
    return fields


def _text(fields: Mapping[str, Any]) -> str:
    if given := sorted(OPTIONS & fields.keys()):
        raise BadLineError(f"Options are given for the whole job, not for a line: {', '.join(given)}.")
    if not isinstance(text := fields.get("text"), str):
        raise BadLineError
    return text


def _shift(days: object) -> Options:
    """Return the shift of a line as options. Raises BadLineError."""
    if days is None:  # no shift for this line, as in the service
        return {"date_shift_days": None}
    if not isinstance(days, int) or isinstance(days, bool) or not 0 < abs(days) <= MAX_SHIFT:
        raise BadLineError(f"`{SHIFT}` is no integer from {-MAX_SHIFT} to {MAX_SHIFT}, or it is 0.")
    return {"date_shift_days": days}


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a repeated name, of which one value would be dropped silently. Raises ValueError."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError
    return fields


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def failure(error: ServiceError) -> Failure:
    """An error as plain data."""
    return {"code": error.code, "detail": error.detail}


def json_line(value: object) -> bytes:
    """A line of JSON, without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
