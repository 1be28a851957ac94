"""What stands in for the masked parts of a note."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.apps.deidentify.engine.classes import standins
from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.keys import fresh
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.surrogates.standins import StandIns
from tests.support.node import REPOSITORY
from tests.support.notes import notes

SECRET = "5a" * 32
NOTE = "Dr. Susan Zorblatt saw MR. ZORBLATT (MRN 4839201) on 2019-03-12. Call 617-234-5678. Zorblatt, S."
WRITTEN = "Dr. Abbie Miah saw MR. MIAH (MRN 6863494) on 2019-07-08. Call 205-555-3939. Miah, S."


def stand_in(kind: Kind, part: str, note: str = "", secret: bytes = b"s" * 32) -> str | None:
    """What stands in for a part of a note."""
    shape = bytes(each.isalnum() or not each.isascii() for each in part)
    return StandIns(f"{part} {note}", secret, {}).stand_in(kind, part, shape, "mdy")


def test_a_note_keeps_its_form(engine: Engine) -> None:
    """The same person has the same name in each place, in the case that is written there."""
    text = engine.deidentify(NOTE, replacement="surrogate", secret=SECRET).text
    first, last = text.split()[1:3]

    assert first in standins()["female"]
    assert last in standins()["surnames"]
    assert f"saw MR. {last.upper()} (MRN " in text
    assert f". {last}, " in text
    assert not {"Susan", "Zorblatt", "ZORBLATT", "4839201", "2019-03-12", "617-234-5678"} & set(text.split())


def test_stand_ins_never_change(engine: Engine) -> None:
    """Studies go on for years: this is what the first version wrote, and what the docs show."""
    assert engine.deidentify(NOTE, replacement="surrogate", secret=SECRET).text == WRITTEN
    assert WRITTEN.rpartition(". ")[0] in (REPOSITORY / "docs/deidentify.md").read_text()


def test_without_a_key_they_hold_for_a_note(engine: Engine) -> None:
    """The next time they are others."""
    texts = {engine.deidentify(NOTE, replacement="surrogate").text for _ in range(3)}

    assert len(texts) == 3


def test_what_occurs_in_the_note_is_masked() -> None:
    """Else a reader could take a person of the note for another. The note has at least the part itself."""
    new = stand_in(Kind.NAME, "Zorblatt")
    number = stand_in(Kind.ID, "4839201")

    assert new
    assert number
    assert stand_in(Kind.NAME, "Zorblatt", f"Seen with {new.lower()}.") is None
    assert stand_in(Kind.NAME, "Ann Zorblatt", f"Seen with {new.upper()}.") is None
    assert stand_in(Kind.ID, "4839201", f"MRN {number}") is None
    assert stand_in(Kind.NAME, f"Zorblatt {new}") is None
    assert stand_in(Kind.NAME, "Zorblatt", f"Seen with {new}x.") == new


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        (Kind.AGE, "ninety-five"),
        (Kind.OTHER, "zorblatt"),
        (Kind.DATE, "Friday"),
        (Kind.DATE, "13/13/2019"),
        (Kind.NAME, "\u24bf\u24de\u24d7\u24dd"),
        (Kind.ID, "\u2800\u2801"),
        (Kind.NAME, "\u200b"),
    ],
)
def test_what_has_no_believable_stand_in_is_masked(kind: Kind, part: str) -> None:
    """A date that does not parse, a word of which nothing is known, letters that are drawn."""
    assert stand_in(kind, part) is None


def test_an_age_stays_above_ninety() -> None:
    """As the age of somebody else."""
    assert stand_in(Kind.AGE, "95") in {str(age) for age in range(90, 100)} - {"95"}


def test_the_same_date_in_other_words() -> None:
    """Stands in as the same day."""
    assert stand_in(Kind.DATE, "03/12/2019") != "03/12/2019"
    one, other = stand_in(Kind.DATE, "2019-03-12"), stand_in(Kind.DATE, "03/12/2019")

    assert one
    assert other == f"{one[5:7]}/{one[8:]}/{one[:4]}"


def test_another_key_gives_others() -> None:
    """Of 300 names, no more stand-ins are shared than chance gives."""
    names = standins()["surnames"][:300]
    one, other = fresh(), fresh()
    shared = [name for name in names if stand_in(Kind.NAME, name, "", one) == stand_in(Kind.NAME, name, "", other)]

    assert len(shared) < 10


@given(notes(most=25), st.sampled_from([None, SECRET]), st.sampled_from([None, 7]))
@settings(max_examples=30, database=None, suppress_health_check=list(HealthCheck))
def test_no_masked_part_stands_in_for_itself(engine: Engine, note: str, secret: str | None, days: int | None) -> None:
    """What is between the spans stays as it is, and each has another text, but for dates that move as they must."""
    result = engine.deidentify(note, replacement="surrogate", secret=secret, date_shift_days=days)
    place = out = 0
    for span in result.spans:
        assert note[place : span.start] == result.text[out : span.out_start]
        assert note[span.start : span.end] != result.text[span.out_start : span.out_end]
        place, out = span.end, span.out_end
    assert note[place:] == result.text[out:]
