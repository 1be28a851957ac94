"""Spans are what is masked, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.extra_rules import Range
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span, spans

TEXTS = st.text(st.sampled_from("ab1é -'/.,\n"), max_size=30)
RANGES = st.lists(st.tuples(st.integers(0, 29), st.integers(1, 9), st.sampled_from(Kind)), max_size=6)


@st.composite
def judged(draw: st.DrawFn) -> tuple[str, bytearray, list[Range]]:
    """A text, what of it is masked, and what rules masked."""
    text = draw(TEXTS)
    ranges = [(start, min(len(text), start + size), kind) for start, size, kind in draw(RANGES) if start < len(text)]
    masked = draw(st.sets(st.integers(0, 29)))
    return text, bytearray(one.isalnum() and place in masked for place, one in enumerate(text)), ranges


@given(judged())
def test_spans_cover_what_is_masked_and_no_other_letter_or_digit(of: tuple[str, bytearray, list[Range]]) -> None:
    """They are apart and in order, and begin and end with something masked."""
    text, is_masked, ranges = of
    found = spans(text, is_masked, ranges)
    within = [place for span in found for place in range(span.start, span.end)]

    assert within == sorted(set(within))
    assert {place for place in within if text[place].isalnum()} == {place for place, one in enumerate(is_masked) if one}
    assert all(is_masked[span.start] and is_masked[span.end - 1] for span in found)
    assert not any("\n" in text[span.start : span.end] for span in found)


@given(judged())
def test_the_type_is_that_of_the_rule_that_covers_most(of: tuple[str, bytearray, list[Range]]) -> None:
    """Of rules that cover as much, the first type in Kind; OTHER where none does."""
    text, is_masked, ranges = of
    order = list(Kind)

    for span in spans(text, is_masked, ranges):
        by_size = [
            (min(stop, span.end) - max(start, span.start), -order.index(kind))
            for start, stop, kind in ranges
            if kind is not Kind.OTHER
        ]
        size, place = max(by_size, default=(0, 0))
        assert span.type is (order[-place] if size > 0 else Kind.OTHER)


@pytest.mark.parametrize(
    ("text", "masked", "ranges", "expected"),
    [
        pytest.param("Ann Roe", "*** ***", [], ["Ann", "Roe"], id="two words"),
        pytest.param("Ann Roe", "*** ***", [(0, 7, Kind.NAME)], ["Ann Roe"], id="that a rule saw as one"),
        pytest.param("Ann\nRoe", "*** ***", [(0, 7, Kind.NAME)], ["Ann", "Roe"], id="but for the end of a line"),
        pytest.param("Ann, Roe", "***  ***", [(0, 4, Kind.NAME)], ["Ann", "Roe"], id="not what stands behind"),
        pytest.param("1/2-3 O'Neil", "* * * * ****", [], ["1/2-3", "O'Neil"], id="joined by hyphens and the like"),
        pytest.param("a-b", "*", [], ["a"], id="not to what stays"),
        pytest.param("", "", [], [], id="nothing"),
    ],
)
def test_what_is_one_span(text: str, masked: str, ranges: list[Range], expected: list[str]) -> None:
    """What a rule saw as one, or what a hyphen or the like joins."""
    found = spans(text, bytearray(one == "*" for one in masked.ljust(len(text))), ranges)

    assert [text[span.start : span.end] for span in found] == expected


def test_a_span_that_is_not_written_has_no_place() -> None:
    """Until it has its replacement."""
    assert spans("ab", bytearray(b"\1\1"), [(0, 2, Kind.ID)]) == [Span(0, 2, Kind.ID, -1, -1)]
