"""Become a program that may make some system calls only, and no memory executable: what systemd does with a unit.

    python confined.py SYSTEM,CALLS program arguments...

Any other call fails with EPERM. Runs by itself, as the first thing of a new process; needs no root.
"""

import ctypes
import errno
import os
import subprocess
import sys
from collections.abc import Sequence

LIBRARY = "libseccomp.so.2"  # systemd's own; comes with it
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_SET_MDWE, _REFUSE_EXEC_GAIN = 65, 1  # since Linux 6.3; before, memory stays as it is


def allowed_by(filters: Sequence[str]) -> list[str]:
    """Return the calls that `SystemCallFilter=` lines leave, in their order; names as `systemd-analyze` lists them."""
    left: set[str] = set()
    for line in filters:
        names = {name for word in line.removeprefix("~").split() for name in _calls(word)}
        left = left - names if line.startswith("~") else left | names
    return sorted(left)


def _calls(word: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True)
    words = [line.strip() for line in listed.stdout.splitlines()[1:]]
    return {name for each in words if each and not each.startswith("#") for name in _calls(each)}


def refuses_executable_memory() -> bool:
    """Whether this kernel can be told to."""
    return tuple(int(number) for number in os.uname().release.split(".")[:2]) >= (6, 3)


def main() -> None:
    """Confine this process, and run the program in it."""
    allowed, *command = sys.argv[1:]
    seccomp, libc = ctypes.CDLL(LIBRARY), ctypes.CDLL(None, use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(_REFUSE))
    for name in allowed.split(","):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # others are of other machines
            seccomp.seccomp_rule_add(rules, _ALLOW, number, 0)
    libc.prctl(_SET_MDWE, _REFUSE_EXEC_GAIN, 0, 0, 0)
    if seccomp.seccomp_load(rules):
        sys.exit("the kernel takes no filter")
    os.execv(command[0], command)  # noqa: S606 (no shell is what is wanted)


if __name__ == "__main__":
    main()
