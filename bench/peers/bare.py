"""Starlette alone, with the same words for everybody: what the server itself can do."""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.peers import serve


async def me(_request: Request) -> JSONResponse:
    """Answer."""
    return JSONResponse(
        {"kind": "user", "name": "testuser", "admin": False, "groups": [], "scopes": ["access:services"]}
    )


if __name__ == "__main__":
    serve(Starlette(routes=[Route(f"{os.environ['JUPYTERHUB_SERVICE_PREFIX']}me", me)]))
