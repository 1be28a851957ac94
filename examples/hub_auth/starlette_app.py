"""Starlette: greets those whom the Hub lets in. Start it by `uvicorn --port 10101 starlette_app:app`."""

import os
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.responses import JSONResponse

from service.hub import HubAuth, ServiceError


@asynccontextmanager
async def lifespan(_app):
    async with HubAuth.from_env() as auth:
        yield {"auth": auth}


async def hello(request):
    auth = request.state.auth
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    user = await auth.identify(token if scheme.lower() in {"bearer", "token"} else "")
    if not auth.covers(user):
        return JSONResponse({"detail": "You have no access."}, 403)
    return JSONResponse({"hello": user.name})


refused = {ServiceError: lambda _, e: JSONResponse({"detail": e.detail}, e.status, e.headers())}
app = Starlette(lifespan=lifespan, exception_handlers=refused)
app.add_route(os.environ["JUPYTERHUB_SERVICE_PREFIX"] + "hello", hello)
