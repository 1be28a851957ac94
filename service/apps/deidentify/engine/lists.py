"""A caller's own words: some always masked, some never."""

import re
from collections.abc import Container, Sequence

Place = tuple[int, int]


class Words:
    """Words to look for, or phrases of several; in any case. Words of no character stand nowhere."""

    def __init__(self, words: Sequence[str]) -> None:
        self._known = {_lower(word.strip()) for word in words} - {""}
        lengths: dict[str, set[int]] = {}
        for word in self._known:
            lengths.setdefault(word[0], set()).add(len(word))
        self._lengths = {first: sorted(each, reverse=True) for first, each in lengths.items()}
        self._first = re.compile(f"[{re.escape(''.join(self._lengths))}]" if lengths else "(?!)")

    def __bool__(self) -> bool:
        return bool(self._known)

    def places(self, text: str) -> list[Place]:
        """Where any of these stands as a word or words of its own; in order, joined where they overlap."""
        if not self._known:
            return []
        lower = _lower(text)
        found: list[Place] = []
        for match in self._first.finditer(lower):
            start = match.start()
            stop = _longest(text, lower, start, self._lengths[match[0]], self._known)
            if found and start < found[-1][1]:
                found[-1] = (found[-1][0], max(stop, found[-1][1]))
            elif stop:
                found.append((start, stop))
        return found


def places(text: str, words: Sequence[str]) -> list[Place]:
    """Where any of these words stands; see `Words`."""
    return Words(words).places(text)


def _longest(text: str, lower: str, start: int, lengths: Sequence[int], known: Container[str]) -> int:
    """Where the longest of the words ends that begins here; 0 where there is none."""
    if not _is_edge(text, start, inner=start):
        return 0
    for stop in (start + length for length in lengths):
        if lower[start:stop] in known and stop <= len(text) and _is_edge(text, stop, inner=stop - 1):
            return stop
    return 0


def _lower(text: str) -> str:
    """Lower case of the same length: İ has none of one character."""
    return (
        text.lower()
        if text.isascii()
        else "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
    )


def _is_edge(text: str, place: int, *, inner: int) -> bool:
    """Whether no word runs across this place; `inner`: the character at its side that is ours."""
    if place in (0, len(text)) or not text[inner].isalnum():
        return True
    return not (text[place - 1].isalnum() and text[place].isalnum())
