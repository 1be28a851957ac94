"""The text is written again, with something else in the place of each span."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.dates import DateOrder
from service.apps.deidentify.engine.replacement import Numbering, Replacement, Style, written
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span

TEXT = "Seen 12/03/2019 by Ann Roe."
FOUND = [Span(5, 15, Kind.DATE), Span(19, 26, Kind.NAME)]
MASKED = bytearray(
    any(span.start <= place < span.end for span in FOUND) and one.isalnum() for place, one in enumerate(TEXT)
)


def rewritten(replacement: Replacement, *, days: int | None = None, order: DateOrder = "mdy") -> str:
    """The text above."""
    return written(TEXT, MASKED, FOUND, Style(replacement, date_shift_days=days, date_order=order))[0]


@pytest.mark.parametrize(
    ("replacement", "days", "expected"),
    [
        ("asterisk", None, "Seen **/**/**** by *** ***."),
        ("tag", None, "Seen [DATE] by [NAME]."),
        ("numbered", None, "Seen [DATE_1] by [NAME_1]."),
        ("remove", None, "Seen  by ."),
        ("asterisk", 1, "Seen 12/04/2019 by *** ***."),
        ("tag", -3, "Seen 11/30/2019 by [NAME]."),
        ("asterisk", 0, "Seen **/**/**** by *** ***."),
    ],
)
def test_what_stands_in_the_place_of_a_span(replacement: Replacement, days: int | None, expected: str) -> None:
    """Asterisks for what is masked alone; a date that moves is written as it was."""
    assert rewritten(replacement, days=days) == expected


def test_a_shift_by_no_days_is_none() -> None:
    """Stand-ins choose one, as they do without it."""
    assert "12/03/2019" not in rewritten("surrogate", days=0)


@st.composite
def notes(draw: st.DrawFn) -> tuple[str, list[Span]]:
    """A text and spans in it."""
    text = draw(st.text(st.sampled_from("ab1/ é\n"), max_size=40))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=10)))
    return text, [
        Span(start, end, draw(st.sampled_from(Kind))) for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]


@given(
    notes(),
    st.sampled_from(["asterisk", "tag", "numbered", "surrogate", "remove"]),
    st.sampled_from([None, 7]),
    st.sampled_from([None, b"k" * 32]),
)
def test_spans_say_where_their_replacement_stands(
    note: tuple[str, list[Span]], replacement: Replacement, days: int | None, secret: bytes | None
) -> None:
    """What is between them is as it was, and no span is lost."""
    text, found = note
    is_masked = bytearray(b"\1" * len(text))
    new, placed = written(text, is_masked, found, Style(replacement, date_shift_days=days, secret=secret))

    assert [(span.start, span.end, span.type) for span in placed] == [(one.start, one.end, one.type) for one in found]
    between = zip([0, *(span.end for span in placed)], [*(span.start for span in placed), len(text)], strict=True)
    kept = zip([0, *(span.out_end for span in placed)], [*(span.out_start for span in placed), len(new)], strict=True)
    assert [new[start:stop] for start, stop in kept] == [text[start:stop] for start, stop in between]
    if replacement == "tag" and days is None:
        assert [new[span.out_start : span.out_end] for span in placed] == [f"[{span.type}]" for span in placed]


def between(*dates: str) -> tuple[str, bytearray, list[Span]]:
    """A text of dates."""
    text = " and ".join(dates)
    found = [Span(start := text.index(each), start + len(each), Kind.DATE) for each in dates]
    return text, bytearray(b"\1" * len(text)), found


@pytest.mark.parametrize(
    ("dates", "order", "expected"),
    [
        (("30/03/2019", "03/04/2019", "3.5.2019"), None, "09/04/2019 and 13/04/2019 and 13.5.2019"),
        (("03/30/2019", "03/04/2019"), None, "04/09/2019 and 03/14/2019"),
        (("03/04/2019", "2019-03-04"), None, "[DATE] and 2019-03-14"),
        (("03/04/2019", "04/30/2019"), "dmy", "13/04/2019 and [DATE]"),
        (("03/04/2019",), "mdy", "03/14/2019"),
        (("30/03/2019", "03/30/2019", "5 May 2019"), None, "[DATE] and [DATE] and 15 May 2019"),
    ],
)
def test_the_dates_of_a_note_have_one_order(dates: tuple[str, ...], order: DateOrder | None, expected: str) -> None:
    """That which is given, else that which its dates tell. In doubt a date is masked, and not guessed."""
    new, _ = written(*between(*dates), Style("tag", date_shift_days=10, date_order=order))

    assert new == expected


def test_the_same_text_of_the_same_type_has_the_same_number() -> None:
    """Case, accents and spacing do not count; another type counts for itself."""
    numbering = Numbering()
    parts = [
        (Kind.NAME, "Ann Roe"),
        (Kind.NAME, "ANN  ROE"),
        (Kind.NAME, "Bob"),
        (Kind.ID, "Bob"),
        (Kind.NAME, "\xc1nn\nroe"),
    ]

    assert [numbering.number(kind, text) for kind, text in parts] == [1, 1, 2, 1, 1]


def test_names_are_told_as_digests() -> None:
    """In the order of their numbers, the same for the same key, and nothing of the text in them."""
    numbering = Numbering()
    for name in ("Ann", "Bob", "Ann"):
        numbering.number(Kind.NAME, name)
    names, others = numbering.names(b"key"), numbering.names(b"another")

    assert list(names) == [Kind.NAME]
    assert len(set(names[Kind.NAME])) == 2
    assert names == numbering.names(b"key")
    assert not set(names[Kind.NAME]) & set(others[Kind.NAME])
