"""Breaks long runs of combining marks, on which `unicodedata.normalize` takes time that grows with their square."""

import unicodedata

LONGEST = 30  # marks in a row, as in UAX #15; no language has as many
_JOINER = "\N{COMBINING GRAPHEME JOINER}"  # invisible, and marks do not move across it
_MARKS_APART = "\u0f73\u0f75\u0f81\uff9e\uff9f"  # of combining class 0, but normalizing makes marks of them


def stream_safe(text: str) -> str:
    """Return the text with a joiner after each 30 combining marks in a row (UAX #15, Stream-Safe Text Process).

    The result can be normalized in time that grows with its length alone.
    """
    if text.isascii():
        return text
    parts, run = list[str](), 0
    for character in text:
        is_mark = unicodedata.combining(character) or character in _MARKS_APART
        if is_mark and run == LONGEST:
            parts.append(_JOINER)
            run = 0
        run = run + 1 if is_mark else 0
        parts.append(character)
    return "".join(parts)
