"""`hub.protect` around an application of Litestar's, which knows neither FastAPI nor the sign-in."""

from typing import Any, cast

from fastapi import FastAPI
from litestar import Litestar, Request, WebSocket, get, post, websocket
from starlette.types import ASGIApp

from service.auth import Hub
from service.testing.callers import NAVIGATION
from tests.support.shop import shop
from tests.unit.auth.test_protection import FETCH, OWN_HOST, cookies_of
from tests.unit.conftest import ORIGIN, Serve, connect


@get("/")
async def index() -> str:
    """A page."""
    return "pages"


@post("/notes")
async def write(request: Request[Any, Any, Any]) -> object:
    """Give back what came."""
    return await request.json()


@websocket("/socket")
async def greet(socket: WebSocket[Any, Any, Any]) -> None:
    """Open to whoever comes."""
    await socket.accept()
    await socket.send_text("hello")


def add(app: FastAPI, hub: Hub) -> None:
    """Mount an application of Litestar's."""
    app.mount(
        "/star", hub.protect(cast("ASGIApp", Litestar([index, write, greet], logging_config=None)))
    )  # its types are its own


async def test_litestar(serve: Serve) -> None:
    """Litestar's pages, bodies and WebSockets work unchanged. A request that is refused does not reach it."""
    service = await serve(app={"create": lambda settings: shop(settings, add=add)}, **OWN_HOST)
    cookies = await cookies_of(service)
    mine = service.api(headers={**cookies, **FETCH})
    theirs = service.api(headers={**cookies, **FETCH, "Origin": "http://eve.example.org"})

    assert (await service.api(headers={**cookies, **NAVIGATION}).get("star/")).text == "pages"
    assert (await mine.post("star/notes", json={"note": "x"})).json() == {"note": "x"}
    assert (await theirs.post("star/notes", json={"note": "x"})).status_code == 403
    assert (await service.api().post("star/notes", content=b"no JSON")).status_code == 401
    assert (await connect(service, "star/socket", headers={**cookies, "Origin": ORIGIN})).text == "hello"
    assert (await connect(service, "star/socket")).status == 401
