"""The processes in which a service's engines run, for tests that stop and kill them."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import psutil

from tests.support.process import children_with

T = TypeVar("T")
_MOMENT = 0.3  # seconds; nearly always enough for a note to get to an engine


def loaders_of(service: psutil.Process) -> list[psutil.Process]:
    """Return the children that load an engine and fork others; Hubs, databases and browsers of other tests are none."""
    return children_with("service.apps.deidentify.workers.preloaded", of=service)


def engines_of(service: psutil.Process) -> list[psutil.Process]:
    """Return the engines: the process that loads forks them, and is the service's own child."""
    return [engine for loader in loaders_of(service) for engine in loader.children()]


def with_engines() -> list[psutil.Process]:
    """Return the processes of this one that load engines, and those that are engines."""
    return [process for loader in loaders_of(psutil.Process()) for process in (loader, *loader.children())]


async def killed_under(service: psutil.Process, request: Awaitable[T], *, spared: int = 0) -> T:
    """Let a request get to engines that do not move; kill them but for some, which go on; return the answer.

    Now and then it comes too late, and the next engine answers.
    """
    engines = engines_of(service)
    for engine in engines:
        engine.suspend()
    under_way = asyncio.ensure_future(request)
    await asyncio.wait([under_way], timeout=_MOMENT)
    for engine in engines[spared:]:
        engine.kill()
    for engine in engines[:spared]:
        engine.resume()
    return await under_way
