"""Replaces each character by one ASCII character, so that the rules see `Jose Nunez` if a note says `José Núñez`."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

BEYOND = re.compile(r"[^\x00-\x7f]")
# Symbols that people read as letters: Ⓙ, 🇯.
DRAWN = re.compile(r"(?:LATIN (SMALL|CAPITAL)|SYMBOL) LETTER ([A-Z])")
BRAILLE = re.compile(r"BRAILLE PATTERN DOTS-")
LATIN = re.compile(r"LATIN (?:SMALL |CAPITAL )?LETTER (?:SMALL CAPITAL )?(\w)")
PUNCTUATION = {"Pd": "-", "Pi": '"', "Pf": '"', "Zs": " ", "Zl": "\n", "Zp": "\n", "Cc": "\n"}
# Single quotation marks, prime, acute accent, modifier apostrophe.
QUOTES = dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u02bc", "'")
# Signs used like ASCII ones in numbers, dates and addresses, which Unicode does not map to them: minus signs and a
# hyphen bullet, fraction and division slashes, ratio signs, middle dots and East Asian full stops.
LIKE_ASCII = {
    **dict.fromkeys("\u2212\u02d7\u2043", "-"),
    **dict.fromkeys("\u2044\u2215\u29f8\u2571", "/"),
    **dict.fromkeys("\u2236\ua789", ":"),
    **dict.fromkeys("\u00b7\u2027\u2219\u22c5\u30fb\uff65\u3002\uff61", "."),
}
OTHER = "~"  # stands for any other sign; no rule looks for it
MICRO = "\N{GREEK SMALL LETTER MU}"  # what NFKD makes of the micro sign
# Unassigned code points that will be invisible once they are assigned (Unicode's Default_Ignorable_Code_Point).
IGNORED = re.compile("[\u2065\ufff0-\ufff8\U000e0000-\U000e0fff]")
# Invisible, but in no category of invisible characters: the object replacement character and the musical null notehead.
UNDRAWN = "\ufffc\U0001d159"
CHARACTERS = 4096  # entries of each cache; all of Unicode would take a gigabyte
DIGIT = "0"  # stands for a number that is not written in digits
FOREIGN = "q"  # stands for a letter of another script; its words are in no list and are masked whatever the rules say


def fold(text: str) -> str:
    """Return the text in ASCII, with the same length in code points."""
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
    # Letters and digits are masked. So an alphanumeric character must stay one (a vowel that is written as a mark),
    # and a symbol must not become one (`™`).
    return (DIGIT if character.isnumeric() else FOREIGN) if character.isalnum() else OTHER


def _drawn(sign: str) -> str:
    """Return the letter that a symbol depicts; empty if it depicts none."""
    name = unicodedata.name(sign, "") if unicodedata.category(sign) == "So" else ""
    if found := DRAWN.search(name):
        return found[2].lower() if found[1] == "SMALL" else found[2]
    return FOREIGN if BRAILLE.match(name) else ""


def bare(text: str) -> str:
    """Return the text without accents, in any script, with the same length. A caller's words are looked up in it."""
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
    """Return the spans of words with letters that are not Latin.

    A word with one such letter does not count if the letter is Greek: it is a unit or a term.
    """
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


# Begins only at the beginning of a word and does not backtrack. Otherwise a long word would take quadratic time.
WORD_BEYOND = re.compile(r"(?<![^\W_])[A-Za-z0-9]*+[^\W_]++")


def without_marks(text: str) -> list[int] | None:
    """Return the offsets of all characters but combining marks and invisible ones; None if the text has none of these.

    Marks hide a name from the rules. They are masked if the character before them is.
    """
    if text.isascii() or not any(_is_mark(match[0]) for match in BEYOND.finditer(text)):
        return None
    return [place for place, character in enumerate(text) if not _is_mark(character)]


def at(text: str, places: Sequence[int] | None) -> str:
    """Return the characters at the offsets that `without_marks` returned; the whole text for None."""
    return text if places is None else "".join(text[place] for place in places)


@lru_cache(CHARACTERS)
def _is_mark(character: str) -> bool:
    category = unicodedata.category(character)
    return (
        category in ("Mn", "Mc", "Me", "Cf")
        or character in UNDRAWN
        or (category == "Cn" and IGNORED.match(character) is not None)
    )
