"""Runs a module on some of the processors: `python -m bench.pinned 0,1 service`. Linux."""

import os
import sys


def main() -> None:
    """Become it."""
    processors, *module = sys.argv[1:]
    os.sched_setaffinity(0, map(int, processors.split(",")))
    os.execv(sys.executable, [sys.executable, "-m", *module])  # noqa: S606 - as it was told


if __name__ == "__main__":
    main()
