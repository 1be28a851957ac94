"""Several processes that listen at the same addresses, each with an application of its own.

They share the listening sockets and nothing else: a sign-in is carried from one to another by what the browser holds.
uvicorn replaces a worker that dies.
"""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Sequence
from functools import partial
from socket import socket
from typing import Any

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from service.app import create_app
from service.server.proxies import BehindProxies
from service.server.sockets import Config, Place
from service.settings import Settings, tell_processes


class Supervisor(Multiprocess):
    """uvicorn's, which would not notice that a worker ends instead of answering whether it is alive."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self._alive: set[int | None] = set()

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that have died."""
        for process in self.processes:
            process.child_conn.close()  # the worker's end of the pipe; it has its own, whose end is an answer too
        super().keep_subprocess_alive()
        alive = {process.pid for process in self.processes}
        for pid in self._alive - alive:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]  # it holds nothing open any more
        self._alive = alive

    def terminate_all(self) -> None:
        """End the workers. Who connects from now on is refused, and not left to wait for somebody to listen again."""
        for bound in self.sockets:
            bound.close()
        super().terminate_all()


def serve(settings: Settings, places: Sequence[Place], **options: Any) -> int:  # noqa: ANN401 - uvicorn checks them
    """Run `settings.workers` processes until told to stop. Returns an exit status: that of a worker that cannot start.

    `options` are uvicorn's.
    """
    # What they count, for `service.metrics`. Each process looks there when it first loads prometheus_client's values.
    with tempfile.TemporaryDirectory(prefix="service-metrics-") as folder:
        tell_processes(metrics_folder=folder)
        build = partial(application, settings.model_copy(update={"metrics_folder": folder}))
        config = Config(build, places, factory=True, **options)
        supervisor = Supervisor(config, sockets=[bound for _, bound in places])
        supervisor.run()
    # `uvicorn.run` would return as if all were well.
    return STARTUP_FAILURE if STARTUP_FAILURE in {process.exitcode for process in supervisor.processes} else 0


def application(settings: Settings) -> ASGIApp:
    """Build what a worker serves; the worker ends when the process that started it is gone.

    `settings` are that one's: `.env` may have changed since, and workers must agree.

    Raises:
        ConfigurationError: what they name is wrong.
    """
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    return BehindProxies(create_app(settings), settings.forwarded_allow_ips)


def _end_with_parent() -> None:
    """Wait for the end of the parent, and end as if it had said so: a parent that is killed cannot say it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
