"""Counts what was found and what was lost, with intervals.

A word is a run of letters or digits, and identifies if any of it is marked. It is found when no marked letter or digit
of it can be read any more.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from service.apps.deidentify.evaluation.gold import NEUTRAL, Gold, Mark

WORD = re.compile(r"[^\W_]+")
ROUNDS = 1000  # of the bootstrap
SEED = 20_26
TAIL = 0.025  # of each side: 95 % lie between


@dataclass(frozen=True, slots=True)
class Score:
    """One note. `found` and `marked`: identifying words by type; `lost` and `others`: other words, masked and all.

    `whole`: marks of which nothing can be read, of `marks`. `verbatim`: marks whose text stands somewhere in the masked
    note, word for word. `leaked`: the identifying words that can be read.
    """

    found: Counter[str]
    marked: Counter[str]
    lost: int
    others: int
    whole: int
    marks: int
    verbatim: int = 0
    leaked: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def score(gold: Gold, masked: str) -> Score:
    """Compare a note with its masked text, of the same length (asterisks)."""
    types = [""] * len(gold.text)
    for mark in gold.marks:
        types[mark.start : mark.stop] = [mark.type] * (mark.stop - mark.start)
    found: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    lost = others = 0
    leaked = []
    for match in WORD.finditer(gold.text):
        places = [place for place in range(*match.span()) if types[place]]  # a mark may begin within: `MRN1234567`
        identifying = [place for place in places if types[place] != NEUTRAL]
        if not places:
            others += 1
            lost += masked[match.start() : match.end()] != match[0]
        elif identifying:
            kind = types[identifying[0]]
            marked[kind] += 1
            if any(masked[place].isalnum() for place in identifying):
                leaked.append((kind, match[0]))
            else:
                found[kind] += 1
    counted = [mark for mark in gold.marks if mark.type != NEUTRAL]
    whole = sum(not any(map(str.isalnum, masked[mark.start : mark.stop])) for mark in counted)
    verbatim = sum(_is_left(mark, gold.text, masked) for mark in counted)
    return Score(found, marked, lost, others, whole, len(counted), verbatim, tuple(leaked))


def _is_left(mark: Mark, text: str, masked: str) -> bool:
    """Whether an identifier stands in its place or, word for word and in any letter case, elsewhere."""
    identifier = text[mark.start : mark.stop]
    return masked[mark.start : mark.stop] == identifier or _stands_in(identifier, masked)


def _stands_in(identifier: str, masked: str) -> bool:
    return re.search(rf"(?<![^\W_]){re.escape(identifier)}(?![^\W_])", masked, re.IGNORECASE) is not None


def recall(scores: Sequence[Score], kind: str = "") -> float:
    """The share of identifying words that were found, of one type or of all; 1 where there are none."""
    marked = sum(score.marked[kind] if kind else score.marked.total() for score in scores)
    found = sum(score.found[kind] if kind else score.found.total() for score in scores)
    return found / marked if marked else 1.0


def precision(scores: Sequence[Score]) -> float:
    """The share of masked words that identify; 1 where none is masked."""
    found = sum(score.found.total() for score in scores)
    masked = found + sum(score.lost for score in scores)
    return found / masked if masked else 1.0


def kept(scores: Sequence[Score]) -> float:
    """The share of other words that can be read still; 1 where there are none."""
    others = sum(score.others for score in scores)
    return 1 - sum(score.lost for score in scores) / others if others else 1.0


def whole(scores: Sequence[Score]) -> float:
    """The share of identifiers of which nothing can be read; 1 where there are none."""
    marks = sum(score.marks for score in scores)
    return sum(score.whole for score in scores) / marks if marks else 1.0


def verbatim(scores: Sequence[Score]) -> float:
    """The share of identifiers that still stand in their note word for word; 0 where there are none."""
    marks = sum(score.marks for score in scores)
    return sum(score.verbatim for score in scores) / marks if marks else 0.0


def without_leak(scores: Sequence[Score]) -> float:
    """The share of notes in which no identifying word can be read; 1 where there are none."""
    return sum(not score.leaked for score in scores) / len(scores) if scores else 1.0


def interval(
    scores: Sequence[Score], measure: Callable[[Sequence[Score]], float], *, rounds: int = ROUNDS, seed: int = SEED
) -> tuple[float, float]:
    """The interval in which a measure lies in 95 of 100 draws of as many notes (bootstrap over notes)."""
    random = Random(seed)  # noqa: S311 - chance, not secrecy
    values = sorted(measure(random.choices(scores, k=len(scores))) for _ in range(rounds)) if scores else [1.0]
    return values[int(TAIL * len(values))], values[min(int((1 - TAIL) * len(values)), len(values) - 1)]
