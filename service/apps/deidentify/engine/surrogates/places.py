"""Stand-ins for places and organizations. Words such as `street` and `hospital` stay."""

import re
from collections.abc import Callable, Iterator, Sequence

from service.apps.deidentify.engine.classes import spellings, word_class
from service.apps.deidentify.engine.keys import Draws, normal
from service.apps.deidentify.engine.lexicon import Is
from service.apps.deidentify.engine.surrogates.words import (
    Word,
    cased_like,
    other_than,
    scrambled,
    surname,
    written,
)

_STREETS = re.compile(spellings("streets"), re.IGNORECASE)
_STATES = tuple(sorted(map(str.capitalize, word_class("states"))))
_CODES = tuple(
    """
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA
    RI SC SD TN TX UT VT VA WA WV WI WY
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
_ENDINGS = ("ton", "ville", "burg", "field", "ford", "mouth", "haven", "stead")
_BEGINNINGS = ("", "", "", "North ", "South ", "New ", "Lake ", "Port ")
_SMALL = frozenset(("and", "at", "for", "of", "the"))
_ACRONYM = 5  # letters at most
_KEPT = Is.HEAD | Is.GENERIC | Is.CARE

Draw = Callable[[str, bytes], str]


def location(part: str, words: Sequence[Word], secret: bytes) -> str:
    """Return another place for a place: other digits, another state for a state, a town for the rest."""
    return _replaced(part, words, secret, keeps=lambda word: _is_street(word.text), draw=_town)


def organization(part: str, words: Sequence[Word], secret: bytes) -> str:
    """Return another organization for an organization, which ends in the same words, such as `hospital`."""
    return _replaced(
        part,
        words,
        secret,
        keeps=lambda word: _is_common(normal(word.text), word.flags),
        draw=lambda text, secret: cased_like(text, surname(Draws(secret, "organization", normal(text)), text)),
    )


def is_generic(word: str, flags: int) -> bool:
    """Whether this word may stay in a place or an organization. `flags`: what it can be (`Is`)."""
    return _is_street(word) or _is_common(word, flags)


def _is_street(word: str) -> bool:
    return _STREETS.fullmatch(word) is not None


def _is_common(word: str, flags: int) -> bool:
    return bool(flags & _KEPT) or word in _SMALL


def _replaced(part: str, words: Sequence[Word], secret: bytes, *, keeps: Callable[[Word], bool], draw: Draw) -> str:
    kept = [keeps(word) for word in words]
    if all(kept):  # `general hospital` as a name
        kept[0] = False
    units: list[Word] = []
    new: list[str] = []
    for unit, stays in _units(part, words, kept):
        units.append(unit)
        new.append(unit.text if stays else _new(unit, secret, draw))
    return written(part, units, new)


def _units(part: str, words: Sequence[Word], kept: Sequence[bool]) -> Iterator[tuple[Word, bool]]:
    """Yield the words with whether they stay; words of letters that only spaces divide are one."""
    held: Word | None = None
    for word, stays in zip(words, kept, strict=True):
        is_plain = not stays and word.is_letters and not _is_state(word)
        if held and is_plain and part[held.stop : word.start].isspace():
            held = Word(part[held.start : word.stop], held.start, word.stop, held.flags)
            continue
        if held:
            yield held, False
        held = word if is_plain else None
        if not is_plain:
            yield word, stays
    if held:
        yield held, False


def _new(word: Word, secret: bytes, draw: Draw) -> str:
    draws = Draws(secret, "place", normal(word.text))
    if word.text in _CODES:
        return other_than(word.text, lambda: _CODES[draws.below(len(_CODES))])
    if _is_state(word):
        return cased_like(word.text, other_than(word.text, lambda: _STATES[draws.below(len(_STATES))]))
    if not word.is_letters or (word.text.isupper() and len(word.text) <= _ACRONYM):
        return scrambled(word.text, draws)
    return draw(word.text, secret)


def _is_state(word: Word) -> bool:
    return word.text in _CODES or bool(word.flags & Is.STATE)


def _town(text: str, secret: bytes) -> str:
    draws = Draws(secret, "town", normal(text))
    beginning = _BEGINNINGS[draws.below(len(_BEGINNINGS))]
    base = surname(draws, text).rstrip("aeiouy")
    ending = _ENDINGS[draws.below(len(_ENDINGS))]
    return cased_like(text, f"{beginning}{base}{ending}")
