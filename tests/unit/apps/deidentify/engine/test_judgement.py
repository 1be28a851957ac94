"""What the default masks, whatever the options are."""

import inspect
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.judgement import catalog
from service.apps.deidentify.engine.replacement import Numbering
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.tagging import RuleTagger
from service.apps.deidentify.evaluation.cases import cases
from tests.support.notes import notes

# Every option but `allow`, which is for letting words through, and `compat`, which masks what philter-lite masks.
CHOICES = {
    "replacement": st.sampled_from(["asterisk", "tag", "numbered", "surrogate", "remove"]),
    "deny": st.lists(st.sampled_from(["pain", "seen", "Roe", "12"]), max_size=2),
    "language": st.sampled_from(["en", "any"]),
    "date_shift_days": st.integers(-400, 400).filter(bool),
    "date_order": st.sampled_from(["mdy", "dmy", "ymd", None]),
    "secret": st.sampled_from(["ab" * 32, None]),
    "numbering": st.builds(Numbering),
    # What a model claims to have found, wherever that is.
    "sightings": st.lists(
        st.builds(
            lambda start, length, kind: (start, start + length, kind.value),
            st.integers(0, 400),
            st.integers(1, 30),
            st.sampled_from(Kind),
        ),
        max_size=6,
    ),
}
OPTIONS = st.fixed_dictionaries({}, optional=CHOICES)
# Of the operator's own rules, `keep` alone is for letting words through.
OWN_RULES = """
[mask]
NAME = ["pain", "Roe"]
LOCATION = ["left"]

[[pattern]]
name = "short"
type = "ID"
pattern = '[0-9]{2}'

[[pattern]]
name = "words"
type = "ORGANIZATION"
pattern = 'was ([a-z]+)'
"""


@pytest.fixture(scope="module")
def changed() -> Engine:
    """An engine with an operator's own rules, and with a model beside it."""
    return Engine.load(RuleTagger(), own_rules=OWN_RULES, with_model=True)


def test_all_options_are_tried() -> None:
    """One that is new must stand in `CHOICES`."""
    parameters = inspect.signature(Engine.deidentify).parameters.values()
    named = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}

    assert named - {"allow", "compat"} == set(CHOICES)


@given(note=notes(most=25), options=OPTIONS, is_changed=st.booleans())
@settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck))
def test_no_option_lets_through_what_the_default_masks(
    engine: Engine,
    changed: Engine,
    note: str,
    options: dict[str, Any],
    is_changed: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    """What is masked by default is within a span with any options, but for `allow`, and no such text is as it was."""
    default = {place for span in engine.deidentify(note).spans for place in range(span.start, span.end)}
    result = (changed if is_changed else engine).deidentify(note, **options)

    assert default <= {place for span in result.spans for place in range(span.start, span.end)}
    assert not [
        span
        for span in result.spans
        if note[span.start : span.end] == result.text[span.out_start : span.out_end] and span.out_end > span.out_start
    ]


@given(notes(most=25))
@settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
def test_every_span_names_a_rule_that_is_told(engine: Engine, note: str) -> None:
    """So that a wrong mask can be reported."""
    known = {each.rule for each in engine.contents.rules}

    assert {span.rule for span in engine.deidentify(note).spans} <= known


def test_rules_are_told_once() -> None:
    """Each with what it means."""
    names = [each.rule for each in catalog()]

    assert len(names) == len(set(names)) > 60
    assert all(each.meaning for each in catalog())


@pytest.mark.parametrize("case", [str, str.lower, str.upper], ids=["as written", "small", "capitals"])
def test_made_up_notes_leave_little(engine: Engine, case: type[str]) -> None:
    """Of 140 notes at least 97 of 100 identifying words are masked, and 97 of 100 others stay."""
    from service.apps.deidentify.evaluation import scoring  # noqa: PLC0415 - names of this package are short
    from service.apps.deidentify.evaluation.variants import in_case  # noqa: PLC0415 - likewise

    gold = [changed for note in cases(140, seed=3) if (changed := in_case(note, case))]
    scores = [scoring.score(note, engine.deidentify(note.text).text) for note in gold]

    assert scoring.recall(scores) >= 0.97
    assert scoring.kept(scores) >= 0.97
