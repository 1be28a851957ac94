"""A process that has no file descriptor left."""

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def none_left() -> Iterator[None]:
    """Let this process open no file, socket or pipe while the block runs; those that are open stay open.

    The limit is not 0, because poll(2) fails for more descriptors than the limit allows: servers of other tests, in
    threads of this process, would end.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        with suppress(OSError):
            while True:
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield
