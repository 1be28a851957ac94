"""Engines for tests: one that does what the note tells it to, and some that do not load.

A note's first word is what to do, the second what with; others are masked, each letter.
"""

import ctypes
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from service.apps.deidentify.engine.engine import About, Engine, Result
from service.apps.deidentify.engine.explanation import Contents
from service.apps.deidentify.engine.tagging import RuleTagger

ABOUT = About("obedient", "1", "what the note says", "none")
MEMORY = 1 << 30  # bytes of addresses; Python with what it has loaded takes some 300 MB
# In the environment: the file that `load_when_told` wants, or that `load_and_count` writes. It is one of the few
# variables that an engine's process gets, and an obedient engine has no other use for it.
FLAG = "NLTK_DATA"


class Obedient:
    """Does what the note says."""

    about = ABOUT
    contents = Contents()

    def deidentify(self, text: str, **_: object) -> Result:
        """Return the note with each letter masked, if it comes to that."""
        command, *arguments = text.split(" ")
        new = str(COMMANDS.get(command, masked)(text, *arguments))
        return Result(new, (), {}, len(text) + (command == "mistake"))


def masked(text: str, *_: str) -> str:
    """Every letter a star."""
    return re.sub(r"\w", "*", text)


def has_begun(path: Path) -> bool:
    """Whether a note that waits for this file, or hangs, has come to an engine."""
    return Path(f"{path}.begun").exists()


def wait(text: str, path: str, *_: str) -> str:
    """Say that it has begun (`<path>.begun`), and wait for the file."""
    Path(f"{path}.begun").touch()
    while not Path(path).exists():
        time.sleep(0.002)
    return masked(text)


def hang(text: str, path: str, *_: str) -> str:
    """Say that it has begun, and never come back, nor let another thread run."""
    Path(f"{path}.begun").touch()
    return str(re.match(r"(\w+\d?)+!", "a" * 100 + text))


def fail(text: str, *_: str) -> NoReturn:
    """Fail, with the note in the error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - what an engine must not do
    print(text, flush=True)  # noqa: T201 - likewise
    raise RuntimeError(text)


def exhaust(text: str, *_: str) -> str:
    """Take all memory there is."""
    notes = [text]
    while True:
        notes.append("".join(notes))


def leave(_text: str, *_: str) -> NoReturn:
    """End the process."""
    os._exit(3)


def crash(_text: str, *_: str) -> NoReturn:
    """Write where nothing is."""
    ctypes.memset(0, 1, 1)
    raise AssertionError("still there")


def garble(text: str, *_: str) -> str:
    """Write the note into whatever is open."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, text.encode() * 10)
        except OSError:
            continue
    return masked(text)


def mistake(text: str, *_: str) -> str:
    """Answer for another note; see `Obedient`."""
    return masked(text)


def record(text: str, path: str, line: str, *_: str) -> str:
    """Add a line to the file."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    return masked(text)


def inside(_text: str, *_: str) -> Mapping[str, object]:
    """Tell about the process."""
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "files": [str(file.readlink()).partition(":")[0] for file in sorted(Path("/proc/self/fd").iterdir())[:-1]],
        "environment": dict(os.environ),
        "main": getattr(sys.modules["__main__"], "__file__", None),
    }


COMMANDS: Mapping[str, Callable[..., object]] = {
    command.__name__: command for command in (wait, hang, fail, exhaust, leave, crash, garble, mistake, record, inside)
}


def load() -> Obedient:
    """Load it at once."""
    return Obedient()


def load_with_little_memory() -> Obedient:
    """Load it where no note may take more than a gigabyte."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    return Obedient()


def load_and_count() -> Obedient:
    """Add a line to a file for each attempt, and fail."""
    with Path(os.environ[FLAG]).open("a", encoding="utf-8") as file:
        file.write("once more\n")
    raise LookupError("no data")


def load_when_told() -> Obedient:
    """Fail as long as there is no file."""
    if not Path(os.environ[FLAG]).exists():
        raise LookupError("no data")
    return Obedient()


def load_never() -> Obedient:
    """End instead."""
    sys.exit(4)


def load_slowly() -> Obedient:
    """Load it when there is a file."""
    while not Path(os.environ[FLAG]).exists():
        time.sleep(0.002)
    return Obedient()


def load_with_rules() -> Engine:
    """The real one, whatever nltk has installed."""
    return Engine.load(RuleTagger())
