"""Leaves logging as it was: who configures it as the service does changes it for all tests of the run."""

import contextlib
import logging
from collections.abc import Iterator

from service.logs import log_config


@contextlib.contextmanager
def logging_kept() -> Iterator[None]:
    """Put back handlers, levels and filters afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level
        for name in (*log_config()["loggers"], "uvicorn.access"):
            logger = logging.getLogger(name)
            logger.setLevel(logging.NOTSET)
            logger.filters.clear()
            logger.propagate = True
