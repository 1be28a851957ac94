"""Words of a masked part, and names that stand in for them."""

import pytest

from service.apps.deidentify.engine.classes import standins
from service.apps.deidentify.engine.keys import Draws
from service.apps.deidentify.engine.lexicon import Is
from service.apps.deidentify.engine.surrogates.words import Word, name, scrambled, words_of, written

SECRET = b"s" * 32


def name_for(text: str, flags: int = 0) -> str:
    """What stands in for a word of a name."""
    return name(Word(text, 0, len(text), flags), SECRET)


def test_a_part_is_put_together_from_its_words() -> None:
    """What is between the words stays; an apostrophe between letters is part of a word."""
    part = "O'Brien, J.-Ann"
    words = words_of(part, bytes(each.isalnum() for each in part), {"o'brien": Is.SURNAME})

    assert [(word.text, word.flags) for word in words] == [("O'Brien", Is.SURNAME), ("J", 0), ("Ann", 0)]
    assert written(part, words, ["Roe", "K", "Eve"]) == "Roe, K.-Eve"


def test_names_keep_their_kind_and_case() -> None:
    """A woman's name for a woman's, a man's for a man's, a surname for others; initials for initials."""
    lists = standins()

    assert name_for("Susan") in lists["female"]
    assert name_for("David") in lists["male"]
    assert name_for("John") in lists["male"]
    assert name_for("Aaliyah", Is.GIVEN) in lists["female"] + lists["male"]
    assert name_for("Zorblatt") in lists["surnames"]
    assert name_for("SUSAN") == name_for("Susan").upper()
    assert name_for("susan") == name_for("Súsan").lower()
    assert name_for("van", Is.PARTICLE) not in ("van", "Van")
    assert len(name_for("J")) == 1


@pytest.mark.parametrize("sex", ["female", "male", "surnames"])
def test_no_name_stands_in_for_itself(sex: str) -> None:
    """Whatever the secret."""
    names = standins()[sex]

    assert not [each for each in names if name_for(each) == each]
    assert len(names) == len(set(names)) > 250


def test_digits_and_letters_keep_their_places() -> None:
    """And their case."""
    new = scrambled("Ab-12.x", Draws(SECRET, "x"))

    assert [(each.isdigit(), each.isupper(), each.islower()) for each in new] == [
        (each.isdigit(), each.isupper(), each.islower()) for each in "Ab-12.x"
    ]
    assert new != "Ab-12.x"
