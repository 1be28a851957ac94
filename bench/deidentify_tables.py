"""A large table through the command, killed and gone on with: `python -m bench.deidentify_tables --rows 100000`.

Linux. Says how long it takes, how much memory the command takes without its engines, and whether the table that was
killed is the one that was not, byte by byte. With `--dask`, a cluster makes the one that is killed, and this machine
the other.
"""

import argparse
import csv
import signal
import subprocess
import sys
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import psutil

from bench.deidentify_table import MISSED, head, row, wanted
from tests.support.notes import note

MEMORY = 250.0  # MB of the command itself, however many rows there are
DEADLINE = 300  # seconds for a note, so that none fails where the machine is busy
EVERY = 0.2  # seconds between two looks at the memory


def main() -> int:
    """Print a table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=300, help="characters of a note")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--dask", help="the address of a scheduler, for a cluster in place of this machine")
    options = parser.parse_args()
    where = ["--dask", options.dask] if options.dask else []
    with TemporaryDirectory() as home:
        path, whole, killed = (Path(home) / name for name in ("table.csv", "whole", "killed"))
        write(path, options.rows, options.size)
        what = f"{options.rows:,} rows, notes of {options.size} characters"
        lines = [head("what", "", "wanted", ""), row([what, f"{path.stat().st_size / 1e6:.0f} MB", "", ""])]
        lines += told("", options.rows, [run(path, whole)])
        ends = [size(whole) * kill // (options.kills + 1) for kill in range(1, options.kills + 1)]
        parts = [run(path, killed, where, until=end) for end in [*ends, None]]
        lines += told(f", killed {options.kills} times", options.rows, parts)
        same = digest(whole / path.name) == digest(killed / path.name)
        lines.append(row(["the same bytes", str(same), "True", "reached" if same else MISSED]))
    report = "\n".join(lines)
    print(report)
    return int(MISSED in report)


def write(path: Path, rows: int, size: int) -> None:
    """A table of notes, each of its own."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "note", "ward"])
        out.writerows([number, note(number, size), "A 3"] for number in range(rows))


def told(how: str, rows: int, parts: Sequence[tuple[float, float]]) -> list[str]:
    """Lines of the report on one table, made in parts. Each took some seconds, and some MB of memory."""
    seconds, peak = sum(taken for taken, _ in parts), max(peak for _, peak in parts)
    return [
        row([f"rows a second{how}", f"{rows / seconds:.0f}", "", ""]),
        row([f"memory of the command{how}", f"{peak:.0f} MB", *wanted(peak, most=MEMORY, unit="MB")]),
    ]


def size(folder: Path) -> int:
    """Bytes of all files in a folder; 0 if it is not there."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def run(path: Path, out: Path, where: Sequence[str] = (), *, until: int | None = None) -> tuple[float, float]:
    """Run the command, and kill it once so many bytes are written. Returns its seconds and its peak of memory in MB."""
    command = [sys.executable, "-P", "-m", "service", "deidentify", path, "-o", out, "--column", "note", *where]
    command += ["--deadline", DEADLINE, "--language", "any"]
    start, peak = perf_counter(), 0.0
    with subprocess.Popen(list(map(str, command))) as process:
        while process.poll() is None:
            try:
                peak = max(peak, psutil.Process(process.pid).memory_full_info().pss / 1e6)
            except psutil.Error:
                break
            if until is not None and size(out) >= until:
                process.send_signal(signal.SIGKILL)
                break
            sleep(EVERY)
    assert until is not None or process.returncode == 0, "the command failed"
    return perf_counter() - start, peak


def digest(path: Path) -> bytes:
    """What tells a file from another."""
    found = blake2b()
    with path.open("rb") as file:
        while piece := file.read(1_000_000):
            found.update(piece)
    return found.digest()


if __name__ == "__main__":
    sys.exit(main())
