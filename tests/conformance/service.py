"""The process that JupyterHub's tests start instead of their mock service: `python -m tests.conformance.service`.

With the argument `installed` it is an application of somebody's own, on which a Hub is installed, in place of ours.

Source: `jupyterhub/tests/mockservice.py`, whose routes these are. `whoami` takes tokens and never offers to sign in,
`owhoami` always does; both are our application under a sign-in policy of that kind. The other routes are what the tests
look at the service with, and no part of ours. Where the tests want another status than we give, `_as_expected` says so.
The tests drop the Hub's session cookie to get past a cached answer, so our cookie counts here without it, as it does
with `samesite` `none`.
"""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated
from unittest.mock import patch
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from asgi_lifespan import LifespanManager
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.__main__ import serve, tls_options
from service.app import create_app
from service.auth import Hub, credentials, login
from service.auth.errors import NotSignedInError
from service.auth.guard import CurrentUser, Guard
from service.auth.identification import path_and_query
from service.auth.policy import SignInPolicy
from service.auth.refusals import Refused
from service.hub.errors import InvalidTokenError
from service.hub.models import Identity
from service.server.sockets import Config, listening
from service.settings import Settings

guard = Guard()
router = APIRouter()
outside = APIRouter()


@router.get("/whoami")
async def whoami(user: CurrentUser) -> Response:
    """Say who sent the token."""
    return _model(user)


@router.get("/owhoami")
async def owhoami(
    request: Request, scopes: Annotated[str, Query(alias="request-scope")] = "", pkce: str = "correct"
) -> Response:
    """Say who is signed in; the tests may ask for scopes, and for PKCE to go wrong on the way to the Hub."""
    try:
        return _model(await guard(request))
    except (NotSignedInError, InvalidTokenError):
        response = login.begin(request, next_url=path_and_query(request), scopes=scopes.split())
        response.headers["location"] = _with_pkce(response.headers["location"], pkce)
        return response


def ours(settings: Settings, sign_in: SignInPolicy) -> ASGIApp:
    """Our own application."""
    return create_app(settings, sign_in=sign_in, routers=[router])


def installed(settings: Settings, sign_in: SignInPolicy) -> ASGIApp:
    """An application of somebody's own, with a Hub installed."""
    hub = Hub(settings, sign_in=sign_in)
    app = FastAPI(lifespan=hub.lifespan)
    hub.install(app)

    @app.get("/whoami")
    async def whoami(user: Annotated[Identity, Depends(hub.user)]) -> Response:
        return _model(user)

    @app.get("/owhoami")
    async def owhoami(
        request: Request, scopes: Annotated[str, Query(alias="request-scope")] = "", pkce: str = "correct"
    ) -> Response:
        try:
            return _model(await hub.user(request))
        except Refused as refusal:
            if refusal.headers and (location := refusal.headers.get("Location")):
                refusal.headers = {**refusal.headers, "Location": _with_pkce(location, pkce, scopes)}
            raise

    return app


@outside.get("/{_:path}/env")  # noqa: FAST003 - whatever the prefix is
async def environment() -> dict[str, str]:
    """Show the environment, which no route of ours does."""
    return dict(os.environ)


@outside.get("/{_:path}/api/{hub_path:path}")  # noqa: FAST003 - likewise
async def relay(hub_path: str) -> Response:
    """Ask the Hub with the service's own token."""
    headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"{os.environ['JUPYTERHUB_API_URL'].rstrip('/')}/{hub_path}", headers=headers)
    return Response(reply.content, reply.status_code, media_type="application/json")


@outside.get("/{_:path}")  # noqa: FAST003 - likewise
async def echo(request: Request) -> Response:
    """Repeat the path as it was sent."""
    return PlainTextResponse(request.scope["raw_path"])


class Conformance:
    """Sends each request to the application that it is for."""

    def __init__(self, settings: Settings, build: Callable[[Settings, SignInPolicy], ASGIApp]) -> None:
        """Make two applications, one for each policy."""
        self._prefix = settings.root_path
        self._never = build(settings, "never")
        self._always = build(settings, "always")
        self._outside = FastAPI(lifespan=self._lifespan, openapi_url=None)
        self._outside.include_router(outside)

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            self._never = (await stack.enter_async_context(LifespanManager(self._never, startup_timeout=None))).app
            self._always = (await stack.enter_async_context(LifespanManager(self._always, startup_timeout=None))).app
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        route = scope.get("path", "").rstrip("/").rpartition("/")[2]
        app: ASGIApp = {"whoami": self._never, "owhoami": self._always, "oauth_callback": self._always}.get(
            route, self._outside
        )
        if app is not self._outside:
            scope["path"] = f"{self._prefix}/{route}"  # the tests ask for //whoami/ too

        async def send_as_expected(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["status"] = _as_expected(message["status"], route=route, query=scope["query_string"])
            await send(message)

        await app(scope, receive, send_as_expected)


def _as_expected(status: int, *, route: str, query: bytes) -> int:
    """HubOAuth's status for ours; see docs/decisions/0004."""
    if route == "whoami" and status == httpx.codes.UNAUTHORIZED:
        return httpx.codes.FORBIDDEN
    if route == "oauth_callback" and status == httpx.codes.BAD_REQUEST and b"code=" in query:
        return httpx.codes.INTERNAL_SERVER_ERROR
    return status


def _with_pkce(location: str, pkce: str, scopes: str = "") -> str:
    address = urlsplit(location)
    query = dict(parse_qsl(address.query)) | ({"scope": scopes} if scopes else {})
    if pkce == "missing":
        del query["code_challenge"], query["code_challenge_method"]
    elif pkce == "incorrect":
        query["code_challenge"] = query["code_challenge"][::-1]
    return address._replace(query=urlencode(query)).geturl()


def _model(user: Identity) -> Response:
    return JSONResponse(json.loads(user.model_dump_json()) | {"session_id": user.session_id, "token_id": user.token_id})


def main() -> None:
    """Serve where the Hub says; a service without an address, to which the Hub gives one with port 0, only lives."""
    while not urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", "")).port:
        signal.pause()  # until a signal that ends us; others end the pause alone
    # Not by `load_settings`, which wants longer tokens than those tests give to external services.
    settings = Settings.model_validate({name: value for name, value in os.environ.items() if value})
    if not settings.service_prefix:  # an external service in the tests is not told
        settings = settings.model_copy(update={"service_prefix": "/"})
    no_session = patch.object(credentials, "come_without_the_hubs", return_value=True)
    with no_session, listening(settings.listen) as places:
        build = installed if "installed" in sys.argv else ours
        serve(Config(Conformance(settings, build), places, **tls_options(settings), log_level="warning"), places)


if __name__ == "__main__":
    main()
