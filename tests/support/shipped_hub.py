"""The Hub of the shipped jupyterhub_config.py, started as the README of an example says: `jupyterhub` in the folder."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.node import REPOSITORY
from tests.support.ports import free_ports_at
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says

START_LIMIT = 120.0  # seconds; about five on an idle machine
THERE = "http://127.0.0.1:8000/"  # as docs and README have it
_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


@dataclass(frozen=True)
class ShippedHub:
    """The Hub at `url`, with the service at `service`."""

    url: str

    @property
    def service(self) -> str:
        """The address of the service."""
        return f"{self.url}services/fastapi/"

    def shell(self, code: str) -> str:
        """Run lines of a page at a shell, and return what they print. A line that fails is an error."""
        done = subprocess.run(
            ["sh", "-eu", "-c", code.replace(THERE, self.url)],
            env=clean_environment(PATH=_PATH),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=START_LIMIT,
            check=False,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
        return done.stdout


@contextmanager
def shipped_hub(state: Path, command: str = "jupyterhub --ip=127.0.0.1") -> Iterator[ShippedHub]:
    """Start the Hub in the folder of the checkout, with its state elsewhere, and end it with all that it started."""
    port = free_ports_at(0, 81, 182, 283)[0]
    log = state.with_suffix(".log")
    log.touch()
    environment = clean_environment(PATH=_PATH, HUB_PORT=str(port), HUB_STATE=str(state))
    program, *arguments = shlex.split(command)
    process = KeptProcess(
        [str(Path(sys.executable).parent / program), *arguments], env=environment, cwd=REPOSITORY, log=log
    )
    try:
        wait_until_log_says(process, log, "JupyterHub is now running", start=0, timeout=START_LIMIT)
        yield ShippedHub(f"http://127.0.0.1:{port}/")
    finally:
        process.close()
