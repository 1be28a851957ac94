"""Divides a masked part into words, and draws words that stand in for them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from service.apps.deidentify.engine.classes import standins
from service.apps.deidentify.engine.folding import fold
from service.apps.deidentify.engine.keys import Draws, normal
from service.apps.deidentify.engine.lexicon import Is

_RUN = re.compile(rb"\x01+")
_APOSTROPHES = "'\u2019"
_TRIES = 16  # that a drawn word is the word itself so many times does not happen
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
_PARTICLES = ("de", "del", "della", "di", "van", "von")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a masked part. `start`, `stop`: in the part. `flags`: what it can be (`Is`)."""

    text: str
    start: int
    stop: int
    flags: int

    @property
    def is_letters(self) -> bool:
        """Whether it has no digit."""
        return not any(map(str.isdigit, self.text))


def words_of(part: str, is_masked: bytes, flags: Mapping[str, int]) -> list[Word]:
    """Return the words of a part. `is_masked`: per character of it, 1 where it is masked."""
    shape = bytearray(is_masked)
    for place in range(1, len(part) - 1):
        if part[place] in _APOSTROPHES and shape[place - 1] == 1 == shape[place + 1]:
            shape[place] = 1
    runs = (match.span() for match in _RUN.finditer(shape))
    return [Word(part[start:stop], start, stop, flags.get(fold(normal(part[start:stop])), 0)) for start, stop in runs]


def written(part: str, words: list[Word], new: list[str]) -> str:
    """Return the part with other words in the places of its own."""
    pieces, last = [], 0
    for word, text in zip(words, new, strict=True):
        pieces += [part[last : word.start], text]
        last = word.stop
    return "".join([*pieces, part[last:]])


def other_than(text: str, draw: Callable[[], str]) -> str:
    """Draw until it is another word than this."""
    own = normal(text)
    drawn = draw()
    for _ in range(_TRIES):
        if normal(drawn) != own:
            break
        drawn = draw()
    return drawn


def cased_like(text: str, new: str) -> str:
    """Return `new` in small letters or capitals if `text` is."""
    if text.islower():
        return new.lower()
    return new.upper() if text.isupper() and len(text) > 1 else new


def scrambled(text: str, draws: Draws, *, letters: str = LETTERS) -> str:
    """Return other digits for digits and other letters for letters, in their case; the rest stays."""
    return other_than(text, lambda: "".join(_other(each, draws, letters) for each in text))


def _other(character: str, draws: Draws, letters: str) -> str:
    if not character.isalnum():
        return character
    if character.isdigit():
        return DIGITS[draws.below(10)]
    letter = letters[draws.below(len(letters))]
    return letter.upper() if character.isupper() else letter


def name(word: Word, secret: bytes) -> str:
    """Return a name that stands in for a word of a name: for a first name one of the same sex, as far as is known."""
    draws = Draws(secret, "name", normal(word.text))
    if len(word.text) == 1 or not word.is_letters:
        return scrambled(word.text, draws)
    if word.flags & Is.PARTICLE and word.text.islower():
        return other_than(word.text, lambda: _PARTICLES[draws.below(len(_PARTICLES))])
    names = _names_like(normal(word.text), word.flags)
    return cased_like(word.text, other_than(word.text, lambda: names[draws.below(len(names))]))


def surname(draws: Draws, text: str) -> str:
    """Draw a surname that stands in for this text."""
    names = _lists()["surnames"]
    return other_than(text, lambda: names[draws.below(len(names))])


def _names_like(plain: str, flags: int) -> tuple[str, ...]:
    lists = _lists()
    for sex in ("female", "male"):
        if plain in _first_names()[sex]:
            return lists[sex]
    is_first = flags & Is.GIVEN and not flags & Is.SURNAME
    return lists["female"] + lists["male"] if is_first else lists["surnames"]


@cache
def _lists() -> Mapping[str, tuple[str, ...]]:
    return standins()


@cache
def _first_names() -> Mapping[str, frozenset[str]]:
    return {
        sex: frozenset(normal(each) for each in (*_lists()[sex], *_lists()[f"known-{sex}"]))
        for sex in ("female", "male")
    }
