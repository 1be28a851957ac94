"""A Dask cluster on this machine: a scheduler and workers in processes of their own, as `dask` starts them."""

import sys
from pathlib import Path
from typing import Self

from tests.support.polling import BUSY
from tests.support.ports import free_port
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says

START = BUSY
QUIET = ["--no-dashboard"]


class DaskCluster:
    """Listens on the loopback interface alone."""

    def __init__(self, home: Path) -> None:
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self._home = home
        self._processes: list[KeptProcess] = []
        self.logs: list[Path] = []

    def __enter__(self) -> Self:
        """Start the scheduler, which has no package of ours."""
        without = self.home_of_nothing()
        host, port = self.address.removeprefix("tcp://").split(":")
        options = ["--host", host, "--port", port, "--no-show", *QUIET]
        self.scheduler = self._start("scheduler", options, until="Scheduler at", PYTHONPATH=str(without))
        return self

    def __exit__(self, *_: object) -> None:
        """End all of it."""
        while self._processes:
            self._processes.pop().close()

    def home_of_nothing(self) -> Path:
        """A folder for PYTHONPATH, with which our package cannot be found."""
        package = self._home / "nothing" / "service"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("raise ModuleNotFoundError('gone', name='service')\n")
        return package.parent

    def add_worker(self, **environment: str) -> KeptProcess:
        """Start a worker of one thread, and the nanny that starts it again."""
        scratch = self._home / f"scratch{len(self._processes)}"
        options = [self.address, "--nthreads", "1", "--local-directory", str(scratch), *QUIET]
        return self._start("worker", options, until="Registered to", **environment)

    def said(self) -> str:
        """All that its processes printed."""
        return "".join(log.read_text() for log in self.logs)

    def _start(self, kind: str, options: list[str], *, until: str, **environment: str) -> KeptProcess:
        log = self._home / f"{kind}{len(self._processes)}.log"
        log.touch()
        self.logs.append(log)
        command = [sys.executable, "-m", "dask", kind, *options]
        process = KeptProcess(command, env=clean_environment(**environment), cwd=self._home, log=log)
        self._processes.append(process)
        wait_until_log_says(process, log, until, start=0, timeout=START)
        return process
