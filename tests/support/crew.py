"""The service as processes of its own, one or several, with a gate in the place of a Hub."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.gate import HubGate
from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.ports import free_ports
from tests.support.process import KeptProcess, clean_environment

START_LIMIT = 120.0  # seconds; about three on an idle machine
END_LIMIT = 60.0  # seconds; less than one on an idle machine
PATH = "/services/fastapi/"


class Crew:
    """A service with workers, and its log."""

    def __init__(self, directory: Path, *, workers: int, options: Sequence[str] = ("-P",), **told: str) -> None:
        """Start it; `options` are Python's, `told` environment variables. Modules may also stand in `directory`."""
        self.workers = workers
        gate_port, port = free_ports(2)
        self.gate = HubGate(port=gate_port, hub_port=0)
        self.log = directory / "service.log"
        self.log.touch()
        self.origin = f"http://127.0.0.1:{port}"
        default = {
            "PYTHONPATH": f"{REPOSITORY}:{directory}",
            "JUPYTERHUB_API_TOKEN": "token-of-the-service-0123456789ab",
            "JUPYTERHUB_API_URL": f"{self.gate.url}/hub/api",
            "JUPYTERHUB_SERVICE_NAME": "fastapi",
            "JUPYTERHUB_SERVICE_URL": self.origin,
            "SERVICE_WORKERS": str(workers),
        }
        environment = clean_environment(**{**default, **told})
        command = [sys.executable, *options, "-m", "service"]
        self.process = KeptProcess(command, env=environment, cwd=directory, log=self.log)

    def close(self) -> None:
        """End it at once."""
        self.process.close()
        self.gate.close()

    def says(self, needle: str) -> int:
        """Return how often the log has it."""
        return self.log.read_text().count(needle)

    async def has_said(self, needle: str, times: int, *, within: float = END_LIMIT) -> None:
        """Return once the log has it so often."""

        async def so_often() -> bool:
            return self.says(needle) >= times

        await eventually(so_often, within=within)

    async def started(self) -> "Crew":
        """Return once all workers serve."""

        async def serving() -> bool:
            assert self.process.is_running, self.log.read_text()
            return self.says("Application startup complete") == self.workers

        await eventually(serving, within=START_LIMIT)
        return self

    async def ended(self, *, within: float = END_LIMIT) -> int | None:
        """Return the exit status once no process is left."""

        async def gone() -> bool:
            return not self.process.descendants()

        await eventually(gone, within=within)
        return self.process.wait(END_LIMIT)
