"""Finds what stands in for each masked part of one note."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

from service.apps.deidentify.engine.dates import DateOrder, parsed, shifted
from service.apps.deidentify.engine.keys import Draws, normal
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.surrogates import contacts, places
from service.apps.deidentify.engine.surrogates.words import (
    Word,
    name,
    words_of,
    written,
)

_WORD = re.compile(r"[^\W_]+")
_MARKS = frozenset(("Mn", "Mc", "Me", "Cf"))
# That many stand-ins have.
_RESERVED = frozenset(
    ("555", "example", "ext", "extension", "extn", "ftp", "http", "https", "org", "sftp", "www"),
)
_SHORT = 2  # characters of words that occur in every note
_OLD, _OLDEST = 90, 120  # ages that are identifiers


class StandIns:
    """The stand-ins for one note. `secret`: of the key, or a fresh one. `flags`: what words can be (`Is`)."""

    def __init__(self, note: str, secret: bytes, flags: Mapping[str, int]) -> None:
        self._secret = secret
        self._flags = flags
        self._note = " " + " ".join(_words(note)) + " "
        self._words = frozenset(self._note.split())
        self._found: dict[tuple[Kind, str, bytes], str | None] = {}  # so far; `order` is that of the note

    def stand_in(self, kind: Kind, part: str, is_masked: bytes, order: DateOrder | None) -> str | None:
        """Return what stands in for a part; None if there is nothing believable, or it occurs in the note by chance.

        `is_masked`: per character of the part, 1 where it is masked. `order`: of dates.
        """
        key = (kind, part, is_masked)
        if key not in self._found:
            self._found[key] = self._find(kind, part, is_masked, order)
        return self._found[key]

    def _find(self, kind: Kind, part: str, is_masked: bytes, order: DateOrder | None) -> str | None:
        shown, shape = _without_marks(part, is_masked)
        words = words_of(shown, shape, self._flags)
        if not words or any(masked and not each.isalnum() for each, masked in zip(shown, shape, strict=True)):
            return None  # letters that are drawn as symbols
        new = self._date(shown, order) if kind is Kind.DATE else self._new(kind, shown, words)
        return None if new is None or self._occurs(new, shown, by_word=kind is not Kind.DATE) else new

    def _new(self, kind: Kind, part: str, words: list[Word]) -> str | None:
        new: str | None
        match kind:
            case Kind.NAME:
                new = written(part, words, [self._name(word) for word in words])
            case Kind.LOCATION:
                new = places.location(part, words, self._secret)
            case Kind.ORGANIZATION:
                new = places.organization(part, words, self._secret)
            case Kind.CONTACT:
                new = contacts.contact(part, self._secret)
            case Kind.ID:
                new = contacts.identifier(part, self._secret)
            case Kind.AGE:
                new = self._age(part)
            case _:
                new = self._other(part, words)
        return new

    def _name(self, word: Word) -> str:
        own, possessive = (
            (word.text[:-2], word.text[-2:]) if word.text[-2:].lower() in ("'s", "\u2019s") else (word.text, "")
        )
        return name(Word(own, word.start, word.stop, self._flags.get(normal(own), 0)), self._secret) + possessive

    def _age(self, part: str) -> str | None:
        if not part.isdecimal() or not _OLD <= int(part) <= _OLDEST:
            return None
        ages = [age for age in range(_OLD, _OLD + 10) if age != int(part)]
        return str(ages[Draws(self._secret, "age", part).below(len(ages))])

    def _other(self, part: str, words: list[Word]) -> str | None:
        """Names for words with capital letters, since they may be names, and other digits for numbers."""
        if any(word.is_letters and not word.text[0].isupper() for word in words):
            return None
        return written(part, words, [self._name(word) for word in words])

    def _date(self, part: str, order: DateOrder | None) -> str | None:
        found = parsed(part, order)
        return None if found is None else shifted(part, self._days(found), order)

    def _days(self, found: date) -> int:
        return Draws(self._secret, "date", found.isoformat()).shift()

    def _occurs(self, new: str, old: str, *, by_word: bool) -> bool:
        """Whether it is the text that it stands in for, or stands in the note itself, whole or by one of its words."""
        words = _words(new)
        kept = _RESERVED.union(word for word in _words(old) if places.is_generic(word, self._flags.get(word, 0)))
        if normal(new) == normal(old):
            return True
        # That all words are there is known at once, and is rare; only then is the whole note searched.
        if self._words.issuperset(words) and f" {' '.join(words)} " in self._note:
            return True
        return by_word and any(word in self._words and word not in kept and len(word) > _SHORT for word in words)


def _without_marks(part: str, is_masked: bytes) -> tuple[str, bytes]:
    """A masked part, and where it is masked, without combining marks and invisible characters."""
    if part.isascii():
        return part, is_masked
    left = [
        (each, masked)
        for each, masked in zip(part, is_masked, strict=True)
        if not masked or unicodedata.category(each) not in _MARKS
    ]
    return "".join(each for each, _ in left), bytes(masked for _, masked in left)


def _words(text: str) -> list[str]:
    return _WORD.findall(normal(text))
