"""What Linux knows of an SQLite file: who holds its locks, and whether its file system keeps them."""

import os
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
# Their locks and shared memory are not those of a local disk, which SQLite's WAL needs (https://sqlite.org/wal.html).
_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "afs", "9p", "lustre", "ceph", "fuse.glusterfs")


def lock_holders(file: Path, *, proc: Path = _PROC) -> str:
    """Return the other processes that hold locks of an SQLite file, such as `python3 (1234)`, or why none is known."""
    inodes = set()
    for each in (file, file.with_name(f"{file.name}-shm")):
        with suppress(OSError):
            inodes.add(str(each.stat().st_ino))
    try:
        # 1: POSIX  ADVISORY  WRITE 1234 fe:00:5678 120 120
        locks = [line.split() for line in (proc / "locks").read_text().splitlines()]
    except OSError:
        locks = []
    writers = {fields[4] for fields in locks if "WRITE" in fields[:4] and fields[5].rpartition(":")[2] in inodes}
    names = sorted(f"{_name(pid, proc)} ({pid})" for pid in writers - {str(os.getpid()), "-1", "0"})
    return ", ".join(names) or "a process that cannot be seen from here"


def network_filesystem(file: Path, *, proc: Path = _PROC) -> str:
    """Return the kind of a file's file system, such as `nfs4`, if that is on another machine; else an empty string."""
    try:
        # 36 35 98:0 / /mnt rw,noatime - nfs4 server:/export rw
        mounts = [line.split() for line in (proc / "self" / "mountinfo").read_text().splitlines()]
    except OSError:
        return ""
    kinds = {_decoded(fields[4]): fields[fields.index("-") + 1] for fields in mounts if "-" in fields}
    path = file.resolve()
    kind = next((kinds[str(folder)] for folder in (path, *path.parents) if str(folder) in kinds), "")
    return kind if kind.startswith(_NETWORK) else ""


def _name(pid: str, proc: Path) -> str:
    try:
        return (proc / pid / "comm").read_text().strip()
    except OSError:
        return "process"


def _decoded(path: str) -> str:
    """Return a path of mountinfo, where spaces and the like are octal."""
    return path.encode().decode("unicode_escape").encode("latin-1").decode(errors="replace")
