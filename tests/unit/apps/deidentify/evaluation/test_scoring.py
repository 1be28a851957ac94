"""What was found and lost."""

import pytest

from service.apps.deidentify.evaluation import scoring
from service.apps.deidentify.evaluation.gold import NEUTRAL, Gold, Mark
from service.apps.deidentify.evaluation.scoring import interval, score

GOLD = Gold("Ann Roe has pain at 90", (Mark(0, 7, "NAME"), Mark(20, 22, NEUTRAL)))


def test_a_note_is_scored_by_words() -> None:
    """A word of which a letter can be read is a leak; what is neutral does not count."""
    found = score(GOLD, "*** R** has **** at **")

    assert (found.found, found.marked) == ({"NAME": 1}, {"NAME": 2})
    assert (found.lost, found.others, found.whole, found.marks) == (1, 3, 0, 1)
    assert found.leaked == (("NAME", "Roe"),)


@pytest.mark.parametrize(
    ("text", "mark", "masked"),
    [
        ("Has MRN1234567 today.", Mark(7, 14, "ID"), "Has MRN******* today."),
        ("Seen by DrSmith today.", Mark(10, 15, "NAME"), "Seen by Dr***** today."),
        ("Is 92yo now.", Mark(3, 5, "AGE"), "Is **yo now."),
        ("Born DOB03/12/1927.", Mark(8, 18, "DATE"), "Born DOB**/**/****."),
        ("The note of 12Roe.", Mark(14, 17, "NAME"), "The note of 12***."),
    ],
)
def test_a_mark_within_a_word(text: str, mark: Mark, masked: str) -> None:
    """The word leaks if what is marked of it can be read; the rest of it counts neither way."""
    left, right = score(Gold(text, (mark,)), text), score(Gold(text, (mark,)), masked)

    assert (scoring.recall([left]), scoring.verbatim([left]), scoring.without_leak([left])) == (0, 1, 0)
    assert (scoring.recall([right]), scoring.verbatim([right]), scoring.without_leak([right])) == (1, 0, 1)
    assert right.lost == left.lost == 0


def test_measures() -> None:
    """Over notes."""
    scores = [score(GOLD, "*** *** has pain at 90"), score(GOLD, "Ann *** *** pain at 90")]

    assert scoring.recall(scores) == 0.75
    assert scoring.recall(scores, "NAME") == 0.75
    assert scoring.precision(scores) == 0.75
    assert scoring.kept(scores) == pytest.approx(5 / 6)
    assert scoring.whole(scores) == 0.5
    assert scoring.without_leak(scores) == 0.5


def test_an_identifier_that_can_be_read_anywhere_survives() -> None:
    """Word for word, in any letter case, also where its own place is masked; a part of a longer word does not count."""
    gold = Gold("Ann Roe came. ANN ROE left. Annroe stays", (Mark(0, 7, "NAME"),))

    assert score(gold, "*** *** came. ANN ROE left. Annroe stays").verbatim == 1
    assert score(gold, "*** *** came. *** *** left. Annroe stays").verbatim == 0
    assert scoring.verbatim([score(gold, gold.text)]) == 1.0
    assert scoring.verbatim([]) == 0.0


def test_nothing_is_perfect() -> None:
    """Without notes, and without identifiers."""
    for measure in (scoring.recall, scoring.precision, scoring.kept, scoring.whole, scoring.without_leak):
        assert measure([]) == 1.0
    assert interval([], scoring.recall) == (1.0, 1.0)


def test_an_interval_holds_the_measure() -> None:
    """The same for the same seed, and narrower with more notes."""
    few = [score(GOLD, "*** *** has pain at 90"), score(GOLD, "Ann *** has pain at 90")] * 5
    low, high = interval(few, scoring.recall)
    low_of_many, high_of_many = interval(few * 20, scoring.recall)

    assert low <= scoring.recall(few) <= high
    assert (low, high) == interval(few, scoring.recall)
    assert high_of_many - low_of_many < high - low
