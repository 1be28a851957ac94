"""Notes, as they are sent in batches and come back. Pure functions."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypedDict

from service.client.errors import NoteError

# A request is read whole before httpx takes the answer, so it must fit into what the connection holds meanwhile.
_WINDOW_BYTES = 64 * 1024
_WINDOW_NOTES = 100


class Options(TypedDict, total=False):
    """Options of de-identification. `docs/use.md` describes them; what is left out is as the service has it."""

    replacement: Literal["asterisk", "tag", "numbered", "remove", "surrogate"]
    compat: bool
    date_shift_days: int
    date_order: Literal["mdy", "dmy", "ymd"]
    language: Literal["en", "any"]
    spans: bool
    ner: bool
    allow: Sequence[str]
    deny: Sequence[str]
    key: str
    patient: str


class NoteFields(Options, total=False):
    """A note with options of its own, which count before those of the call."""

    text: str
    id: str | int


Note: TypeAlias = str | NoteFields | Mapping[str, object]
"""A note: a text, or a mapping with its `text`, such as a row that is a dict."""


@dataclass(frozen=True, slots=True)
class Masked:
    """An answer. `text` is None where the note could not be masked; `error` then says why.

    `counts` tells how often which type was masked, `spans` where (if asked for), `engine` by what.
    """

    text: str | None
    id: str | int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    spans: Sequence[Mapping[str, Any]] | None = None
    engine: Mapping[str, Any] = field(default_factory=dict)
    error: NoteError | None = None

    def __str__(self) -> str:
        return self.text or ""


@dataclass(frozen=True, slots=True)
class Window:
    """Notes that are sent in one request: lines of JSON. `start` is the index of the first of them."""

    start: int
    lines: Sequence[bytes]


def fields_of(note: Note, options: Options) -> dict[str, Any]:
    """Return the JSON object of a note.

    Raises:
        TypeError: the note is neither a text nor a mapping with one.
    """
    fields = {"text": note} if isinstance(note, str) else dict(note)
    if not isinstance(fields.get("text"), str):
        raise TypeError(f"A note is a text, or a mapping with its `text`, and not {type(note).__name__}.")
    return {**options, **fields}


class Cutter:
    """Cuts notes into windows, in order."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._start = self._size = 0
        self._lines: list[bytes] = []

    def add(self, note: Note) -> Window | None:
        """Take one more note; return the window before it, if that is full.

        Raises:
            TypeError: the note is no text.
            ValueError: see `check_options`.
        """
        fields = fields_of(note, self._options)
        check_options(fields)
        line = json.dumps(fields).encode()
        is_full = self._size + len(line) > _WINDOW_BYTES or len(self._lines) == _WINDOW_NOTES
        window = self.rest() if is_full else None
        self._lines.append(line)
        self._size += len(line)
        return window

    def rest(self) -> Window | None:
        """Return the window of the notes that are left, if there are such."""
        if not self._lines:
            return None
        window = Window(self._start, self._lines)
        self._start, self._size, self._lines = self._start + len(self._lines), 0, []
        return window


def windows(notes: Iterable[Note], options: Options) -> Iterator[Window]:
    """Cut notes into windows, in order. No more is read than the next window needs.

    Raises:
        TypeError: a note is no text; or all of them are one text or one mapping, whose letters or keys would be sent.
        ValueError: see `check_options`.
    """
    if isinstance(notes, str | bytes | Mapping):
        raise TypeError(f"Notes are a list, or another iterable, and not one {type(notes).__name__}.")
    cutter = Cutter(options)
    for note in notes:
        if window := cutter.add(note):
            yield window
    if window := cutter.rest():
        yield window


async def async_windows(notes: AsyncIterable[Note], options: Options) -> AsyncIterator[Window]:
    """Do the same with notes that come asynchronously."""
    cutter = Cutter(options)
    async for note in notes:
        if window := cutter.add(note):
            yield window
    if window := cutter.rest():
        yield window


def check_options(options: Options | Mapping[str, Any]) -> None:
    """Check options of one of many notes, which go out in several requests.

    Raises:
        ValueError: `numbered` without a `key`. The numbers would begin anew with each request.
    """
    if options.get("replacement") == "numbered" and not options.get("key"):
        raise ValueError(
            "numbered needs a key here: many notes go out in several requests, and without a key each of them begins"
            " with [NAME_1] again."
        )


def masked(answer: Mapping[str, Any], *, index: int = 0) -> Masked:
    """Return what a line of an answer says about the note `index`.

    Raises:
        ValueError: it is not as the service writes it.
    """
    error = answer.get("error")
    if error and not (isinstance(error, dict) and {"code", "detail"} <= error.keys()):
        raise ValueError("a line tells no error of the service")
    return Masked(
        text=answer.get("text"),
        id=answer.get("id"),
        counts=answer.get("counts", {}),
        spans=answer.get("spans"),
        engine=answer.get("engine", {}),
        error=NoteError(index=index, code=error["code"], detail=error["detail"]) if error else None,
    )


def checked(one: Masked, *, raise_errors: bool) -> Masked:
    """Return an answer.

    Raises:
        NoteError: errors are to be raised, and the note could not be masked.
    """
    if raise_errors and one.error is not None:
        raise one.error
    return one
