"""A locked SQLite file, and one on another machine's disk."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.apps.desk.errors import DatabaseUnavailableError
from service.apps.desk.storage.migrate import migrate
from service.apps.desk.storage.sqlite_file import lock_holders, network_filesystem

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/local rw master:1 - xfs /dev/vdb rw
32 22 0:42 / /mnt/a\\040share rw - cifs //server/share rw
"""
HOLDS_A_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A database whose lock another process holds, and that process."""
    file = tmp_path / "desk.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    command = [sys.executable, "-c", HOLDS_A_LOCK, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield file, process.pid
        process.communicate()


async def test_who_holds_the_lock(held: tuple[Path, int]) -> None:
    """A start that cannot have the lock ends when its patience does, and names the file and the process."""
    file, pid = held

    with pytest.raises(DatabaseUnavailableError) as caught:
        await migrate(f"sqlite:///{file}", patience=0, lock_wait=0.1)

    assert str(file) in caught.value.reason
    assert f"({pid})" in caught.value.reason
    assert caught.value.reason.startswith("SQLITE_BUSY, as ")


def test_a_lock_of_nobody(tmp_path: Path) -> None:
    """A lock of another machine or container has no process here."""
    assert lock_holders(tmp_path / "desk.sqlite") == "a process that cannot be seen from here"
    assert lock_holders(tmp_path / "desk.sqlite", proc=tmp_path) == "a process that cannot be seen from here"


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("/srv/desk.sqlite", ""),
        ("/home/ada/desk.sqlite", "nfs4"),
        ("/home/local/desk.sqlite", ""),
        ("/mnt/a share/x/desk.sqlite", "cifs"),
    ],
)
def test_a_disk_of_another_machine(tmp_path: Path, file: str, kind: str) -> None:
    """NFS and CIFS are found, whatever is mounted above or below."""
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mountinfo").write_text(MOUNTS)

    assert network_filesystem(Path(file), proc=tmp_path) == kind


def test_where_linux_does_not_say(tmp_path: Path) -> None:
    """On a system without /proc nothing is refused."""
    assert network_filesystem(tmp_path, proc=tmp_path) == ""
