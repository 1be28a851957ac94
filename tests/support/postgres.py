"""A PostgreSQL server of the tests' own, of the programs that Debian's package brings: it can be stopped and broken."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.support.ports import free_port
from tests.support.process import KeptProcess, signal_all, wait_until_log_says

USER = "postgres"
READY = "database system is ready to accept connections"
PATIENCE = 120.0  # seconds for a start or a stop; either takes one


def programs() -> Path | None:
    """Where the server's programs are: Debian's newest, or those on PATH; None where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Postgres:
    """A server on a free port, with a folder of its own. Started by `start`, ended by `close`."""

    def __init__(
        self, bin_: Path, *, settings: Sequence[str] = (), files: Mapping[str, bytes] = MappingProxyType({})
    ) -> None:
        """Make its files. `settings`: `name=value` of postgresql.conf. `files`: more of its data folder, by name."""
        self.port = free_port()
        self._bin = bin_
        self._settings = settings
        self._names = (f"desk{number}" for number in count())
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._data, self.log = self._folder / "data", self._folder / "log"
        self._process: KeptProcess | None = None
        # The server refuses to run as root.
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
        self.log.touch()
        initdb = [bin_ / "initdb", "-D", self._data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        self._run(*self._as_user, *map(str, initdb), "--no-sync")
        for name, content in files.items():
            path = self._data / name
            path.write_bytes(content)
            path.chmod(0o600)
            shutil.chown(path, self._data.stat().st_uid, self._data.stat().st_gid)

    def start(self) -> "Postgres":
        """Start it, and wait until it takes connections."""
        settings = ["listen_addresses=127.0.0.1", f"port={self.port}", "unix_socket_directories=", "fsync=off"]
        options = [word for setting in (*settings, *self._settings) for word in ("-c", setting)]
        command = [*self._as_user, str(self._bin / "postgres"), "-D", str(self._data), *options]
        said = self.log.stat().st_size
        self._process = KeptProcess(command, env={"PATH": os.environ["PATH"]}, cwd=self._folder, log=self.log)
        wait_until_log_says(self._process, self.log, READY, start=said, timeout=PATIENCE)
        return self

    def stop(self) -> None:
        """End it as an operator does who restarts it: connections are cut, what was committed is kept."""
        if self._process is not None:
            self._process.send(signal.SIGINT)
            self._process.wait(PATIENCE)
            self._process.close()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it hang: connections are accepted, by the kernel, and nothing is ever answered."""
        pids = self._process.descendants() if self._process else {}
        signal_all(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            signal_all(pids, signal.SIGCONT)

    def database(self, *, template: str = "template1") -> str:
        """Make a database and return its address."""
        name = next(self._names)
        self._run(str(self._bin / "createdb"), *self._reach, "--template", template, name)
        return self.url(name)

    def url(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def drop(self, url: str) -> None:
        """Delete a database, whoever is connected to it."""
        self._run(str(self._bin / "dropdb"), *self._reach, "--force", url.rpartition("/")[2])

    def close(self) -> None:
        """End it and delete its files."""
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def _reach(self) -> list[str]:
        return ["--host=127.0.0.1", f"--port={self.port}", f"--username={USER}"]

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)


@contextmanager
def postgres(bin_: Path, **options: Any) -> Iterator[Postgres]:  # noqa: ANN401 - passed on
    """A server that runs as long as the block."""
    server = Postgres(bin_, **options)
    try:
        yield server.start()
    finally:
        server.close()
