"""Tags words with their part of speech. The rules distinguish names (NNP), numbers (CD) and everything else."""

import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

# Words that are no names even if they are capitalized, as at the beginning of a sentence: the closed word classes and
# common adverbs.
CLOSED = frozenset(
    """
    a an the this that these those my your his her its our their each every either neither some any no all both half
    few many much more most several such what which whose whatever i me you he him she it we us they them who whom
    myself himself herself itself ourselves themselves one ones someone something anyone anything everyone everything
    nobody nothing none am is are was were be been being do does did done have has had having can could may might must
    shall should will would and or but nor so yet for if unless until while when whenever where wherever because
    although though since as than that whether of in on at by with without within from to into onto upon under over
    above below between among through during before after about against across along around behind beside besides
    beyond despite down except inside like near off out outside past per regarding throughout toward towards up via
    versus not never always often sometimes usually now then there here today tomorrow yesterday again also just only
    still too very once however therefore thus hence otherwise instead furthermore moreover please how why yes
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
NUMBERS = frozenset(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
    """.split()  # noqa: SIM905 - likewise
)
NUMERAL = re.compile(
    r"[0-9]+(?:mg|mcg|ug|g|kg|lbs?|ml|cc|dl|l|mm|cm|m|ft|iu|u|units?|meq|mmol|bpm|hrs?|h|min|s|ms|d|x|st|nd|rd|th|yo|am|pm)?",
    re.IGNORECASE,
)


class Tagger(Protocol):
    """Tags the pieces of a note: words and white space. Other characters are given as spaces."""

    @property
    def name(self) -> str:
        """The tagger's name in replies."""

    def tag(self, pieces: Sequence[str]) -> Sequence[str]:
        """Return one Penn Treebank tag for each piece."""


class RuleTagger:
    """Tags words by simple rules.

    A capitalized word is a name unless it is in CLOSED. A word of digits is a number, also with a unit right after it.
    """

    name = "rules"

    def tag(self, pieces: Sequence[str]) -> Sequence[str]:
        """Return `NNP` for names, `CD` for numbers and `FW` for everything else."""
        tags = {piece: _tag(piece) for piece in set(pieces)}
        return [tags[piece] for piece in pieces]


def _tag(piece: str) -> str:
    first = piece[0]
    if first.isupper():
        return "FW" if piece.lower() in CLOSED else "NNP"
    if first.isdigit():
        return "CD" if NUMERAL.fullmatch(piece) else "FW"
    return "CD" if piece in NUMBERS else "FW"


class PerceptronTagger:
    """Tags words with nltk's averaged perceptron. Its data must be installed."""

    name = "averaged_perceptron_tagger_eng"

    def __init__(self) -> None:
        # Raises LookupError if the data is not installed. It is never downloaded.
        self._tagger = import_module("nltk.tag.perceptron").PerceptronTagger()

    def tag(self, pieces: Sequence[str]) -> Sequence[str]:
        """Return Penn Treebank tags, as `nltk.pos_tag` does."""
        return [tag for _, tag in self._tagger.tag(list(pieces))]


def installed() -> Tagger:
    """Return nltk's tagger if its data is installed, else the tagger with rules."""
    if not any((place / "taggers" / PerceptronTagger.name).exists() for place in places()):
        return RuleTagger()  # nltk takes a second to import, and few have its data
    try:
        return PerceptronTagger()
    except LookupError:
        return RuleTagger()


def places() -> list[Path]:
    """Where nltk looks for its data (`nltk.data.path`)."""
    told = [Path(place) for place in os.environ.get("NLTK_DATA", "").split(os.pathsep) if place]
    own = [Path(sys.prefix, *parts) for parts in ((), ("share",), ("lib",))]
    system = map(Path, ("/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib"))
    return [*told, *(place / "nltk_data" for place in (Path("~").expanduser(), *own, *system))]
