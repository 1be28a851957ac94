"""A process of a test: its descendants are known, its output is in a file, and it cannot be left behind."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic

import psutil

from tests.support import keeper

KEEPER_GRACE = 60.0  # seconds for the keeper to kill what is left; it needs a fraction of one


class KeptProcess:
    """A command that runs under `keeper.py`: ended by `close`, or by the end of this process at the latest."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> None:
        """Start the command; what it and its descendants print is appended to `log`."""
        with log.open("ab") as output:
            # A session of its own: a Ctrl-C at the terminal must not reach it before the fixtures have ended it.
            self._keeper = subprocess.Popen(
                [sys.executable, keeper.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                bufsize=0,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        self.returncode: int | None = None
        started = self._report(KEEPER_GRACE)
        if not started:
            raise ProcessStartError("pid", self._keeper.wait(KEEPER_GRACE), log.read_text(errors="replace"))
        self.pid = int(started.removeprefix("pid "))

    def _report(self, timeout: float) -> str:
        """Return the keeper's next line, or nothing if there is none in time."""
        stdout = self._keeper.stdout
        if stdout is None or stdout.closed or not select.select([stdout], [], [], timeout)[0]:
            return ""
        return stdout.readline().decode().strip()

    def wait(self, timeout: float) -> int | None:
        """Return the command's exit status, negative for a signal; None if it still runs after `timeout` seconds."""
        if self.returncode is None and (line := self._report(timeout)):
            self.returncode = int(line.removeprefix("exit "))
        return self.returncode

    @property
    def is_running(self) -> bool:
        """Whether the command itself, descendants aside, has not ended."""
        return self.wait(0) is None

    def send(self, number: signal.Signals) -> None:
        """Signal the command alone; nothing happens if it has ended."""
        if self.is_running:
            os.kill(self.pid, number)

    def descendants(self) -> dict[int, str]:
        """Return all that is alive below us, the command included: its command line by process id."""
        return dict(_command_lines(keeper.descendants_of(self._keeper.pid)))

    def stop(self, grace: float) -> int | None:
        """Ask the command to end, and kill it after `grace` seconds; descendants may live on. Its exit status."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        if self.wait(grace) is None:
            self.send(signal.SIGKILL)
        return self.wait(KEEPER_GRACE)

    def close(self) -> None:
        """End the command and all its descendants at once."""
        if self._keeper.stdin is not None and not self._keeper.stdin.closed:
            self._keeper.stdin.close()
        self._keeper.wait(KEEPER_GRACE)
        if self.returncode is None:
            self.returncode = -signal.SIGKILL
        if self._keeper.stdout is not None:
            self._keeper.stdout.close()


def signal_all(pids: Iterable[int], number: signal.Signals = signal.SIGKILL) -> None:
    """Signal each process. One that has ended meanwhile, as because of another's end, is passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _command_lines(pids: Sequence[int]) -> Iterator[tuple[int, str]]:
    for pid in pids:
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            # A process that has ended and waits to be reaped has no command line: it counts as gone.
            if line := b" ".join(words).decode(errors="replace").strip():
                yield pid, line


def children_with(words: str, *, of: psutil.Process | None = None) -> list[psutil.Process]:
    """Return the living children of a process, by default of this one, with these words in their command lines."""
    children = {child.pid: child for child in (of or psutil.Process()).children()}
    return [children[pid] for pid, line in _command_lines([*children]) if words in line]


def clean_environment(**extra: str) -> dict[str, str]:
    """Return our environment for a process of a test, without what would steer a Hub, a proxy or a client."""
    steering = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_", "PUBLIC_HOST", "SERVICE_", "HUB_", "DEIDENTIFY_", "ALLOW_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(steering) and not name.lower().endswith("_proxy")
    }
    return kept | extra


def wait_until_log_says(process: KeptProcess, log: Path, needle: str, *, start: int, timeout: float) -> None:
    """Return once `needle` is in the log after position `start`.

    Raises:
        ProcessStartError: the process ended first, or `timeout` seconds went by; carries the end of the log.

    """
    deadline = monotonic() + timeout
    while needle.encode() not in log.read_bytes()[start:]:
        status = process.wait(0.02)
        if status is not None or monotonic() > deadline:
            raise ProcessStartError(needle, status, log.read_text(errors="replace")[-6000:])


def wait_until_it_listens(process: KeptProcess, log: Path, port: int, *, timeout: float) -> None:
    """Return once the process takes connections at a port of the loopback interface. Some logs say so too early.

    Raises:
        ProcessStartError: as `wait_until_log_says`.

    """
    deadline = monotonic() + timeout
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        status = process.wait(0.02)
        if status is not None or monotonic() > deadline:
            raise ProcessStartError(f"that it listens at {port}", status, log.read_text(errors="replace")[-6000:])


class ProcessStartError(Exception):
    """A process of a test did not get as far as it should."""

    def __init__(self, needle: str, status: int | None, log: str) -> None:
        """Say what was waited for, how the process ended (None: it runs still) and what it printed."""
        super().__init__(f"never said {needle!r} (exit status {status})\n{log}")
