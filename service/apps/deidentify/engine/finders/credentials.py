"""Names before what says that somebody is a doctor or a nurse: `MD`, `R.N.`, `PA-C`."""

import re
from collections.abc import Iterator

from service.apps.deidentify.engine.finders.chains import LISTED, NAME_GAPS, beginning, found
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.lexicon import Is
from service.apps.deidentify.engine.reading import DIGITS, LOWER, TITLE, UPPER, Reading

# `M.D.`, `R.N.`, `Ph.D.`
DOTTED = re.compile(r"(?:M\.D|R\.N|D\.O|P\.A|N\.P|Ph\.D|D\.D\.S|L\.P\.N|Pharm\.D|Psy\.D|M\.S\.W|R\.D)\b", re.IGNORECASE)
IN_SMALL_LETTERS = frozenset(("rn", "md", "np"))  # which are no words
LONGEST = 3  # words of a name
NO_NAME = Is.CLOSED | Is.TERM | Is.ROLE | Is.TITLE | Is.EPONYM_NOUN | Is.GENERIC | Is.MONTH | Is.CREDENTIAL


def credentialed(reading: Reading, number: int) -> Iterator[Find]:
    """What stands before a credential: up to three words with capital letters, or of the lists of names."""
    gap = reading.before(number)
    if gap not in (", ", " ", ",") or not _is_credential(reading, number, behind_comma="," in gap):
        return
    last = first = number
    while first and last - first < LONGEST and (first == number or reading.before(first) in NAME_GAPS):
        if not _is_name(reading, first - 1, behind_comma="," in gap):
            break
        first -= 1
    if first and number - first == 1 and "," in gap and _begins_line(reading, first - 1):
        first -= 1
    names = range(first, number)
    if names and any(reading.flags[part] & LISTED or not reading.flags[part] & Is.WORD for part in names):
        yield found(reading, beginning(reading, first), number - 1, "name.credential")


def _is_credential(reading: Reading, number: int, *, behind_comma: bool) -> bool:
    word, shape = reading.words[number], reading.shapes[number]
    if not reading.flags[number] & Is.CREDENTIAL or len(word) == 1:
        return DOTTED.match(reading.text, reading.starts[number]) is not None
    if shape == LOWER:
        return word in IN_SMALL_LETTERS
    return shape == UPPER or behind_comma


def _begins_line(reading: Reading, number: int) -> bool:
    """Whether a word, whatever it is, stands where a signature begins with a first name."""
    before = reading.before(number)
    is_first = "\n" in before or ":" in before or reading.words[number - 1] == "by"
    return is_first and reading.gap(number) == " " and not reading.flags[number] & NO_NAME


def _is_name(reading: Reading, number: int, *, behind_comma: bool) -> bool:
    """Whether a word before a credential belongs to a name."""
    bits, shape, word = reading.flags[number], reading.shapes[number], reading.words[number]
    if len(word) == 1:
        return shape == TITLE or (shape != DIGITS and reading.gap(number).startswith("."))
    if bits & NO_NAME and not bits & Is.NAME:
        return False
    if shape in (TITLE, UPPER):
        return behind_comma or bool(bits & LISTED) or not bits & Is.WORD
    return shape == LOWER and (bool(bits & LISTED and not bits & Is.VERB) or not bits)
