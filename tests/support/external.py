"""The service as somebody starts it by hand beside a Hub: `python -P -m service`, with a log of its own."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.node import REPOSITORY
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says

START_LIMIT = 120.0  # seconds; about two on an idle machine


class ExternalService:
    """A context manager that starts the service with some environment variables, and ends it."""

    def __init__(self, environment: Mapping[str, str], *, directory: Path) -> None:
        """Start nothing yet; the working directory, where Python also looks for modules, is `directory`."""
        self._environment = clean_environment(PYTHONPATH=str(REPOSITORY), **environment)
        self._directory = directory
        self._log = directory / "service.log"

    def __enter__(self) -> Self:
        """Start it; return when it listens."""
        self._log.touch()
        command = [sys.executable, "-P", "-m", "service"]
        self._process = KeptProcess(command, env=self._environment, cwd=self._directory, log=self._log)
        try:
            wait_until_log_says(self._process, self._log, "Uvicorn running on", start=0, timeout=START_LIMIT)
        except BaseException:
            self._process.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._process.close()

    def log_text(self) -> str:
        """Return all that it has printed so far."""
        return self._log.read_text(errors="replace")
