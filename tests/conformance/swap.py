"""A pytest plugin for JupyterHub's tests: has them start CONFORMANCE_SERVICE instead of their mock service.

It also lengthens how long they wait for a service. Ten seconds are not enough on a machine that does much else.
Runs in an environment with JupyterHub alone, so it imports nothing of ours.
"""

import os
import shlex
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from jupyterhub import objects
from jupyterhub.tests import test_services

LONGER = 24  # times; the usual deadline is 10 seconds


def patient(wait: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return a function that waits longer. What it waits for is the same."""

    @wraps(wait)
    async def wait_longer(*arguments: Any, timeout: float = 10, **options: Any) -> Any:  # noqa: ANN401, ASYNC109
        return await wait(*arguments, timeout=LONGER * timeout, **options)

    return wait_longer


for module, name in (
    (test_services, "wait_for_http_server"),
    (test_services, "exponential_backoff"),
    (objects, "wait_for_http_server"),
):
    setattr(module, name, patient(getattr(module, name)))

# conftest.py holds this very list.
test_services.mockservice_cmd[:] = shlex.split(os.environ["CONFORMANCE_SERVICE"])
