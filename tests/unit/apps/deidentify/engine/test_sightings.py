"""What a model found, beside the rules."""

import pytest

from service.apps.deidentify.engine.engine import Engine, read_by_model
from service.apps.deidentify.engine.models.model import Sighting
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.tagging import RuleTagger
from service.apps.deidentify.evaluation.cases import cases


@pytest.fixture(scope="module")
def engine() -> Engine:
    """One that is told what a model found."""
    return Engine.load(RuleTagger(), with_model=True)


def masked(engine: Engine, note: str, *seen: str, kind: str = "NAME") -> str:
    """The note, where a model saw these words."""
    text = read_by_model(note)
    sightings = [(text.index(word), text.index(word) + len(word), kind) for word in seen]
    return engine.deidentify(note, sightings=sightings, replacement="tag").text


@pytest.mark.parametrize(
    ("note", "seen", "expected"),
    [
        ("talked to rose about it.", ["rose"], "talked to [NAME] about it."),
        ("talked to rose about it.", ["ro"], "talked to [NAME] about it."),
        ("talked to rose hope about it.", ["rose hope"], "talked to [NAME] about it."),
        ("talked to ro\u0301se about it.", ["rose"], "talked to [NAME] about it."),
        ("aspirin and platelets 250000, T2 N1", ["aspirin", "platelets 250000", "T2"], None),
        ("Foley catheter in place, the pain is better.", ["Foley catheter", "pain is better"], None),
    ],
)
def test_words_are_masked_whole_unless_they_tell_nothing(
    engine: Engine, note: str, seen: list[str], expected: str | None
) -> None:
    """A model is believed about names and unknown words, and not about clinical words and results of tests."""
    assert masked(engine, note, *seen) == (expected or note)


def test_spans_name_it(engine: Engine) -> None:
    """So that a wrong mask can be reported; the list of rules has it."""
    (span,) = engine.deidentify("talked to rose hope.", sightings=[(10, 14, "NAME"), (15, 19, "NAME")]).spans

    assert (span.start, span.end, span.type, span.rule) == (10, 19, Kind.NAME, "model.name")
    assert "model.name" in {each.rule for each in engine.contents.rules}
    assert "model.name" not in {each.rule for each in Engine.load(RuleTagger()).contents.rules}


def test_compat_does_not_hear_of_it(engine: Engine) -> None:
    """philter-lite knows no model."""
    note = "talked to rose."

    assert engine.deidentify(note, sightings=[(10, 14, "NAME")], compat=True).text == note


def test_it_never_lets_through_what_the_rules_mask(engine: Engine) -> None:
    """Whatever it sees."""
    for number, note in enumerate(cases(60, seed=3)):
        text = read_by_model(note.text)
        everything: list[Sighting] = [(place, place + 5, "NAME") for place in range(number % 7, len(text) - 5, 7)]
        alone = engine.deidentify(note.text).text
        beside = engine.deidentify(note.text, sightings=everything).text
        assert all(there == "*" for here, there in zip(alone, beside, strict=True) if here == "*")


def test_a_date_of_a_model_lets_nothing_stay(engine: Engine) -> None:
    """What is masked without it is masked with it."""
    note = "patient's12345 "

    default = engine.deidentify(note).text
    assert engine.deidentify(note, sightings=[(0, 9, "DATE")]).text == default
