"""Models for tests: one that sees what a note tells it to, and some that do not load."""

import ctypes
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

FLAG = "NLTK_DATA"  # in the environment: the file that `load_when_told` wants; see `obedient`
NAME = "seeing 1"


class Seeing:
    """Sees `rose` and each word `zz…`, of any letters, as a name; obeys a note that begins with a command."""

    name = NAME

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """See `Model`."""
        command, *arguments = text.split(" ")
        if command == "hang":
            Path(f"{arguments[0]}.begun").touch()
            re.match(r"(\w+\d?)+!", "a" * 100 + text)
        if command == "crash":
            ctypes.memset(0, 1, 1)
        if command == "fail":
            raise RuntimeError(text)
        if command == "lie":
            yield 0, len(text) + 1, "NAME"
        if command == "sleep":
            time.sleep(3600)
        if command == "pid":
            yield 0, 1, "NAME" if os.getpid() else "ID"
        for match in re.finditer(r"\b(?:zz\w*|rose\b)", text, re.IGNORECASE):
            yield *match.span(), "NAME"


def load() -> Seeing:
    """Load it at once."""
    return Seeing()


def load_when_told() -> Seeing:
    """Fail as long as there is no file."""
    if not Path(os.environ[FLAG]).exists():
        raise LookupError("no data")
    return Seeing()


def load_never() -> NoReturn:
    """End instead."""
    os._exit(4)
