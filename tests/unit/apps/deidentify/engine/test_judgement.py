"""What the default masks, whatever the options are."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.apps.deidentify.engine.engine import Engine, Options
from service.apps.deidentify.engine.judgement import catalog
from service.apps.deidentify.evaluation.cases import cases
from tests.support.notes import notes

OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "replacement": st.sampled_from(["tag", "numbered", "surrogate", "remove"]),
        "deny": st.lists(st.sampled_from(["pain", "seen", "Roe"]), max_size=2),
        "language": st.sampled_from(["en", "any"]),
        "date_shift_days": st.integers(1, 400),
        "date_order": st.sampled_from(["mdy", "dmy", "ymd", None]),
        "secret": st.sampled_from(["ab" * 32, None]),
    },
)


@given(notes(most=25), OPTIONS)
@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_no_option_lets_through_what_the_default_masks(engine: Engine, note: str, options: Options) -> None:
    """What is masked by default is within a span with any options, but for `allow`, and no such text is as it was."""
    default = {place for span in engine.deidentify(note).spans for place in range(span.start, span.end)}
    result = engine.deidentify(note, **options)

    assert default <= {place for span in result.spans for place in range(span.start, span.end)}
    assert not [
        span
        for span in result.spans
        if note[span.start : span.end] == result.text[span.out_start : span.out_end] and span.out_end > span.out_start
    ]


@given(notes(most=25))
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
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
