"""How fast the engine is beside philter-lite, in one process, on new notes: `python -m bench.deidentify_speed`.

Repeated notes would flatter the engine, whose automata are made as they are needed. Both are asked in turn about each
note, and give the same text; ratios are of the sums.
"""

import argparse
import resource
import sys
from time import perf_counter

from service.deidentify import Engine
from service.deidentify.tagging import RuleTagger
from tests.support import philter
from tests.support.notes import note

# name -> characters, beyond ASCII, notes, at least so many times as fast
ROWS = {
    "2 kB": (2_000, False, 150, 8.0),
    "20 kB": (20_000, False, 6, 15.0),
    "2 kB, quotes and accents": (2_000, True, 150, 6.0),
}
WARM = 20  # notes before measuring


def main() -> int:
    """Print a table; 1 where the engine falls short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed * 1_000_000
    philter.use(RuleTagger())
    philter.filters()
    before, began = memory(), perf_counter()
    engine = Engine.load(RuleTagger())
    loaded, after = perf_counter() - began, memory()
    sys.stdout.write("| notes | philter-lite | ours, compat | times as fast | ours, default | at least |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- | --- |\n")
    failed = False
    for name, (size, beyond, count, least) in ROWS.items():
        theirs, ours, default = run(engine, seed, size, count, beyond=beyond)
        seed += count + WARM
        failed |= theirs / ours < least
        sys.stdout.write(
            f"| {name} | {theirs / count * 1e3:.1f} ms | {ours / count * 1e3:.1f} ms | {theirs / ours:.1f} "
            f"| {default / count * 1e3:.1f} ms | {least:.0f} |\n"
        )
    sys.stdout.write(
        f"\nLoading on top of philter-lite: {loaded:.1f} s, {after - before} MB; at the peak {memory()} MB in all.\n"
    )
    return int(failed)


def memory() -> int:
    """The most that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def run(engine: Engine, seed: int, size: int, count: int, *, beyond: bool) -> tuple[float, float, float]:
    """Seconds that philter-lite, the engine in compat and the engine took."""
    for number in range(WARM):
        engine.deidentify(note(seed + number, min(size, 2_000), beyond=beyond), compat=bool(number % 2))
    theirs = ours = default = 0.0
    for number in range(count):
        text = note(seed + WARM + number, size, beyond=beyond)
        start = perf_counter()
        mine = engine.deidentify(text, compat=True).text
        ours += perf_counter() - start
        start = perf_counter()
        reference = philter.asterisks(text)
        theirs += perf_counter() - start
        start = perf_counter()
        engine.deidentify(text)
        default += perf_counter() - start
        if mine != reference:
            raise SystemExit("The texts differ: see bench.deidentify_equal.")
    return theirs, ours, default


if __name__ == "__main__":
    sys.exit(main())
