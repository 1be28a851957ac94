"""aiohttp.web: greets those whom the Hub lets in. Start it by `python aiohttp_app.py 10101`."""

import os
import sys

from aiohttp import web

from service.hub import HubAuth, ServiceError

AUTH = web.AppKey("AUTH", HubAuth)


async def opened(app):
    async with HubAuth.from_env() as app[AUTH]:
        yield


async def hello(request):
    auth, (scheme, _, token) = request.app[AUTH], request.headers.get("Authorization", "").partition(" ")
    try:
        user = await auth.identify(token if scheme.lower() in {"bearer", "token"} else "")
    except ServiceError as error:
        return web.json_response({"detail": error.detail}, status=error.status, headers=error.headers())
    return web.json_response({"hello": user.name}) if auth.covers(user) else web.HTTPForbidden()


app = web.Application()
app.cleanup_ctx.append(opened)
app.router.add_get(os.environ["JUPYTERHUB_SERVICE_PREFIX"] + "hello", hello)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
