"""Recognizes notes that are not in English, which the rules do not know.

The recognition is CLD2's (Google's Compact Language Detector 2): a table of letter sequences inside the package, no
network, a twentieth of a millisecond a note. A note is refused only where several signs agree: to refuse an English
note would stop somebody's work.
"""

import re
from collections.abc import Mapping

import pycld2

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.folding import fold
from service.apps.deidentify.engine.tagging import CLOSED
from service.apps.deidentify.errors import LanguageUnsupportedError

WORD = re.compile(r"[^\W\d_]{2,}")
ADDRESS = re.compile(r"\S*(?:://|@|\bwww\.)\S*")  # of the web, or of mail: its words are of no language
FEWEST_WORDS = 8  # with fewer, names alone can look like a language
# Scripts without spaces between words: Thai, Lao, Japanese, Chinese. Two characters count as a word.
UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
SURE = 75  # percent of the text
ENGLISH = "en"
SOME_ENGLISH = 15  # percent of the text, from which on it is taken
FUNCTION_WORDS = 0.12  # share of English function words, from which on it is taken
KNOWN_WORDS = 0.85  # share of words of the lists, names among them, from which on it is taken
# Words that are function words in other languages too.
SHARED = word_class("shared-function-words")


def check(text: str, flags: Mapping[str, int]) -> None:
    """Accept text in English, and text that is too short to tell. `flags`: of the lexicon.

    Raises:
        LanguageUnsupportedError: it is in another language.
    """
    language = other_language(text, flags)
    if language:
        raise LanguageUnsupportedError(language)


def other_language(text: str, flags: Mapping[str, int]) -> str:
    """The English name of the language of a text, such as `German`; empty for English, and where nothing is sure."""
    try:
        is_reliable, _, found = pycld2.detect(text, isPlainText=True)
    except pycld2.error:  # characters that it does not take
        return ""
    name, code, percent, _ = found[0]
    english = sum(share for _, other, share, _ in found if other == ENGLISH)
    if not is_reliable or code in (ENGLISH, "un") or percent < SURE or english >= SOME_ENGLISH:
        return ""
    text = ADDRESS.sub(" ", text)
    words = WORD.findall(text.lower())
    if len(words) < FEWEST_WORDS and len(words) + len(UNSPACED.findall(text)) // 2 < FEWEST_WORDS:
        return ""
    own = sum(word in CLOSED and word not in SHARED for word in words)
    known = sum(flags.get(fold(word), 0) > 0 for word in words)
    if own > FUNCTION_WORDS * len(words) or known > KNOWN_WORDS * len(words):
        return ""
    return str(name).title()
