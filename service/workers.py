"""Several processes that listen at the same addresses, each with an application of its own.

They share the listening sockets and nothing else: a sign-in is carried from one to another by what the browser holds.
uvicorn replaces a worker that dies.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from service.app import create_app
from service.listening import Place
from service.settings import load_settings

APPLICATION = "service.workers:application"  # for uvicorn, which imports it in each worker


class Supervisor(Multiprocess):
    """uvicorn's, which would not notice that a worker ends instead of answering whether it is alive."""

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that have died."""
        for process in self.processes:
            process.child_conn.close()  # the worker's end of the pipe; it has its own, whose end is an answer too
        super().keep_subprocess_alive()

    def terminate_all(self) -> None:
        """End the workers. Who connects from now on is refused, and not left to wait for somebody to listen again."""
        for bound in self.sockets:
            bound.close()
        super().terminate_all()


def serve(config: uvicorn.Config, places: Sequence[Place]) -> int:
    """Run `config.workers` processes until told to stop. Returns an exit status: that of a worker that cannot start."""
    supervisor = Supervisor(config, sockets=[bound for _, bound in places])
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
