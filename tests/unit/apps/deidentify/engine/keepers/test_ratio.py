"""Ratios and dates."""

import pytest

from service.apps.deidentify.engine.keepers.ratio import is_ratio


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("45/52", True, id="too large for a month"),
        pytest.param("28/30", True, id="two days"),
        pytest.param("5/325", True, id="three digits"),
        pytest.param("0/5", True, id="none of five"),
        pytest.param("3/12", False, id="a month and a day"),
        pytest.param("3/80", False, id="a month and a year"),
        pytest.param("3/12/2019", False, id="a date with its year"),
        pytest.param("pain 3/10", True, id="pain"),
        pytest.param("strength is 4/5 and 3/5", True, id="strength"),
        pytest.param("seen on 4/5", False, id="a word that stands before dates"),
        pytest.param("2/6 systolic murmur", True, id="a murmur behind it"),
        pytest.param("1/2 of a tablet", True, id="a half"),
        pytest.param("angle 4/5", False, id="a word that only ends like another"),
    ],
)
def test_a_ratio_or_a_date(text: str, expected: bool) -> None:  # noqa: FBT001
    """By size, and by the words at its sides. Judged is the last pair."""
    import re  # noqa: PLC0415 - of the test alone

    start, stop = [match.span() for match in re.finditer(r"\d+/\d+", text)][-1 if "and" in text else 0]

    assert is_ratio(text, start, stop) is expected
