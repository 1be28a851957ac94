"""Starts the processes of engines and models: apart from the service, with little of its environment."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

NICENESS = 10  # the service's own process has priority
OOM_SCORE = "500"  # of 1000: if memory runs out, the kernel ends this process before the service
# The environment variables that such a process inherits: the paths of programs, libraries and data, and the locale. The
# process handles untrusted text, so it gets neither the Hub's token nor the password of a database.
_INHERITED = frozenset(
    """
    PATH HOME TMPDIR TZ LANG LANGUAGE LD_LIBRARY_PATH LD_PRELOAD MALLOC_ARENA_MAX NLTK_DATA PYTHONHOME PYTHONUTF8
    PYTHONIOENCODING PYTHONHASHSEED PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX PYTHONNOUSERSITE
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
# nltk loads numpy, which would start threads. A process with threads must not fork.
_WITHOUT_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_PROGRAM = "import sys; sys.path[:] = {path!r}; from {module} import main; main({control}, {argument!r})"


def spawn(module: str, argument: str) -> tuple["subprocess.Popen[bytes]", socket.socket]:
    """Start a process, and return it and the connection to it.

    It runs the module's function `main`, with the file descriptor of its end of the connection, and the argument.

    Raises:
        OSError: the system refuses another process, or a file descriptor.
    """
    ours, theirs = socket.socketpair()
    program = _PROGRAM.format(path=sys.path, module=module, control=theirs.fileno(), argument=argument)
    try:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-c", program],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
    except BaseException:
        ours.close()
        raise
    return process, ours


def end(process: "subprocess.Popen[bytes] | None", connection: socket.socket | None) -> None:
    """End what `spawn` has started, as far as there is anything."""
    if connection is not None:
        connection.close()
    if process is not None:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith("LC_")}
    return kept | _WITHOUT_THREADS


def dump_no_core() -> int:
    """Disable core dumps, which would contain notes, and return the limit that does so.

    It is 1 byte. Where core dumps go to a program, such as systemd-coredump, Linux makes them despite a limit of 0, but
    not with 1 (fs/coredump.c). If the hard limit is 0, it stays so.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = 1 if hard else 0
    resource.setrlimit(resource.RLIMIT_CORE, (limit, hard))
    return limit


def withdraw() -> None:
    """Give the service priority over this process, and disable core dumps. Called first in such a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes that the service has started
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    os.nice(NICENESS)
    core = dump_no_core()
    resource.setrlimit(resource.RLIMIT_CORE, (core, core))
    with contextlib.suppress(OSError):  # not on Linux
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")
