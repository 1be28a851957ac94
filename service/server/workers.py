"""Several worker processes that listen at the same addresses, each with its own application.

They share nothing but the listening sockets. A sign-in works across workers because the browser keeps its state.
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
from service.server.sockets import Config, Listener
from service.settings import Settings, share_metrics_folder


class Supervisor(Multiprocess):
    """uvicorn's supervisor, fixed: it does not notice a worker that ends while it is asked whether it is alive."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self._alive: set[int | None] = set()

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that have died."""
        for process in self.processes:
            process.child_conn.close()  # our copy; without it, reading from the pipe ends when the worker does
        super().keep_subprocess_alive()
        alive = {process.pid for process in self.processes}
        for pid in self._alive - alive:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]  # its open connections no longer count
        self._alive = alive

    def terminate_all(self) -> None:
        """Stop the workers. New connections are refused from now on, instead of waiting for the next start."""
        for bound in self.sockets:
            bound.close()
        super().terminate_all()


def serve(settings: Settings, listeners: Sequence[Listener], **options: Any) -> int:  # noqa: ANN401 - uvicorn checks them
    """Run `settings.workers` processes until stopped. `options` are uvicorn's.

    Returns an exit status, which is not 0 if a worker cannot start.
    """
    # For `service.metrics`. Each process reads this folder when it first uses prometheus_client.
    with tempfile.TemporaryDirectory(prefix="service-metrics-") as folder:
        share_metrics_folder(folder)
        build = partial(application, settings.model_copy(update={"metrics_folder": folder}))
        config = Config(build, listeners, factory=True, **options)
        supervisor = Supervisor(config, sockets=[bound for _, bound in listeners])
        supervisor.run()
    # uvicorn itself reports no failure.
    return STARTUP_FAILURE if STARTUP_FAILURE in {process.exitcode for process in supervisor.processes} else 0


def application(settings: Settings) -> ASGIApp:
    """Build the application of a worker, which ends when its parent process ends.

    `settings` are those of the parent: `.env` may have changed, but all workers must have the same settings.

    Raises:
        ConfigurationError: the configuration is wrong.
    """
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    return BehindProxies(create_app(settings), settings.forwarded_allow_ips)


def _end_with_parent() -> None:
    """Wait until the parent ends, then stop as if it had sent SIGTERM. A parent that is killed cannot send it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
