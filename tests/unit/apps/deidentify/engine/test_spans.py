"""Spans are what is masked, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span, spans

TEXTS = st.text(st.sampled_from("ab1é -'/.,\n"), max_size=30)
FINDS = st.lists(
    st.tuples(
        st.integers(0, 29), st.integers(1, 9), st.sampled_from(Kind), st.sampled_from(["ours", "philter-lite: theirs"])
    ),
    max_size=6,
)


@st.composite
def judged(draw: st.DrawFn) -> tuple[str, bytearray, list[Find]]:
    """A text, what of it is masked, and what rules masked."""
    text = draw(TEXTS)
    finds = [
        Find(start, min(len(text), start + size), kind, rule)
        for start, size, kind, rule in draw(FINDS)
        if start < len(text)
    ]
    masked = draw(st.sets(st.integers(0, 29)))
    return text, bytearray(one.isalnum() and place in masked for place, one in enumerate(text)), finds


@given(judged())
def test_spans_cover_what_is_masked_and_no_other_letter_or_digit(of: tuple[str, bytearray, list[Find]]) -> None:
    """They are apart and in order, and begin and end with something masked."""
    text, is_masked, finds = of
    found = spans(text, is_masked, finds)
    within = [place for span in found for place in range(span.start, span.end)]

    assert within == sorted(set(within))
    assert {place for place in within if text[place].isalnum()} == {place for place, one in enumerate(is_masked) if one}
    assert all(is_masked[span.start] and is_masked[span.end - 1] for span in found)
    assert not any("\n" in text[span.start : span.end] for span in found)


@given(judged())
def test_the_type_is_that_of_the_rule_that_covers_most(of: tuple[str, bytearray, list[Find]]) -> None:
    """Our own rules before philter-lite's; of rules that cover as much, the first type in Kind; OTHER without any."""
    text, is_masked, finds = of
    order = list(Kind)

    for span in spans(text, is_masked, finds):
        by_size = [
            (rule == "ours", min(stop, span.end) - max(start, span.start), -order.index(kind), rule)
            for start, stop, kind, rule in finds
            if kind is not Kind.OTHER and start < span.end and stop > span.start
        ]
        _, size, place, rule = max(by_size, default=(False, 0, 0, "unknown-word"))
        assert (span.type, span.rule) == (order[-place] if size > 0 else Kind.OTHER, rule)


@pytest.mark.parametrize(
    ("text", "masked", "finds", "expected"),
    [
        pytest.param("Ann Roe", "*** ***", [], ["Ann", "Roe"], id="two words"),
        pytest.param("Ann Roe", "*** ***", [Find(0, 7, Kind.NAME, "a")], ["Ann Roe"], id="that a rule saw as one"),
        pytest.param(
            "Ann\nRoe", "*** ***", [Find(0, 7, Kind.NAME, "a")], ["Ann", "Roe"], id="but for the end of a line"
        ),
        pytest.param("Ann, Roe", "***  ***", [Find(0, 4, Kind.NAME, "a")], ["Ann", "Roe"], id="not what stands behind"),
        pytest.param("1/2-3 O'Neil", "* * * * ****", [], ["1/2-3", "O'Neil"], id="joined by hyphens and the like"),
        pytest.param("a-b", "*", [], ["a"], id="not to what stays"),
        pytest.param("", "", [], [], id="nothing"),
    ],
)
def test_what_is_one_span(text: str, masked: str, finds: list[Find], expected: list[str]) -> None:
    """What a rule saw as one, or what a hyphen or the like joins."""
    found = spans(text, bytearray(one == "*" for one in masked.ljust(len(text))), finds)

    assert [text[span.start : span.end] for span in found] == expected


def test_a_span_that_is_not_written_has_no_place() -> None:
    """Until it has its replacement."""
    assert spans("ab", bytearray(b"\1\1"), [Find(0, 2, Kind.ID, "a")]) == [Span(0, 2, Kind.ID, -1, -1, "a")]
