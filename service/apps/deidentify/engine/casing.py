"""Reads notes and passages that are written in capitals alone, or without any, as if they had ordinary letter case.

philter-lite's rules look for capital letters. In a dictation that was typed in capitals every word would be a name, and
in a note without capitals none. So words of such passages get small letters, and a capital where they can hardly be
anything but a name or a place. The length stays.
"""

from dataclasses import replace

from service.apps.deidentify.engine.lexicon import Is
from service.apps.deidentify.engine.reading import DIGITS, LOWER, MIXED, TITLE, UPPER, Reading

SHORTEST_HEADING = 4  # letters of a heading that is more than initials or an abbreviation
SMALL_RUN = 3  # words in capitals, one of them long, from which on a run on one line is a passage
LONG = 5  # letters of a word that is hardly an abbreviation
ONE_LETTER = 1
IS_NAME = Is.NAME | Is.TOWN
# Words that keep their capitals in a passage of capitals: abbreviations and what stands after a name.
KEEPS = Is.TERM | Is.CREDENTIAL
SHORT = 5
NO_NAME = Is.EPONYM | Is.CLOSED | Is.TITLE


def ordinary(reading: Reading) -> tuple[Reading, list[bool]]:
    """The text with ordinary letter case, and for each word whether it stood in a passage of capitals."""
    text = list(reading.text)
    shapes = list(reading.shapes)
    is_upper = shouted(reading)
    for number, (bits, shape) in enumerate(zip(reading.flags, reading.shapes, strict=True)):
        if shape == LOWER:
            if bits & IS_NAME and not bits & NO_NAME:
                text[reading.starts[number]] = reading.words[number][0].upper()
                shapes[number] = TITLE
        elif is_upper[number] and shape not in (DIGITS, MIXED):
            start, stop, word = reading.starts[number], reading.stops[number], reading.words[number]
            if stop - start == ONE_LETTER:
                continue
            if bits & KEEPS and not bits & IS_NAME and stop - start <= SHORT and not bits & Is.CLOSED:
                continue
            text[start:stop] = word.capitalize() if bits & IS_NAME else word
            shapes[number] = TITLE if bits & IS_NAME else LOWER
    changed = replace(reading, text="".join(text), shapes=shapes) if shapes != reading.shapes else reading
    return changed, is_upper


def shouted(reading: Reading) -> list[bool]:
    """For each word whether it stands in a passage of capitals."""
    shapes, starts, stops = reading.shapes, reading.starts, reading.stops
    result = [False] * len(shapes)
    first = 0
    # A capital letter alone goes with what is around it, and a word with a small letter ends a run.
    for number, shape in enumerate([*shapes, LOWER]):
        if (
            shape == LOWER
            or (shape == TITLE and stops[number] - starts[number] > ONE_LETTER)
            or (shape == MIXED and not reading.text[starts[number] : stops[number]].isupper())
        ):
            if number > first:
                _mark(reading, first, number, result)
            first = number + 1
    return result


def _mark(reading: Reading, first: int, last: int, result: list[bool]) -> None:
    letters = [number for number in range(first, last) if reading.shapes[number] == UPPER]
    if not letters:
        return
    long = [number for number in letters if reading.stops[number] - reading.starts[number] >= LONG]
    plain = [number for number in letters if reading.flags[number] & Is.WORD and not reading.flags[number] & IS_NAME]
    closed = [number for number in letters if reading.flags[number] & Is.CLOSED]
    if (len(letters) >= SMALL_RUN and long and plain) or (closed and long) or _is_heading(reading, letters, last):
        result[first:last] = [True] * (last - first)


def _is_heading(reading: Reading, letters: list[int], last: int) -> bool:
    """Whether these are everyday words before a colon, or alone on their line."""
    if not all(reading.flags[number] & Is.WORD for number in letters):
        return False
    if max(reading.stops[number] - reading.starts[number] for number in letters) < SHORTEST_HEADING:
        return False
    return not all(reading.flags[number] & (Is.GIVEN | Is.SURNAME) for number in letters) and (
        ":" in reading.gap(last - 1) or "\n" in reading.gap(last - 1)
    )
