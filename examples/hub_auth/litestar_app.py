"""Litestar: greets those whom the Hub lets in. Start it by `uvicorn --port 10101 litestar_app:app`."""

import os
from contextlib import asynccontextmanager

from litestar import Litestar, Request, Response, get
from litestar.exceptions import PermissionDeniedException

from service.hub import HubAuth, ServiceError


@asynccontextmanager
async def lifespan(app):
    async with HubAuth.from_env() as app.state.auth:
        yield


@get(os.environ["JUPYTERHUB_SERVICE_PREFIX"] + "hello")
async def hello(request: Request) -> dict[str, str]:
    auth = request.app.state.auth
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    user = await auth.identify(token if scheme.lower() in {"bearer", "token"} else "")
    if not auth.covers(user):
        raise PermissionDeniedException("You have no access.")
    return {"hello": user.name}


refused = {ServiceError: lambda _, e: Response({"detail": e.detail}, status_code=e.status, headers=e.headers())}
app = Litestar([hello], lifespan=[lifespan], exception_handlers=refused)
