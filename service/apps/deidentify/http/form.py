"""The form of the page that de-identifies a note: its fields, and what the page shows of a result."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from service.apps.deidentify.engine.dates import MAX_SHIFT
from service.apps.deidentify.engine.engine import Result
from service.apps.deidentify.engine.finding import RuleInfo
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.http.notes import Note

# Nobody is in it: names, numbers and places are made up.
SAMPLE = """Discharge summary

Patient: Jane Roe    MRN: 1234567    born 03/12/1927
Ms. Roe is 92 years old. She was admitted to Mercy General Hospital on 12/30/2019 with chest pain.
She lives at 12 Main Street, San Francisco, CA 94110, with her daughter Anna (415-555-0123).

BP 120/80, temperature 38.5 C. Aspirin 81 mg daily. Seen by José Núñez and by Dr. Zorblatt.
"""

# The labels of a note's fields in the form, for error messages.
_LABELS = {
    "text": "Note",
    "replacement": "In its place",
    "language": "Language",
    "date_shift_days": "Move dates by days",
    "date_order": "Order of dates",
    "key": "Key",
    "patient": "Patient",
    "deny": "Always mask",
    "allow": "Never mask",
}


_WHOLE_NUMBER = "Use a whole number, such as 30 or -30"
_DAYS = f"Use a number from -{MAX_SHIFT} to {MAX_SHIFT}"
# What pydantic says of these is for people who write programs.
_WORDS = {
    "greater_than_equal": _DAYS,
    "int_parsing": _WHOLE_NUMBER,
    "int_parsing_size": _WHOLE_NUMBER,
    "less_than_equal": _DAYS,
    "literal_error": "Choose one of those offered",
    "string_pattern_mismatch": "Use at most 100 letters from A to Z, digits, dots, hyphens and underscores, no spaces. "
    "A group's key is group:GROUP/KEY",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """The values of the form as they were entered. `view`: `diff` shows what was there beside what is there now."""

    text: str = ""
    replacement: str = "asterisk"
    language: str = "en"
    date_shift_days: str = ""
    date_order: str = ""
    key: str = ""
    patient: str = ""
    deny: str = ""
    allow: str = ""
    compat: str = ""
    ner: str = ""
    view: str = ""

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> Self:
        """Read a form. Line ends become LF, as browsers always send CR LF."""
        given = {field.name: form.get(field.name, field.default) for field in fields(cls)}
        return cls(**{name: str(value).replace("\r\n", "\n") for name, value in given.items()})

    def with_sample(self) -> Self:
        """Return the form with the sample in the place of a note, unless there is one."""
        return self if self.text.strip() else replace(self, text=SAMPLE)

    def note(self) -> Note:
        """Return the note with its options.

        Raises:
            ValidationError: a field is not valid.
        """
        return Note(
            text=self.text,
            replacement=self.replacement,  # type: ignore[arg-type] # the model judges it
            language=self.language,  # type: ignore[arg-type] # likewise
            compat=bool(self.compat),
            ner=bool(self.ner),
            date_shift_days=self.date_shift_days.strip() or None,  # type: ignore[arg-type] # likewise
            date_order=self.date_order or None,  # type: ignore[arg-type] # likewise
            key=self.key.strip() or None,
            patient=self.patient.strip() or None,
            deny=_lines(self.deny),
            allow=_lines(self.allow),
        )


class Part(NamedTuple):
    """A piece of the new text. `type` is None if nothing was masked there; else `start` and `end` say where it was.

    `about`: which line of the page's table explains the rule, from 1.
    """

    text: str
    type: Kind | None = None
    start: int = 0
    end: int = 0
    about: int = 0


class Explained(NamedTuple):
    """A rule that masked something: how often, and what it finds."""

    type: Kind
    rule: str
    meaning: str
    times: int


def explained(result: Result, rules: Iterable[RuleInfo]) -> Sequence[Explained]:
    """Return the rules that masked something, in the order of the note."""
    meanings = {each.rule: each.meaning for each in rules}
    counts = Counter((span.type, span.rule) for span in result.spans)
    return [Explained(kind, rule, meanings.get(rule, ""), count) for (kind, rule), count in counts.items()]


def parts(result: Result) -> Iterator[Part]:
    """Yield the new text in pieces, each masked, shifted or removed part by itself."""
    numbers: dict[tuple[Kind, str], int] = {}
    place = 0
    for span in result.spans:
        yield Part(result.text[place : span.out_start])
        number = numbers.setdefault((span.type, span.rule), len(numbers) + 1)
        yield Part(result.text[span.out_start : span.out_end], span.type, span.start, span.end, number)
        place = span.out_end
    yield Part(result.text[place:])


def what_is_wrong(error: ValidationError) -> str:
    """Describe what is wrong with the fields, by their labels: one thing of each field."""
    said: dict[str, str] = {}
    for item in error.errors(include_input=False, include_url=False):
        label = _LABELS.get(str(item["loc"][0]), "") if item["loc"] else ""
        said.setdefault(label, _words(item))  # a patient that is too long is no number either, which nobody asked for
    return " ".join(f"{label}: {words}.".removeprefix(": ") for label, words in said.items())


def _words(item: ErrorDetails) -> str:
    if item["type"] == "too_long":
        what = "lines" if item["ctx"]["field_type"] == "List" else "characters in a line"
        return f"At most {item['ctx']['max_length']:,} {what}"
    words = _WORDS.get(item["type"], item["msg"])
    return re.sub(r"`(\w+)`", lambda name: f"“{_LABELS.get(name[1], name[1])}”", words)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
