"""Numbers over a batch: as if one engine had seen all of its notes in their order."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.engine import Result
from service.apps.deidentify.engine.numbering import BatchNumbering
from service.apps.deidentify.engine.replacement import Numbering, Style, written
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span
from service.apps.deidentify.errors import TooManyNamesError

Part = tuple[Kind | None, str]  # of a note; without a kind, it stays

PARTS = st.tuples(
    st.sampled_from([None, Kind.NAME, Kind.DATE, Kind.ID]),
    st.sampled_from(["Smith", "SMITH", "smith  jones", "[NAME_1]", "3/4", "x", " and ", "[DATE_2]", "9"]),
)
NOTES = st.lists(st.lists(PARTS, max_size=8), max_size=6)


def numbered(note: list[Part], numbering: Numbering, *, key: bytes | None = None) -> Result:
    """A note as an engine numbers it."""
    text, spans = "", []
    for kind, part in note:
        if kind:
            spans.append(Span(len(text), len(text) + len(part), kind))
        text += part + " "
    masked = bytearray(b"\1" * len(text))
    new, placed = written(text, masked, spans, Style("numbered", numbering))
    counts = Counter(span.type for span in placed)
    return Result(new, tuple(placed), counts, len(text), numbering.names(key) if key else {})


@given(NOTES)
def test_as_one_engine_would(notes: list[list[Part]]) -> None:
    """Texts and places of spans are those of one numbering for all, whatever stands between what is numbered."""
    shared, batch = Numbering(), BatchNumbering()

    each = [batch.renumbered(numbered(note, Numbering(), key=batch.key)) for note in notes]

    assert each == [numbered(note, shared) for note in notes]


def test_a_date_that_moved_has_no_number() -> None:
    """It stays as the engine wrote it, though other dates are numbered."""
    batch = BatchNumbering()
    placed = (Span(0, 8, Kind.DATE, 0, 8), Span(9, 14, Kind.DATE, 9, 17))
    result = Result("20200304 [DATE_1]", placed, {Kind.DATE: 2}, 14, {Kind.DATE: ["00" * 16]})

    assert batch.renumbered(result).text == "20200304 [DATE_1]"


def test_what_is_not_numbered_stays_as_it_is() -> None:
    """Without names there is nothing to do."""
    result = Result("[NAME_7]", (), {}, 8)

    assert BatchNumbering().renumbered(result) is result


def test_digests_tell_nothing_to_whom_the_key_is_not_known() -> None:
    """The same name has another digest in each batch, and none is a plain hash of it."""
    numbering = Numbering()
    numbering.number(Kind.NAME, "Smith")
    one, other = BatchNumbering().key, BatchNumbering().key

    assert numbering.names(one) != numbering.names(other)
    assert numbering.names(one) == numbering.names(one)


def test_a_batch_without_end_is_bounded() -> None:
    """Known names go on being numbered; a new one too many is an error, and nothing of its note is returned."""
    batch = BatchNumbering(limit=2)
    names = [numbered([(Kind.NAME, name)], Numbering(), key=batch.key) for name in ("Smith", "Jones", "Roe", "smith")]
    batch.renumbered(names[0])
    batch.renumbered(names[1])

    with pytest.raises(TooManyNamesError, match="more than 2 things to number"):
        batch.renumbered(names[2])
    assert batch.renumbered(names[3]).text == "[NAME_1] "
