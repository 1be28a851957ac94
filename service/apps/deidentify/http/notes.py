"""Requests and replies of de-identification: notes, their options, and results.

No error that is raised here contains any part of a note.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn, Self

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from service.apps.deidentify.engine import keys
from service.apps.deidentify.engine.dates import MAX_SHIFT, DateOrder
from service.apps.deidentify.engine.engine import About
from service.apps.deidentify.engine.engine import Options as EngineOptions
from service.apps.deidentify.engine.intake import PATTERN, other_encoding
from service.apps.deidentify.engine.replacement import Language, Replacement
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span
from service.apps.deidentify.http.schema import KEY_SCHEMA, SHIFT_OF_A_PATIENT
from service.apps.deidentify.owners import PATTERN as KEY

MAX_WORDS = 1000  # in each of `allow` and `deny`
MAX_WORD = 200  # characters
MAX_ID = 200  # characters

# Query parameters that authenticate a request.
_CREDENTIALS = {"token", "_xsrf"}


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # not chained: it contains the text
        raise ValueError("must be Unicode, without half of a surrogate pair") from None
    return text


def _moves(days: int) -> int:
    if not days:
        raise PydanticCustomError("no_shift", "0 would leave dates as they are: leave it out to have them replaced")
    return days


Text = Annotated[str, AfterValidator(_unicode)]
Words = Annotated[
    list[Annotated[Text, Field(min_length=1, max_length=MAX_WORD)]], FailFast(), Field(max_length=MAX_WORDS)
]
Days = Annotated[
    int, Field(ge=-MAX_SHIFT, le=MAX_SHIFT, json_schema_extra={"not": {"const": 0}}), AfterValidator(_moves)
]
Id = Annotated[Text, Field(max_length=MAX_ID)] | Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Options(BaseModel):
    """How notes are treated, as far as an address may say it: without words of a patient's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replacement: Replacement = Field("asterisk", description="What stands in the place of what is masked.")
    compat: bool = Field(default=False, description="Mask what philter-lite masks, and nothing else.")
    date_shift_days: Days | None = Field(
        None, description="Move dates that parse by so many days, but not 0; others are replaced like the rest."
    )
    date_order: DateOrder | None = Field(
        None,
        description="The order of dates of numbers. By default that which the dates of the note tell; in doubt a date "
        "is replaced like the rest.",
    )
    key: Annotated[Text, StringConstraints(pattern=KEY), WithJsonSchema(KEY_SCHEMA)] | None = Field(
        None,
        description="The name of a key of yours, or `group:NAME/KEY` for one of a group of yours. With it, numbers, "
        "stand-ins and the shift of a patient are the same in all requests.",
        examples=["study"],
    )
    language: Language = Field(
        "en",
        description="`en`: a note in another language is refused, since the rules know English alone. `any`: it is "
        "masked all the same, and names are left in it.",
    )
    ner: bool = Field(
        default=False,
        description="Ask a model, too, where the operator has one; it may be asked anyway. Not with `compat`.",
    )


class InAddress(Options):
    """Options in an address, beside what signs the request there."""

    @model_validator(mode="before")
    @classmethod
    def _ours(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if name not in _CREDENTIALS}


_WITH_SPANS = "Say where something is masked, and what it is."


class InAddressOfBatch(InAddress):
    """The same for a batch."""

    spans: bool = Field(default=False, description=_WITH_SPANS)


class Note(Options):
    """A note, and how it is treated."""

    model_config = ConfigDict(json_schema_extra=SHIFT_OF_A_PATIENT)

    text: Text = Field(
        description="The note. Characters of other planes, such as emoji, are taken too.",
        examples=["Seen 12/03/2019 by Dr. Smith."],
        json_schema_extra={"pattern": PATTERN},
    )
    patient: Id | None = Field(
        None,
        description="Whose note this is. Dates move by a number of days that is this patient's with this `key`. It is "
        "not given back.",
    )
    id: Id | None = Field(None, description="Given back as it is, whatever it tells of a person.", examples=["note 1"])
    spans: bool = Field(default=False, description=_WITH_SPANS)
    allow: Words = Field([], description="Words never masked; whole words, in any case.")
    deny: Words = Field(
        [], description="Words always masked, whether or not `allow` names them.", examples=[["ward 7"]]
    )

    @model_validator(mode="after")
    def _shift_of_a_patient(self) -> Self:
        if self.patient is None:
            return self
        if self.key is None:
            raise PydanticCustomError("patient", "`patient` needs a `key`, by which the days are found")
        if self.date_shift_days is not None:
            raise PydanticCustomError("patient", "`patient` and `date_shift_days` both move dates: use one of them")
        if not keys.normal(str(self.patient)):
            raise PydanticCustomError("patient", "`patient` is blank")
        return self

    @classmethod
    def read(cls, body: bytes, *, defaults: Options) -> Self:
        """Read a note from a JSON object. Its fields override `defaults`.

        Raises:
            RequestValidationError: the body is no JSON object, or no valid note.
        """
        try:
            # A parser may ignore a byte order mark before the JSON (RFC 8259 section 8.1).
            fields = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_Flat(), parse_constant=_refuse)
        except (ValueError, RecursionError):
            said = other_encoding(body) or "The body is not a JSON object, or it repeats a field or has objects in it"
            raise _invalid("json_invalid", said.removesuffix(".")) from None
        if not isinstance(fields, dict):
            raise _invalid("model_type", "Input should be an object")
        others = defaults.model_dump(exclude_unset=True)
        if fields.get("patient") is not None:  # says by how many days dates move
            others.pop("date_shift_days", None)
        try:
            return cls.model_validate({**others, **fields}, strict=True)
        except ValidationError as error:
            items = error.errors(include_input=False, include_url=False, include_context=False)
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in items])

    def for_engine(self, secret: bytes | None) -> EngineOptions:
        """Return the note's options as keywords for the engine. `secret`: of its key; None if it has none."""
        days = self.date_shift_days
        if secret and self.patient is not None:
            days = keys.shift(secret, str(self.patient))
        return {
            "replacement": self.replacement,
            "compat": self.compat,
            "allow": self.allow,
            "deny": self.deny,
            "date_shift_days": days,
            "date_order": self.date_order,
            "secret": secret.hex() if secret else None,
            "language": self.language,
        }


class Reply(BaseModel):
    """A note with what identifies a person replaced; what was there is not told."""

    line: int | None = Field(None, description="In a batch, the line that is answered, from 1; blank ones count.")
    id: str | int | None = Field(None, description="As it was given.")
    text: str = Field(examples=["Seen **/**/**** by Dr. *****."])
    length: int = Field(description="Of the note that was given, in Unicode code points.", examples=[29])
    counts: Mapping[Kind, int] = Field(description="How many parts were masked, by type.", examples=[{"DATE": 1}])
    engine: About
    spans: Sequence[Span] | None = Field(
        None,
        description="With `spans`: what is masked, in order. Half-open, in Unicode code points: `start` and `end` of "
        "the note that was given, `out_start` and `out_end` of `text`.",
    )


class Failure(BaseModel):
    """What went wrong; branch on `code`."""

    code: str
    detail: str


class FailedLine(BaseModel):
    """A line of a batch that has no reply; without `line`, the end of a batch that is broken off."""

    line: int | None = None
    id: str | int | None = None
    error: Failure


# Bytes of JSON for each byte of a note's text if all characters are escaped as \uXXXX, and for everything but the text.
_JSON_PER_BYTE = 3
# Bytes of a form for each byte of a note's text: a browser sends a line end as %0D%0A.
_FORM_PER_BYTE = 6
_BESIDE_TEXT = 64 * 1024


def body_size(note_size: int) -> int:
    """Return the most bytes that the JSON of a note may have. `note_size`: the most bytes of its text."""
    return _JSON_PER_BYTE * note_size + _BESIDE_TEXT


def form_size(note_size: int) -> int:
    """Return the most bytes that the form of a note may have. `note_size`: the most bytes of its text."""
    return _FORM_PER_BYTE * note_size + _BESIDE_TEXT


def flaw_of(error: RequestValidationError) -> Failure:
    """Describe the first problem with a note in one sentence."""
    item = error.errors()[0]
    where = [str(part) for part in item["loc"] if isinstance(part, int) or part in Note.model_fields]
    return Failure(code="invalid_request", detail=f"{'.'.join(where)}: {item['msg']}.".removeprefix(": "))


class _Flat:
    """An `object_pairs_hook` that accepts one object, without nested objects or repeated names.

    If a name came twice, one of its values would be dropped silently. Nested objects and many names only cost time.
    """

    _is_taken = False

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if self._is_taken or len(fields) < len(pairs) or len(pairs) > 2 * len(Note.model_fields):
            raise ValueError
        self._is_taken = True
        return fields


def _refuse(_constant: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are not valid JSON


def _invalid(kind: str, said: str) -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": ("body",), "msg": said}])
