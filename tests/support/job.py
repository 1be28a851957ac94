"""A job of `python -P -m service deidentify`: files for it, the command, and what it wrote."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.notes import note
from tests.support.process import KeptProcess, clean_environment

CANARY = "Quackenbush"
LIMIT = 300.0  # seconds that a job of a test may take


def write_notes(folder: Path, count: int) -> None:
    """Fill a folder with so many notes in a file, and a few more in files of each kind, some of no use."""
    many = [{"id": number, "text": note(number, 2000, beyond=number % 5 == 0)} for number in range(count)]
    files = {
        "a/1.txt": f"Seen by Dr. {CANARY}.".encode(),
        "a/2.txt": note(count, 2000).encode(),
        "a/not UTF-8.txt": f"{CANARY}\xe9".encode("latin-1"),
        "b.ndjson": b"".join(json.dumps(line).encode() + b"\n" for line in many),
        "c/d.jsonl": f'{{"text": "Dr. {CANARY}"}}\n\n{{"text": "{CANARY}\n{{"id": "x"}}\n{{"text": "a"}}'.encode(),
        "e.ndjson": b"",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def written(out: Path) -> dict[str, bytes]:
    """What a job has written, by relative name."""
    paths = sorted(path for path in out.rglob("*") if path.is_file() and path.name != ".deidentify.json")
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


def lines_written(out: Path) -> int:
    """How many lines there are of all, finished or not, while the job runs."""
    count = 0
    for path in out.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # it has just been given its name
            count += path.read_bytes().count(b"\n") if ".deidentify" not in path.name else 0
    return count


class Job:
    """The command, running; `said` is what it has said."""

    def __init__(self, process: KeptProcess, log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def said(self) -> str:
        """All that it printed."""
        return self.log.read_text()

    def status(self) -> int | None:
        """Wait for its end. None: it lasts too long."""
        return self.process.wait(LIMIT)


@contextmanager
def job(*arguments: object, home: Path, before: str = "", **environment: str) -> Iterator[Job]:
    """Run the command until the block ends. `before`: for the shell, in front of it; `home`: where its output goes."""
    command = [sys.executable, "-P", "-m", "service", "deidentify", *map(str, arguments)]
    if before:
        command = ["sh", "-c", f'{before}; exec "$@"', "sh", *command]
    log = home / "job.log"
    log.write_bytes(b"")
    process = KeptProcess(command, env=clean_environment(**environment), cwd=home, log=log)
    try:
        yield Job(process, log)
    finally:
        process.close()


def done(*arguments: object, home: Path, before: str = "", **environment: str) -> tuple[int | None, str]:
    """Run the command to its end. Returns its status and what it said."""
    with job(*arguments, home=home, before=before, **environment) as running:
        return running.status(), running.said
