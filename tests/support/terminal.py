"""A program at a terminal, as its user sees it."""

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic

from tests.support.node import REPOSITORY
from tests.support.polling import BUSY
from tests.support.process import clean_environment


class Terminal:
    """What is on the screen, and the keyboard. Standard output goes elsewhere, as in `$(…)`."""

    def __init__(self, keyboard: int, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.screen = ""
        self._keyboard = keyboard

    def wait_for(self, pattern: str) -> str:
        """Return the first group of what appears on the screen. Raises TimeoutError."""
        deadline = monotonic() + BUSY
        while not (found := re.search(pattern, self.screen)):
            ready, _, _ = select.select([self._keyboard], [], [], max(0.0, deadline - monotonic()))
            if not ready:
                raise TimeoutError(f"{pattern} is not on the screen: {self.screen}")
            try:
                self.screen += os.read(self._keyboard, 4096).decode()
            except OSError:  # the program has ended
                raise TimeoutError(f"{pattern} will not appear: {self.screen}") from None
        return found[1]

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._keyboard, f"{line}\n".encode())

    def ended(self) -> int:
        """Wait for the end of the program, and return its status."""
        return self.process.wait(BUSY)


@contextmanager
def service_at_a_terminal(*arguments: str, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Run `python -P -m service` at a terminal."""
    keyboard, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "service", *arguments],
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.DEVNULL,
            env=clean_environment(PYTHONPATH=str(REPOSITORY), **environment),
        )
        os.close(theirs)
        try:
            yield Terminal(keyboard, process)
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(keyboard)
