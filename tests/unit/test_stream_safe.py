"""Runs of combining marks are broken, and all other text stays as it is."""

import sys
import unicodedata
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.stream_safe import stream_safe

JOINER = "\u034f"


@pytest.mark.parametrize("text", ["", "plain", "Zoë", "Zoe\u0308", "王小明", "a" + "\u0301" * 30, "e\u0301" * 99])
def test_text_of_people_stays(text: str) -> None:
    """Up to 30 marks in a row stay."""
    assert stream_safe(text) == text


def test_a_joiner_breaks_a_run() -> None:
    """After each 30 marks comes a joiner. A text that has them stays."""
    broken = "a" + "\u0301" * 30 + JOINER + "\u0301" * 30 + JOINER + "\u0301"

    assert stream_safe("a" + "\u0301" * 61) == broken
    assert stream_safe(broken) == broken


def test_every_character_that_normalizing_turns_into_marks_counts() -> None:
    """Whatever begins with a mark once it is normalized is counted as one."""
    characters = (chr(code) for code in range(sys.maxunicode + 1))
    marks = [each for each in characters if unicodedata.combining(unicodedata.normalize("NFKD", each)[0])]

    assert [each for each in marks if JOINER not in stream_safe(each * 31)] == []


@given(st.text(st.characters(categories=["Mn", "Mc", "Lm", "Lo"]), max_size=300))
def test_what_is_normalized_has_no_long_run(text: str) -> None:
    """However it is normalized, a run of marks is at most a few times as long."""
    normal = unicodedata.normalize("NFKD", stream_safe(text))
    runs = [len([*run]) for is_mark, run in groupby(normal, lambda each: unicodedata.combining(each) > 0) if is_mark]

    assert max(runs, default=0) <= 4 * 30
