"""What is masked beyond the rules: the rest of what they saw in part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.extra_rules import additions
from service.apps.deidentify.engine.rules import Kind


def judged(text: str, marked: str, kind: Kind) -> list[tuple[str, Kind]]:
    """What is added to a text where the rules masked what has a `*` below it."""
    is_masked = bytearray(one == "*" for one in marked.ljust(len(text)))
    ranges = [(place, place + 1, kind) for place, one in enumerate(is_masked) if one]
    return [(text[start:stop], of) for start, stop, of in additions(text, is_masked, ranges)]


@pytest.mark.parametrize(
    ("text", "marked", "kind", "added"),
    [
        pytest.param("1234-1234 x", "****     ", Kind.ID, [("1234-1234", Kind.ID)], id="half a number"),
        pytest.param("HT1234-7890", "******     ", Kind.OTHER, [("HT1234-7890", Kind.ID)], id="half an identifier"),
        pytest.param("12.34.5", "** **", Kind.ID, [("12.34.5", Kind.ID)], id="joined by dots"),
        pytest.param("end.12", "***", Kind.ID, [], id="a dot that ends a sentence"),
        pytest.param("3/4-x", "* *", Kind.DATE, [], id="a date with a word"),
        pytest.param("3/4-123", "* *", Kind.DATE, [("3/4-123", Kind.ID)], id="a date with a long number"),
        pytest.param("12-ab", "  ", Kind.ID, [], id="nothing masked"),
        pytest.param("12-34", "** **", Kind.ID, [], id="all masked"),
        pytest.param("Jones-Church", "*****", Kind.NAME, [("Jones-Church", Kind.NAME)], id="half a double name"),
        pytest.param("Jones-Church", "*****", Kind.OTHER, [("Jones-Church", Kind.OTHER)], id="of no known kind"),
        pytest.param("Smith-like", "*****", Kind.NAME, [], id="a name and a word"),
        pytest.param("abc/def/ghi", "***", Kind.NAME, [("abc/def/ghi", Kind.NAME)], id="a signature"),
        pytest.param("abc/def", "***", Kind.NAME, [], id="two words"),
        pytest.param("Smithson", "*****", Kind.NAME, [("Smithson", Kind.OTHER)], id="part of a word"),
        pytest.param("Dr. church", "", Kind.NAME, [("church", Kind.NAME)], id="a doctor in lower case"),
        pytest.param("Mrs.  jones", "", Kind.NAME, [("jones", Kind.NAME)], id="two spaces"),
        pytest.param("Dr. will", "", Kind.NAME, [], id="a word of a closed class"),
        pytest.param("12 W 45TH STREET", "", Kind.ID, [("12 W 45TH STREET", Kind.LOCATION)], id="a numbered street"),
        pytest.param("95-year-old man", "", Kind.ID, [("95", Kind.AGE)], id="a great age, hyphenated"),
        pytest.param("a 101yo male", "", Kind.ID, [("101", Kind.AGE)], id="a great age, yo"),
        pytest.param("95 y/o", "", Kind.ID, [("95", Kind.AGE)], id="a great age, y/o"),
        pytest.param("97 yrs of age", "", Kind.ID, [("97", Kind.AGE)], id="a great age, of age"),
        pytest.param("Aged 95.", "", Kind.ID, [("95", Kind.AGE)], id="a great age, aged"),
        pytest.param("Ninety-four years old", "", Kind.ID, [("Ninety-four", Kind.AGE)], id="a great age, in words"),
        pytest.param("89-year-old man", "", Kind.ID, [], id="an age of many"),
        pytest.param("195 years old", "", Kind.ID, [], id="no age"),
        pytest.param("managed 95 patients", "", Kind.ID, [], id="another word that ends like aged"),
        pytest.param("95 years ago", "", Kind.ID, [], id="years, but no age"),
        pytest.param("12 45th percentile", "", Kind.ID, [], id="no street"),
    ],
)
def test_what_is_added(text: str, marked: str, kind: Kind, added: list[tuple[str, Kind]]) -> None:
    """By what the rules masked (`*`), and what they said it was."""
    assert judged(text, marked, kind) == added


@given(st.text(st.sampled_from("aB1 -/_.'#\n"), max_size=30), st.randoms(use_true_random=False))
def test_no_word_is_left_in_part(text: str, random: object) -> None:
    """Whatever the rules masked of it."""
    is_masked = bytearray(one.isalnum() and random.random() < 0.3 for one in text)  # type: ignore[attr-defined]  # a Random
    added = bytearray(is_masked)
    for start, stop, _ in additions(text, is_masked, []):
        added[start:stop] = b"\1" * (stop - start)

    words = "".join(one if one.isalnum() else " " for one in text)
    for start in (place for place in range(len(words)) if words[place] != " "):
        if start + 1 < len(words) and words[start + 1] != " ":
            assert added[start] == added[start + 1]
