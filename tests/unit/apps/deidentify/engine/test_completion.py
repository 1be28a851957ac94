"""What is masked beyond the rules: the rest of what they saw in part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.completion import additions
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.rules import Kind


def judged(text: str, marked: str, kind: Kind) -> list[tuple[str, Kind]]:
    """What is added to a text where the rules masked what has a `*` below it."""
    is_masked = bytearray(one == "*" for one in marked.ljust(len(text)))
    finds = [Find(place, place + 1, kind, "") for place, one in enumerate(is_masked) if one]
    return [(text[start:stop], of) for start, stop, of, _ in additions(text, is_masked, finds, bytearray(len(text)))]


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
    ],
)
def test_what_is_added(text: str, marked: str, kind: Kind, added: list[tuple[str, Kind]]) -> None:
    """By what the rules masked (`*`), and what they said it was."""
    assert judged(text, marked, kind) == added


def test_what_a_rule_keeps_is_not_masked_for_what_stands_beside_it() -> None:
    """`COVID` of `COVID-19` was masked; a rule says that the number stays."""
    kept = bytearray(b"\0" * 6 + b"\1\1")

    assert list(additions("COVID-19", bytearray(b"\1" * 5 + b"\0" * 3), [], kept)) == []


@given(st.text(st.sampled_from("aB1 -/_.'#\n"), max_size=30), st.randoms(use_true_random=False))
def test_no_word_is_left_in_part(text: str, random: object) -> None:
    """Whatever the rules masked of it."""
    is_masked = bytearray(one.isalnum() and random.random() < 0.3 for one in text)  # type: ignore[attr-defined]  # a Random
    added = bytearray(is_masked)
    for start, stop, _, _ in additions(text, is_masked, [], bytearray(len(text))):
        added[start:stop] = b"\1" * (stop - start)

    words = "".join(one if one.isalnum() else " " for one in text)
    for start in (place for place in range(len(words)) if words[place] != " "):
        if start + 1 < len(words) and words[start + 1] != " ":
            assert added[start] == added[start + 1]
