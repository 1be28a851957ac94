"""What `bench.speed` compares: each module is a service that a Hub starts, with a route `me` that says who calls.

All of uvicorn's run as ours does, one process with uvloop and httptools; none writes an access log.
"""

import os
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp


def serve(app: ASGIApp) -> None:
    """Serve where the Hub says."""
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    uvicorn.run(app, host=address.hostname or "", port=address.port or 0, log_level="warning", access_log=False)
