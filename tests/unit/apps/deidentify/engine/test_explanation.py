"""What people are told of the rules holds for the engine that answers them."""

import pytest

from service.apps.deidentify.engine import keys, rules
from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.explanation import (
    DIFFERENCES,
    GAPS,
    PAIRS,
    STAYS,
    TYPES,
    Difference,
    Gap,
    Pair,
    Stay,
    Type,
)
from service.apps.deidentify.engine.rules import Kind


@pytest.mark.parametrize("told", TYPES, ids=lambda told: told.type)
def test_each_type_is_masked_as_its_example_says(engine: Engine, told: Type) -> None:
    """The note becomes what stands beside it, and something in it is of that type."""
    result = engine.deidentify(told.note, replacement="tag")

    assert result.text == told.masked
    assert set(result.counts) == {told.type}


def test_every_type_is_explained_once() -> None:
    """No type without a word, and none twice."""
    assert sorted(told.type for told in TYPES) == sorted(Kind)


@pytest.mark.parametrize("told", [*STAYS, *GAPS], ids=lambda told: told.what)
def test_what_stays(engine: Engine, told: Stay | Gap) -> None:
    """Whether on purpose or because no rule can know: nothing of the example is masked."""
    assert engine.deidentify(told.note).text == told.note


@pytest.mark.parametrize("told", DIFFERENCES, ids=lambda told: told.what)
def test_each_difference_to_philter_lite(engine: Engine, told: Difference) -> None:
    """philter-lite's own answer, and ours, are those that the example shows."""
    assert engine.deidentify(told.note, compat=True).text == told.philter_lite
    assert engine.deidentify(told.note).text == told.here != told.philter_lite


@pytest.mark.parametrize("told", PAIRS, ids=lambda told: told.one)
def test_what_counts_as_the_same(told: Pair) -> None:
    """The two texts are compared as the example says."""
    assert (keys.comparable(told.type, told.one) == keys.comparable(told.type, told.other)) is told.same


def test_every_rule_is_counted(engine: Engine) -> None:
    """Those that mask, by type, and those that say what may stay are all rules there are; lists of words among them."""
    book = rules.load().rules
    masking, keeping = engine.contents.masking, engine.contents.keeping
    names = [rule for rule in book if rule.type == "set" and rule.masks]

    assert sum(figures.rules for figures in masking.values()) == sum(rule.masks for rule in book)
    assert keeping.rules == sum(not rule.masks for rule in book)
    assert masking[Kind.NAME].words == sum(len(rule.words) for rule in names) > 100_000
    assert keeping.words > 100_000
    assert masking[Kind.OTHER].rules == 0
