"""Several processes that listen on one address, each with an application of its own.

They share the listening socket and nothing else: a sign-in is carried from one to another by what the browser holds.
uvicorn replaces a worker that dies.
"""

import multiprocessing
import os
import signal
import tempfile
import threading
from socket import socket

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from service.app import create_app
from service.settings import load_settings, tell_processes

APPLICATION = "service.workers:application"  # for uvicorn, which imports it in each worker


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


def serve(config: uvicorn.Config) -> int:
    """Run `config.workers` processes until told to stop. Returns an exit status: that of a worker that cannot start."""
    supervisor = Supervisor(config, sockets=[config.bind_socket()])
    # What they count, for `service.metrics`. Each process looks there when it first loads prometheus_client's values.
    with tempfile.TemporaryDirectory(prefix="service-metrics-") as folder:
        tell_processes(metrics_folder=folder)
        supervisor.run()
    # `uvicorn.run` would return as if all were well.
    return STARTUP_FAILURE if STARTUP_FAILURE in {process.exitcode for process in supervisor.processes} else 0


def application() -> ASGIApp:
    """Build what a worker serves, from the environment; the worker ends when the process that started it is gone.

    Raises:
        ConfigurationError: the environment or what it names is wrong.
    """
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    return create_app(load_settings())


def _end_with_parent() -> None:
    """Wait for the end of the parent, and end as if it had said so: a parent that is killed cannot say it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
