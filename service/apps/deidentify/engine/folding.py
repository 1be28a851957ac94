"""ASCII for every character, one for one, so that the rules see `Jose Nunez` where a note says `José Núñez`."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

BEYOND = re.compile(r"[^\x00-\x7f]")
# Signs that people read as a letter: Ⓙ, 🇯.
DRAWN = re.compile(r"(?:LATIN (SMALL|CAPITAL)|SYMBOL) LETTER ([A-Z])")
BRAILLE = re.compile(r"BRAILLE PATTERN DOTS-")
LATIN = re.compile(r"LATIN (?:SMALL |CAPITAL )?LETTER (?:SMALL CAPITAL )?(\w)")
PUNCTUATION = {"Pd": "-", "Pi": '"', "Pf": '"', "Zs": " ", "Zl": "\n", "Zp": "\n", "Cc": "\n"}
# Single quotation marks, prime, acute accent, modifier apostrophe.
QUOTES = dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u02bc", "'")
# Signs that stand in numbers, dates and addresses as the ASCII ones do, and that Unicode does not count as the same:
# minus signs and a hyphen bullet, fraction and division slashes, ratio signs, middle dots and full stops of Asia.
LIKE_ASCII = {
    **dict.fromkeys("\u2212\u02d7\u2043", "-"),
    **dict.fromkeys("\u2044\u2215\u29f8\u2571", "/"),
    **dict.fromkeys("\u2236\ua789", ":"),
    **dict.fromkeys("\u00b7\u2027\u2219\u22c5\u30fb\uff65\u3002\uff61", "."),
}
OTHER = "~"  # punctuation that no rule knows
MICRO = "\N{GREEK SMALL LETTER MU}"  # what NFKD makes of the micro sign
# Not assigned yet, and invisible whatever they will be (Default_Ignorable_Code_Point of Unicode).
IGNORED = re.compile("[\u2065\ufff0-\ufff8\U000e0000-\U000e0fff]")
# In no category of invisible characters, and drawn as nothing: the place of an image in text that once had one, and a
# note of music without a head.
UNDRAWN = "\ufffc\U0001d159"
CHARACTERS = 4096  # that are remembered; all of Unicode would take a gigabyte
DIGIT = "0"  # a number that is not made of digits
FOREIGN = "q"  # a letter of another script; words of it are in no list, and are masked whatever the rules say


def fold(text: str) -> str:
    """The text in ASCII, of the same length."""
    return text if text.isascii() else BEYOND.sub(lambda match: _folded(match[0]), text)


@lru_cache(CHARACTERS)
def _folded(character: str) -> str:
    if found := QUOTES.get(character) or LIKE_ASCII.get(character):
        return found
    if letter := _drawn(character):
        return letter
    plain = _plain(unicodedata.normalize("NFKD", character)[0], is_upper=character.isupper())
    if plain.isalnum() == character.isalnum():
        return plain
    # What is masked is letters and digits: one stays one (a vowel that is written as a mark), a symbol none (`™`).
    return (DIGIT if character.isnumeric() else FOREIGN) if character.isalnum() else OTHER


def _drawn(sign: str) -> str:
    """The letter that a sign is a picture of; empty where it is of none."""
    name = unicodedata.name(sign, "") if unicodedata.category(sign) == "So" else ""
    if found := DRAWN.search(name):
        return found[2].lower() if found[1] == "SMALL" else found[2]
    return FOREIGN if BRAILLE.match(name) else ""


def bare(text: str) -> str:
    """The text of the same length without accents, in any script: what a caller's words are looked for in."""
    return text if text.isascii() else BEYOND.sub(lambda match: _bare(match[0]), text)


@lru_cache(CHARACTERS)
def _bare(character: str) -> str:
    return unicodedata.normalize("NFKD", character)[0]


def _plain(character: str, *, is_upper: bool) -> str:
    if character.isascii():
        return character
    if character == MICRO:
        return "u"
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character.isalpha() or character.isnumeric():
        latin = LATIN.match(unicodedata.name(character, ""))
        letter = latin[1] if latin and latin[1].isascii() else FOREIGN
        return letter.upper() if is_upper else letter.lower()
    return PUNCTUATION.get(unicodedata.category(character), OTHER)


def foreign(text: str) -> list[tuple[int, int]]:
    """Runs of letters that have no Latin counterpart, but for a lone Greek letter, a unit or a term."""
    if text.isascii():
        return []
    return [match.span() for match in WORD_BEYOND.finditer(text) if _is_foreign(match[0])]


def _is_foreign(word: str) -> bool:
    strange = [letter for letter in word if letter.isalpha() and not _is_latin(letter)]
    if not strange:
        return False
    return len(strange) > 1 or not unicodedata.name(unicodedata.normalize("NFKC", strange[0])[0], "").startswith(
        "GREEK"
    )


@lru_cache(CHARACTERS)
def _is_latin(letter: str) -> bool:
    return letter.isascii() or "LATIN" in unicodedata.name(unicodedata.normalize("NFKC", letter)[0], "")


# Begins where a word does and gives nothing back: else a long word costs its square.
WORD_BEYOND = re.compile(r"(?<![^\W_])[A-Za-z0-9]*+[^\W_]++")


def without_marks(text: str) -> list[int] | None:
    """The places of all but combining marks and invisible characters; None where there are none of these.

    They hide a name from the rules, and share the fate of the character before.
    """
    if text.isascii() or not any(_is_mark(match[0]) for match in BEYOND.finditer(text)):
        return None
    return [place for place, character in enumerate(text) if not _is_mark(character)]


def at(text: str, places: Sequence[int] | None) -> str:
    """What stands at the places that `without_marks` has found."""
    return text if places is None else "".join(text[place] for place in places)


@lru_cache(CHARACTERS)
def _is_mark(character: str) -> bool:
    category = unicodedata.category(character)
    return (
        category in ("Mn", "Mc", "Me", "Cf")
        or character in UNDRAWN
        or (category == "Cn" and IGNORED.match(character) is not None)
    )
