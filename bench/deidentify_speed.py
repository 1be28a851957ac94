"""How fast the engine is beside philter-lite, in one process, on new notes: `python -m bench.deidentify_speed`.

Repeated notes would flatter the engine, whose automata are made as they are needed. Both are asked in turn about each
note, and give the same text; ratios are of the sums.
"""

import argparse
import sys
from dataclasses import dataclass
from time import perf_counter

import psutil

from bench.deidentify_table import MISSED, head, row, wanted
from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.tagging import RuleTagger
from tests.support import philter
from tests.support.notes import note

TAGGER = RuleTagger()
WARM = 20  # notes before measuring


@dataclass(frozen=True)
class Notes:
    """Notes of one kind: characters of each, with some beyond ASCII in every one or not, and how many there are."""

    title: str
    size: int
    beyond: bool
    count: int
    least: float  # times as fast as philter-lite


KINDS = (
    Notes("2 kB", 2_000, beyond=False, count=150, least=8),
    Notes("20 kB", 20_000, beyond=False, count=6, least=15),
    Notes("2 kB, with curly quotes and accents in every one", 2_000, beyond=True, count=150, least=6),
)


def main() -> int:
    """Print a table; 1 where the engine falls short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed * 1_000_000
    philter.filters()
    before, began = psutil.Process().memory_info().rss, perf_counter()
    engine = Engine.load(TAGGER)
    loaded, after = perf_counter() - began, psutil.Process().memory_info().rss
    rows = [head("unseen notes", "philter-lite", "ours, `compat`", "times as fast", "wanted", "", "ours, default")]
    for kind in KINDS:
        rows.append(measure(engine, kind, seed))
        seed += kind.count + WARM
    print("\n".join(rows))
    print(f"\nTo load takes {loaded:.1f} s and {(after - before) / 1e6:.0f} MB.")
    return int(MISSED in "".join(rows))


def measure(engine: Engine, kind: Notes, seed: int) -> str:
    """One line of the table."""
    theirs, ours, default = run(engine, kind, seed)
    ratio = theirs / ours
    times = [f"{seconds / kind.count * 1e3:,.1f} ms" for seconds in (theirs, ours, default)]
    return row([kind.title, *times[:2], f"{ratio:.1f} x", *wanted(ratio, least=kind.least), times[2]])


def run(engine: Engine, kind: Notes, seed: int) -> tuple[float, float, float]:
    """Seconds that philter-lite, the engine with `compat` and the engine took.

    Raises:
        AssertionError: the first two differ: see bench.deidentify_equal.
    """
    for number in range(WARM):
        engine.deidentify(note(seed + number, min(kind.size, 2_000), beyond=kind.beyond), compat=bool(number % 2))
    theirs = ours = default = 0.0
    for number in range(kind.count):
        text = note(seed + WARM + number, kind.size, beyond=kind.beyond)
        start = perf_counter()
        mine = engine.deidentify(text, compat=True).text
        ours += perf_counter() - start
        start = perf_counter()
        reference = philter.asterisks(text, TAGGER)
        theirs += perf_counter() - start
        start = perf_counter()
        engine.deidentify(text)
        default += perf_counter() - start
        assert mine == reference
    return theirs, ours, default


if __name__ == "__main__":
    sys.exit(main())
