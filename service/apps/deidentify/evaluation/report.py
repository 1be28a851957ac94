"""The table of an evaluation: what was found and lost, by letter case and by type, with intervals."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random

from service.apps.deidentify.engine.lexicon import lines
from service.apps.deidentify.evaluation import scoring
from service.apps.deidentify.evaluation.gold import Gold
from service.apps.deidentify.evaluation.scoring import Score, interval, score
from service.apps.deidentify.evaluation.variants import changed, in_case

NAMES = 2000  # of the lists, of which some stand in for those of the notes
SEED = 7
MEASURES: tuple[tuple[str, Callable[[Sequence[Score]], float]], ...] = (
    ("recall", scoring.recall),
    ("precision", scoring.precision),
    ("other words kept", scoring.kept),
    ("identifiers masked whole", scoring.whole),
    ("identifiers left verbatim", scoring.verbatim),
    ("notes without a leak", scoring.without_leak),
)

Mask = Callable[[str], str]


def evaluate(notes: Sequence[Gold], mask: Mask, *, rounds: int = scoring.ROUNDS) -> Iterator[str]:
    """The lines of the table. `mask`: a note to its masked text, of the same length."""
    yield f"{len(notes)} notes, {sum(len(note.marks) for note in notes)} identifiers. Percent, with 95 % intervals."
    for title, variant in variants(notes):
        scores = [score(note, mask(note.text)) for note in variant]
        yield ""
        yield title
        for name, measure in MEASURES:
            low, high = interval(scores, measure, rounds=rounds)
            yield f"  {name:26} {100 * measure(scores):6.1f}   ({100 * low:.1f} to {100 * high:.1f})"
        yield from _by_type(scores)


def variants(notes: Sequence[Gold]) -> Iterator[tuple[str, list[Gold]]]:
    """The notes as they are, in small letters, in capitals, and with other names, dates and numbers."""
    random = Random(SEED)  # noqa: S311 - chance, not secrecy
    names = [*lines("given.txt")[:NAMES], *lines("surnames.txt")[:NAMES]]
    yield "as written", list(notes)
    yield "in small letters", list(_each(in_case(note, str.lower) for note in notes))
    yield "in capitals", list(_each(in_case(note, str.upper) for note in notes))
    yield "other names, dates, numbers", [changed(note, random, names) for note in notes]


def _each(notes: Iterable[Gold | None]) -> Iterator[Gold]:
    return (note for note in notes if note is not None)


def _by_type(scores: Sequence[Score]) -> Iterator[str]:
    marked: Counter[str] = sum((each.marked for each in scores), Counter())
    for kind, count in sorted(marked.items()):
        left = count - sum(each.found[kind] for each in scores)
        yield f"  {kind:26} {100 * scoring.recall(scores, kind):6.1f}   ({left} of {count} words left)"
