"""The same notes written otherwise: in small letters, in capitals, with other names and other forms of dates."""

import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from random import Random

from service.apps.deidentify.evaluation.gold import NEUTRAL, Gold, Mark, rewritten

FIRST_DAY = date(1950, 1, 1)
DAYS = 27_000
FORMS = (
    "%m/%d/%Y",
    "%m/%d/%y",
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d%b%y",
    "%Y%m%d",
)
VOWELS, CONSONANTS = "aeiou", "bcdfghklmnprstvz"


def in_case(gold: Gold, change: Callable[[str], str]) -> Gold | None:
    """The note with another letter case; None where its length would change."""
    text = change(gold.text)
    return Gold(text, gold.marks) if len(text) == len(gold.text) else None


def changed(gold: Gold, random: Random, names: Sequence[str]) -> Gold:
    """The note with other names, numbers and dates in the places of those that are marked.

    Each word of a name becomes one of `names` or an invented one, each digit another digit, a date another date in
    another form. Words that tell what a thing is, such as `Hospital`, stay.
    """
    return rewritten(
        gold.text,
        ((mark, _other(gold.text[mark.start : mark.stop], mark.type, random, names)) for mark in _apart(gold.marks)),
    )


def _apart(marks: Iterable[Mark]) -> Iterator[Mark]:
    """The marks but for those that begin within another."""
    last = 0
    for mark in marks:
        if mark.start >= last:
            yield mark
            last = mark.stop


def _other(old: str, kind: str, random: Random, names: Sequence[str]) -> str:
    if kind == NEUTRAL:
        return old
    has_digit = any(map(str.isdigit, old))
    if kind.upper() == "DATE":
        return made_date(random) if has_digit else old
    if kind.upper() == "AGE":
        return old
    if kind.upper() in ("NAME", "PATIENT", "DOCTOR", "PERSON"):
        return " ".join(_other_name(word, random, names) for word in old.split(" "))
    return "".join(random.choice(string.digits) if letter.isdigit() else letter for letter in old) if has_digit else old


def _other_name(word: str, random: Random, names: Sequence[str]) -> str:
    letters = [letter for letter in word if letter.isalpha()]
    if len(letters) < 3 or not word[0].isupper():  # noqa: PLR2004 - initials and particles stay
        return word
    name = random.choice(names) if names and random.random() < 0.5 else made_name(random)  # noqa: PLR2004 - half
    return (name.upper() if word.isupper() else name.capitalize()) + word[len(word.rstrip(".,;:")) :]


def made_name(random: Random) -> str:
    """A name that nobody has, of two or three syllables."""
    return "".join(
        random.choice(CONSONANTS) + random.choice(VOWELS) + random.choice(("", random.choice(CONSONANTS)))
        for _ in range(random.choice((2, 3)))
    ).capitalize()


def made_date(random: Random) -> str:
    """A date in one of many forms."""
    return (FIRST_DAY + timedelta(days=random.randrange(DAYS))).strftime(random.choice(FORMS))
