"""What rules keep, and what is left of a note, as philter-lite has it."""

from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import philter_lite
from hypothesis import given
from hypothesis import strategies as st

from rulebook.book import entry_of
from service.apps.deidentify.engine.coverage import Coverage, Span
from service.apps.deidentify.engine.detection import Detector, hidden, unkept
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.patterns.matching import Text
from service.apps.deidentify.engine.rules import Kind, Rule, read
from service.apps.deidentify.engine.tagging import RuleTagger
from tests.support import philter

TEXTS = st.text(st.sampled_from("abAB12 -.*\n\u00e9"), min_size=1, max_size=30)
SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 12)), max_size=20)


def maps(text: str, pairs: list[Span]) -> tuple[Coverage, philter_lite.CoordinateMap]:
    """Both kinds of map, with the same ranges."""
    ours, theirs = Coverage(len(text)), philter_lite.CoordinateMap()  # type: ignore[no-untyped-call]  # has no types
    for start, length in pairs:
        if start < len(text):
            stop = min(len(text), start + length)
            ours.add(start, stop)
            theirs.add_extend(start, stop)  # type: ignore[no-untyped-call]  # likewise
    return ours, theirs


@given(TEXTS, SPANS)
def test_asterisks_stand_where_philter_lite_writes_them(text: str, pairs: list[Span]) -> None:
    """Whatever was kept."""
    ours, theirs = maps(text, pairs)
    expected = philter_lite.transform_text_asterisk(text, theirs)
    new = "".join("*" if one else character for one, character in zip(hidden(text, ours), text, strict=True))

    assert new == expected


@given(TEXTS, SPANS)
def test_what_is_left_is_philter_lites_complement(text: str, pairs: list[Span]) -> None:
    """In the same runs."""
    ours, theirs = maps(text, pairs)

    assert unkept(Text(text), ours) == list(theirs.get_complement(text).items())  # type: ignore[no-untyped-call]  # likewise


PATTERNS = {"words": "[a-z]+", "capitals": r"[A-Z]+", "numbers": r"\d+(-\d+)?", "all": ".+", "pair": "[aA] ?[bB]"}
LISTS = {"few": ["ab", "Ba", "1"]}


class Made(NamedTuple):
    """A rule, ours and philter-lite's own."""

    rule: Rule
    theirs: Any


@cache  # a pattern takes long to translate
def made(kind: str, *, masks: bool, **of: object) -> Made:
    """A rule that philter-lite has made."""
    entry = {"title": f"{kind} {masks} {of}", "type": kind, "exclude": masks, **of}
    make: Any = philter_lite.filter_from_dict
    theirs = make(entry, regex_db=PATTERNS, regex_context_db=PATTERNS, set_db=LISTS)
    rule = read({**entry_of(theirs, Kind.OTHER), "words": ""})
    return Made(replace(rule, words=frozenset(theirs.data)) if kind == "set" else rule, theirs)


SIDES = st.sampled_from(["left", "right", "left_or_right", "left_and_right"])
RULES = st.one_of(
    st.builds(
        lambda keyword, masks: made("regex", masks=masks, keyword=keyword),
        st.sampled_from(list(PATTERNS)),
        st.booleans(),
    ),
    st.builds(
        lambda masks, pos: made("set", masks=masks, keyword="few", pos=pos),
        st.booleans(),
        st.sampled_from([(), ("NNP",)]),
    ),
    st.builds(lambda pos: made("pos_matcher", masks=False, pos=(pos,)), st.sampled_from(["CD", "NNP"])),
    st.builds(
        lambda keyword, side: made("regex_context", masks=True, keyword=keyword, context=side, context_filter="all"),
        st.sampled_from(list(PATTERNS)),
        SIDES,
    ),
)


@given(st.lists(RULES, min_size=1, max_size=6, unique_by=lambda each: each.rule.title), TEXTS)
def test_rules_in_any_order_keep_what_philter_lite_keeps(rules: list[Made], text: str) -> None:
    """The first to speak of a part wins, but for those that look at what stands beside it."""
    tagger = RuleTagger()
    kept, excluded, _ = philter.detect(text, [each.theirs for each in rules], tagger)
    detection = Detector([each.rule for each in rules], tagger).detect(text)

    assert list(detection.kept.ends.items()) == list(kept.map.items())
    assert list(detection.excluded.ends.items()) == list(excluded.map.items())


def test_what_a_rule_masked_is_told_with_its_kind() -> None:
    """For types; what another rule keeps is not among it."""
    rules = [made("regex", masks=False, keyword="words").rule, made("regex", masks=True, keyword="numbers").rule]
    named = [replace(rules[0], kind=Kind.NAME), replace(rules[1], kind=Kind.ID)]

    assert Detector(named, RuleTagger()).detect("ab 12").masked == [Find(3, 5, Kind.ID, named[1].name)]
