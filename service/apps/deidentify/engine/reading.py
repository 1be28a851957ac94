"""A note cut into words, each with what it can be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from service.apps.deidentify.engine.lexicon import Lexicon

WORD = re.compile(r"([A-Za-z0-9]+)")
LOWER, TITLE, UPPER, DIGITS, MIXED = range(5)
BEFORE_ITEMS = frozenset((".", ":", ";", "!", "?", "-", "*", "#", ")", '"'))


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of a text in ASCII. Word `i` is `text[starts[i]:stops[i]]`; `words` are in lower case.

    `flags`: what each can be. `shapes`: how each is written. `gaps`: what stands behind each. `head`: what stands
    before the first.
    """

    text: str
    starts: Sequence[int]
    stops: Sequence[int]
    words: Sequence[str]
    flags: Sequence[int]
    shapes: Sequence[int]
    gaps: Sequence[str]
    head: str = ""

    def gap(self, number: int) -> str:
        """What stands between this word and the next; behind the last what is left, and a line feed."""
        return self.gaps[number] if number + 1 < len(self.words) else self.gaps[-1] + "\n"

    def before(self, number: int) -> str:
        """What stands between the word before and this one; before the first, a line feed and what is there."""
        return self.gaps[number - 1] if number else "\n" + self.head

    def begins_item(self, number: int) -> bool:
        """Whether a word begins a line, a sentence or an item of a list."""
        before = self.before(number)
        return "\n" in before or before.rstrip()[-1:] in BEFORE_ITEMS


def read(text: str, lexicon: Lexicon) -> Reading:
    """Cut an ASCII text into words."""
    # Gaps and words by turns: the text is cut once, and offsets are sums of lengths.
    parts = WORD.split(text)
    ends = list(accumulate(map(len, parts)))
    written = parts[1::2]
    words = WORD.findall(text.lower())
    known = lexicon.flags.get
    flags = [known(word, 0) for word in words]
    shapes = [
        (LOWER if word.isalpha() else DIGITS if word.isdigit() else MIXED) if word == low else _shape(word)
        for word, low in zip(written, words, strict=True)
    ]
    return Reading(text, ends[0:-1:2], ends[1::2], words, flags, shapes, parts[2::2], parts[0])


def _shape(word: str) -> int:
    """How a word is written that has a capital letter."""
    if not word.isalpha():
        return MIXED
    if word.isupper():
        return UPPER if len(word) > 1 else TITLE
    return TITLE if word[0].isupper() else MIXED
