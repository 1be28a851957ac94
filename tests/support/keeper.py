"""Run one command and outlive it: when standard input closes, end every process that descends from it.

The other end of standard input is held by the process that runs the tests. However that one ends, a kill -9
included, the pipe closes and nothing stays behind. Speaks in lines on standard output: `pid N`, then `exit N`.

Usage: python keeper.py COMMAND [ARGUMENT...]    (the command writes to our standard error)
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>: orphans among our descendants become our children
REAP_EVERY = 0.05  # seconds between two looks at what is left, once everything has been killed


def children_of(pid: int) -> list[int]:
    """Return the direct children of every thread of a process; empty when it is gone."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # the process is gone; below, one of its threads
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, task.read_text().split())
    return found


def descendants_of(pid: int) -> list[int]:
    """Return the whole tree under a process, without itself."""
    return [each for child in children_of(pid) for each in (child, *descendants_of(child))]


def reap() -> dict[int, int]:
    """Collect the ended children: exit status by process id, negative where a signal ended it."""
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    return ended


def end_all() -> None:
    """Kill until nothing is left: a process may be forking while we look."""
    while left := descendants_of(os.getpid()):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        select.select([], [], [], REAP_EVERY)
        reap()


def say(line: str) -> None:
    """Tell whoever started us."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def watch(main: int, woken: int) -> None:
    """Report the end of the command; return when nobody holds our standard input any more."""
    while True:
        readable, _, _ = select.select([sys.stdin, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            ended = reap()
            if main in ended:
                say(f"exit {ended[main]}")
        if sys.stdin in readable and not os.read(sys.stdin.fileno(), 1):
            return


def run(command: list[str]) -> None:
    """Start the command, watch it, and leave nothing of it."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        main = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr)
        say(f"pid {main.pid}")
        watch(main.pid, woken)
    finally:
        end_all()


if __name__ == "__main__":
    run(sys.argv[1:])
