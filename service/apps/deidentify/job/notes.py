"""One note of a job: as it stands in a file, and as it is written.

A line that cannot be used becomes a line that says why, as in the service's batches. Of a line's fields only `text` and
`id` are read: what else stands there may say who the person is, and is not written.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

from service.apps.deidentify.engine.engine import About, Options, Result
from service.apps.deidentify.engine.intake import other_encoding, text_of
from service.apps.deidentify.errors import BadLineError, EngineUnavailableError, NoteTooLargeError
from service.errors import ServiceError

# Bytes of a line, or of a file that is one note. What is longer is not held in memory.
LARGEST = 4_000_000
LONGEST_ID = 200  # characters; what is longer is no name for a note
OPTIONS = frozenset(Options.__annotations__) | {"spans"}

_BLANK = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FAILED = re.compile(rb'\{"line":[0-9]+,(?:"id":(?:-?[0-9]+|"(?:[^"\\]|\\.)*"),)?"error":')


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it stands in a file. `line` from 1; 0 where the file is the note. `raw`: None where it is too large."""

    line: int
    raw: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be written of a note; None for nothing. `code` and `detail` of the error, where there was one."""

    written: bytes | None = field(repr=False)
    code: str = ""
    detail: str = ""


def lines(stream: BinaryIO) -> Iterator[Note]:
    """The notes of a file with one a line. Blank lines are counted, and are no notes."""
    number = 0
    while raw := stream.readline(LARGEST + 1):
        number += 1
        if len(raw) > LARGEST and not raw.endswith(b"\n"):
            while (rest := stream.readline(LARGEST)) and not rest.endswith(b"\n"):
                pass
            yield Note(number, None)
            continue
        if number == 1:
            raw = raw.removeprefix(_BYTE_ORDER_MARK)
        if raw.strip(_BLANK):
            yield Note(number, raw)


def whole(stream: BinaryIO) -> Note:
    """The file as one note."""
    raw = stream.read(LARGEST + 1)
    return Note(0, raw if len(raw) <= LARGEST else None)


def says_failed(line: bytes) -> bool:
    """Whether a line that was written says why a note could not be done."""
    return _FAILED.match(line) is not None


@dataclass(frozen=True, slots=True)
class Answerer:
    """Turns notes into what is written of them. `deidentify`: an engine with the job's options."""

    deidentify: Callable[[str], Result]
    about: About
    with_spans: bool

    def answer(self, note: Note) -> Outcome:
        """One note's outcome.

        Raises:
            EngineUnavailableError: no engine can be loaded, which is no fault of the note.
        """
        known: dict[str, object] = {"line": note.line}
        try:
            if note.raw is None:
                raise NoteTooLargeError(LARGEST)
            if not note.line:
                return Outcome(self.deidentify(text_of(note.raw)).text.encode())
            fields = _fields(note.raw)
            known |= {"id": fields["id"]} if fields["id"] is not None else {}
            return Outcome(_json(known | self._reply(self.deidentify(_text(fields)))))
        except EngineUnavailableError:
            raise
        except ServiceError as error:
            refusal = _json(known | {"error": {"code": error.code, "detail": error.detail}}) if note.line else None
            return Outcome(refusal, error.code, error.detail)

    def _reply(self, result: Result) -> dict[str, object]:
        reply = {"text": result.text, "length": result.length, "counts": result.counts, "engine": asdict(self.about)}
        return reply | ({"spans": [asdict(span) for span in result.spans]} if self.with_spans else {})


def _fields(raw: bytes) -> dict[str, Any]:
    """What a line says; an `id` of None where it has none."""
    try:
        fields = json.loads(raw.decode(), object_pairs_hook=_each_once)
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


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Where a name comes twice, one of the two would count, and nobody be told which."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError
    return fields


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
