"""What a field accepts, and how it is stored."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from service.apps.desk.domain.fields import (
    Address,
    Birthday,
    Email,
    Exact,
    HubName,
    Id,
    Line,
    PersonName,
    Phone,
    Since,
    Text,
    Until,
    fold,
    sort_key,
)

KEPT = {
    "a name in Latin script": (PersonName, "Zoë", "Zoë"),
    "a name in Han": (PersonName, "王小明", "王小明"),
    "a name in Arabic, with the joiner that it needs": (PersonName, "علی\u200cرضا", "علی\u200cرضا"),  # noqa: RUF001 - it is Arabic
    "a name in Devanagari": (PersonName, "अनन्या", "अनन्या"),
    "a name that is composed": (PersonName, "Zoe\u0308", "Zoë"),
    "a name with space around and within": (PersonName, "  Ana \t Maria\n", "Ana Maria"),
    "a name outside the basic plane": (PersonName, "𠮷野", "𠮷野"),
    "lines of a text": (Text, "one\r\ntwo\rthree\n\tfour ", "one\ntwo\nthree\n\tfour"),
    "an empty text": (Text, "", ""),
    "an address of several lines": (Address, "12 Marina\r\nLagos", "12 Marina\nLagos"),
    "a phone number": (Phone, "+442079460958", "+442079460958"),
    "a phone number as people write it": (Phone, " +44 (0)20 7946-0958 ", "+442079460958"),
    "a phone number in Arabic digits": (Phone, "+٤٤٢٠٧٩٤٦٠٩٥٨", "+442079460958"),
    "an e-mail address": (Email, " Zoe.Okonkwo@Example.COM ", "zoe.okonkwo@example.com"),
    "an e-mail address that is longer in lower case": (Email, "\u0130x@example.com", "i\u0307x@example.com"),
    "an e-mail address in Han": (Email, "用户@例子.公司", "用户@例子.公司"),
    "a birthday": (Birthday, "1990-02-28", date(1990, 2, 28)),
    "a name as the Hub has it": (HubName, "Jane.Doe+x@example.org", "Jane.Doe+x@example.org"),
    "a name of the Hub's that is not composed": (HubName, "zoe\u0308", "zoe\u0308"),
    "a moment elsewhere": (Since, "2026-03-01T01:00:00+02:00", datetime(2026, 2, 28, 23, tzinfo=UTC)),
    "the last day": (Until, "9999-12-31", datetime.max.replace(tzinfo=UTC)),
    "a letter with as many marks as are allowed": (Line, "e" + "\u0301" * 30, "é" + "\u0301" * 29),
    "an id as a form sends it": (Id, "7", 7),
    "the last id": (Id, 2**63 - 1, 2**63 - 1),
}

REFUSED = {
    "a name that is empty": (PersonName, ""),
    "a name of spaces": (PersonName, " \u3000 "),
    "a name that is too long": (PersonName, "x" * 101),
    "a name with a NUL": (PersonName, "a\0b"),
    "a name with an escape character": (PersonName, "a\x1b[31mb"),
    "a name that reverses what follows": (PersonName, "abc\u202etxt.exe"),
    "a name that isolates what follows": (PersonName, "abc\u2067txt"),
    "half a character": (PersonName, "\ud83d"),
    "half a character in a text": (Text, "\udc00"),
    "more marks in a row than any script has": (PersonName, "a" + "\u0301" * 31),
    "as many in a text": (Text, "a" + "\u0315\u0300" * 16),
    "as many that are not marks until they are normalized": (Text, "\u0f40" + "\u0f73" * 31),
    "as many once the letter is taken apart": (Text, "\u0958" + "\u0301" * 30),
    "a number for a name": (PersonName, 7),
    "a title that is too long": (Line, "x" * 201),
    "a name that cannot be seen": (PersonName, "\u200b\u0301"),
    "a title of letters that show nothing": (Line, "\u3164 \u2800"),
    "a text that is too long": (Text, "x" * 20_001),
    "a text with a NUL": (Text, "a\0"),
    "a phone number without its country": (Phone, "020 7946 0958"),
    "a phone number of a country that is not": (Phone, "+999 1234567"),
    "a phone number that nobody can have": (Phone, "+44 1"),
    "a phone number with an extension": (Phone, "+44 20 7946 0958 ext. 5"),
    "a phone number that is too long": (Phone, "+44" + "2" * 40),
    "a phone number of half a character": (Phone, "\ud800"),
    "no e-mail address": (Email, "zoe"),
    "two e-mail addresses": (Email, "a@example.com, b@example.com"),
    "an e-mail address with a name": (Email, "Zoe <zoe@example.com>"),
    "an e-mail address with a line end": (Email, "a@example.com\nBcc: b@example.com"),
    "an e-mail address of half a character": (Email, "a\ud800@example.com"),
    "an e-mail address that is too long": (Email, f"{'a' * 250}@example.com"),
    "an e-mail address that is too long in lower case": (Email, "\u0130" * 84 + "@example.com"),
    "a birthday before all": (Birthday, "1899-12-31"),
    "a birthday to come": (Birthday, str(datetime.now(UTC).date() + timedelta(days=2))),
    "a birthday that is not": (Birthday, "2023-02-29"),
    "a birthday in seconds": (Birthday, 86_400),
    "a birthday at the beginning of 1970": (Birthday, 0),
    "a birthday in seconds, as text": (Birthday, "86400"),
    "a birthday in seconds before 1970": (Birthday, "-86400"),
    "a birthday with its hour": (Birthday, "1990-02-28T00:00:00"),
    "a birthday that is true": (Birthday, True),
    "a name that the Hub would not take": (HubName, "a/b"),
    "a name with space at its end": (HubName, "jane "),
    "a name that is a folder": (HubName, "."),
    "a name that is the folder above": (HubName, ".."),
    "a name of the Hub's with a NUL": (HubName, "a\0"),
    "a moment of no zone": (Since, "2026-03-01T01:00:00"),
    "a moment before the first": (Since, "0001-01-01T00:00:00+14:00"),
    "no id": (Id, 0),
    "an id that is true": (Id, True),
    "an id that no database has": (Id, 2**63),
}


@pytest.mark.parametrize(("kind", "given", "kept"), KEPT.values(), ids=KEPT)
def test_what_is_right_is_kept_in_one_form(kind: Any, given: object, kept: object) -> None:  # noqa: ANN401
    """Names in any script are accepted. A value with several notations is stored in one, which stays as it is."""
    form = TypeAdapter(kind)

    assert form.validate_python(given) == kept
    assert form.validate_python(kept) == kept


@pytest.mark.parametrize(("kind", "given"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused(kind: Any, given: object) -> None:  # noqa: ANN401
    """Wrong values are refused, and so are those that could break a page, a log or a database."""
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(given)


@pytest.mark.parametrize("kind", [Line, PersonName, Text, Address])
def test_marks_are_counted_before_all_else(kind: Any) -> None:  # noqa: ANN401
    """Normalizing a long run of marks takes very long, so this is found before the text is normalized or measured."""
    with pytest.raises(ValidationError, match="30 combining marks in a row"):
        TypeAdapter(kind).validate_python("a" + "\u0315\u0300" * 250_000)


@given(st.text(max_size=300))
def test_no_text_is_too_much_for_a_field(text: str) -> None:
    """Any text is accepted or refused. What is accepted can be stored as UTF-8, and does not change if sent again."""
    for kind in (PersonName, Text, Phone, Email, HubName):
        form = TypeAdapter[Any](kind)
        try:
            kept = form.validate_python(text)
        except ValidationError:
            continue
        assert "\0" not in kept
        assert form.validate_python(kept.encode().decode()) == kept


SAME = {
    "in capitals": ("DRUCKER", "drucker"),
    "sharp s": ("Straße", "STRASSE"),
    "final sigma": ("Οδυσσεύς", "ΟΔΥΣΣΕΎΣ"),
    "Cyrillic": ("Принтер", "ПРИНТЕР"),
    "composed and not": ("Zoë", "Zoe\u0308"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_texts_that_differ_in_case_alone_are_found_alike(one: str, other: str) -> None:
    """Search ignores case in every script that has it."""
    assert fold(one) == fold(other)


def test_a_term_cannot_reach_over_two_fields() -> None:
    """Fields are separated by a line end, which no search term can have."""
    assert fold("Zoë", None, "Okonkwo") == "zoë\nokonkwo"


def test_names_sort_without_case_and_accents() -> None:
    """Émile is sorted with other names in E, as is a name in lower case."""
    assert sorted(["zoe", "Émile", "adam", "Eva", "Åse"], key=sort_key) == ["adam", "Åse", "Émile", "Eva", "zoe"]


@given(st.text(max_size=200))
def test_no_text_is_too_long_to_be_sorted(text: str) -> None:
    """Any sort key fits into an entry of an index, which PostgreSQL limits to 2,704 bytes."""
    assert len(sort_key(text, text).encode()) <= 400


def test_a_long_text_that_grows_when_it_is_sorted() -> None:
    """A sort key ends after a hundred characters, even if each of the text's becomes eighteen of them."""
    assert len(sort_key("\ufdfa" * 200, "x")) == 100


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\ud800"], ids=ascii)
@pytest.mark.parametrize("kind", [Text, HubName, Exact], ids=["text", "user", "filter"])
def test_what_breaks_lines_unseen_is_refused(kind: Any, character: str) -> None:  # noqa: ANN401
    """Characters that begin a line without being a line end are refused, also within text of several lines."""
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(f"a{character}b")
