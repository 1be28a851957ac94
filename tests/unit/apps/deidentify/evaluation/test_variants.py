"""Notes written otherwise."""

from random import Random

from service.apps.deidentify.evaluation.gold import Gold, Mark
from service.apps.deidentify.evaluation.variants import changed, in_case

GOLD = Gold(
    "Ann O. Roe, age 95, seen 3/4/2019 at Mercy Hospital, MRN 123.",
    (Mark(0, 10, "NAME"), Mark(16, 18, "AGE"), Mark(25, 33, "DATE"), Mark(37, 51, "ORGANIZATION"), Mark(57, 60, "ID")),
)


def test_letter_case() -> None:
    """The marks stay where they are; a note whose length would change is none."""
    assert in_case(GOLD, str.upper) == Gold(GOLD.text.upper(), GOLD.marks)
    assert in_case(Gold("Straße", ()), str.upper) is None


def test_other_names_and_numbers() -> None:
    """Each mark covers what stands there now; ages and words that tell what a thing is stay."""
    new = changed(GOLD, Random(1), ["smith"])  # noqa: S311 - chance, not secrecy
    parts = [new.text[mark.start : mark.stop] for mark in new.marks]

    assert [mark.type for mark in new.marks] == [mark.type for mark in GOLD.marks]
    assert parts[0] != "Ann O. Roe"
    assert parts[0].split(" ")[1] == "O."
    assert parts[1] == "95"
    assert parts[2] != "3/4/2019"
    assert parts[3] == "Mercy Hospital"
    assert parts[4].isdigit()
    assert len(parts[4]) == 3
    assert new == changed(GOLD, Random(1), ["smith"])  # noqa: S311 - likewise
