"""What `bench.speed` compares: each module is a service that a Hub starts, with routes that only known callers may use.

All of uvicorn's run as ours does, one process with uvloop and httptools. Each writes its own access log.
"""

import os
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp


async def nobody(conn: HTTPConnection) -> str:  # noqa: ARG001 - as a guard, it wants the connection
    """A dependency that does nothing."""
    return "testuser"


def serve(app: ASGIApp, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
    """Serve where the Hub says."""
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    uvicorn.run(app, host=address.hostname or "", port=address.port or 0, **options)
