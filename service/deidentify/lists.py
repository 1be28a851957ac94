"""A caller's own words: some always masked, some never."""

from collections.abc import Iterator, Sequence

Place = tuple[int, int]


def places(text: str, words: Sequence[str]) -> Iterator[Place]:
    """Where any of these stands as a word or words of its own, whatever its case.

    Words of no character stand nowhere.
    """
    lower = _lower(text)
    for word in {_lower(word.strip()) for word in words}:
        start = lower.find(word) if word else -1
        while start >= 0:
            stop = start + len(word)
            if _is_edge(text, start, word[0]) and _is_edge(text, stop, word[-1]):
                yield start, stop
            start = lower.find(word, start + 1)


def _lower(text: str) -> str:
    """Lower case of the same length: İ has none of one character."""
    return (
        text.lower()
        if text.isascii()
        else "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
    )


def _is_edge(text: str, place: int, inner: str) -> bool:
    """Whether no word runs across this place."""
    if place in (0, len(text)) or not inner.isalnum():
        return True
    return not (text[place - 1].isalnum() and text[place].isalnum())
