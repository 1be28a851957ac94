"""Each request has a state of its own, with the middleware and without it."""

import asyncio
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse

from service.auth import Hub, Identity
from tests.support.open_connection import OpenConnection
from tests.support.shop import shop
from tests.unit.conftest import ORIGIN, Serve


@pytest.mark.parametrize("install", [True, False], ids=["installed", "without middleware"])
async def test_no_two_requests_share_anything(serve: Serve, install: bool) -> None:  # noqa: FBT001 - a table
    """An anonymous request never has an earlier caller's identity, even if all requests share the lifespan's state.

    asgi-lifespan gives every request the same dictionary.
    """
    service = await serve(app={"create": shop, "install": install}, service_prefix="/")
    token = service.hub.issue("testuser")

    assert (await service.api(token).get("whoami")).json() == {"name": "testuser"}
    assert (await service.api().get("whoami")).status_code == 401
    assert (await service.api().get("open")).json() is None


async def test_requests_at_the_same_time(serve: Serve) -> None:
    """Each of many simultaneous requests has its own identity."""
    service = await serve(app={"create": shop})
    users = [f"user{number}" for number in range(5)]
    tokens = {}
    for user in users:
        service.hub.add_user(user)
        tokens[user] = service.hub.issue(user)
    asked = [user for _ in range(6) for user in [*users, ""]]
    replies = await asyncio.gather(*(service.api(tokens.get(user)).get("open") for user in asked))

    assert [reply.json() or "" for reply in replies] == asked


async def test_without_install(serve: Serve) -> None:
    """Without `install`, `hub.router` and `Depends` sign a browser in and out, and refuse strangers.

    A WebSocket opens for a token, and is refused to strangers.
    """
    service = await serve(app={"create": lambda settings: shop(settings, install=False)}, service_prefix="/")
    browser = service.browser()
    home = f"{ORIGIN}/"
    begun = await browser.visit(f"{home}whoami", follow=False)
    assert (begun.status_code, begun.headers["Location"].partition("?")[0]) == (302, "/hub/api/oauth2/authorize")
    await browser.visit(service.authorized(begun), follow=False)

    assert (await browser.visit(f"{home}whoami")).json() == {"name": "testuser"}
    refused = await service.api().get(f"{home}whoami")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="JupyterHub"')
    headers = {"Authorization": f"Bearer {service.hub.issue('testuser')}"}
    async with OpenConnection(service.app, "websocket", "/socket", headers=headers) as socket:
        await socket.until(lambda: "testuser" in socket.said)
    async with OpenConnection(service.app, "websocket", "/socket") as socket:
        assert [message["type"] for message in socket.messages] == ["websocket.close"]
    out = await browser.submit(await browser.visit(f"{home}logout"), follow=False)
    assert (out.status_code, (await browser.visit(f"{home}whoami", follow=False)).status_code) == (303, 302)


async def test_xsrf_needs_the_middleware(serve: Serve) -> None:
    """`hub.xsrf` fails without the middleware, which keeps other pages out of a page that holds the token."""

    def add(app: FastAPI, hub: Hub) -> None:
        @app.get("/page")
        async def page(xsrf: Annotated[str, Depends(hub.xsrf)]) -> str:
            return xsrf

    service = await serve(app={"create": lambda settings: shop(settings, install=False, add=add)})
    with pytest.raises(RuntimeError, match=r"hub.xsrf needs hub.install\(app\)"):
        await service.api().get(f"{ORIGIN}/page")


async def test_a_page_with_the_token_is_closed(serve: Serve) -> None:
    """A page with the token cannot be framed, cached or accessed by another window. A script gets no token."""

    def add(app: FastAPI, hub: Hub) -> None:
        @app.get("/page")
        async def page(xsrf: Annotated[str, Depends(hub.xsrf)]) -> str:
            return xsrf

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})
    browser = await service.signed_in()
    page = await browser.visit("page")
    script = await browser.fetch("GET", "page")

    assert page.json() == browser.cookie("_xsrf")
    assert {
        name: page.headers[name] for name in ("Cache-Control", "X-Frame-Options", "Cross-Origin-Opener-Policy")
    } == {
        "Cache-Control": "no-store",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    }
    assert script.json() == ""


@pytest.mark.parametrize(
    ("origins", "stored"),
    [({}, "no-store"), ({"public_host": ORIGIN, "hub_host": "http://hub.example.org"}, "private, no-cache")],
    ids=["shared with notebooks", "of its own"],
)
async def test_an_answer_to_a_cookie_is_closed(serve: Serve, origins: dict[str, Any], stored: str) -> None:
    """An answer to our cookie is closed to other windows. If notebooks have another origin, browsers may keep it."""
    service = await serve(app={"create": shop}, **origins)
    browser = await service.signed_in()
    seen = [await browser.visit("whoami"), await browser.visit("open"), await browser.visit("nowhere")]
    headers = [(reply.headers.get("Cross-Origin-Opener-Policy"), reply.headers.get("Cache-Control")) for reply in seen]
    by_token = await service.api(service.hub.issue("testuser")).get("whoami")

    assert [reply.status_code for reply in seen] == [200, 200, 404]
    assert headers == [("same-origin-allow-popups", stored)] * 2 + [(None, None)], "a 404 has nobody's data"
    assert "Cross-Origin-Opener-Policy" not in by_token.headers


async def test_the_applications_own_headers_stay(serve: Serve) -> None:
    """An application that says itself who may reach its windows, or how long an answer is kept, has the last word."""
    own = {"Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "private, max-age=60"}

    def add(app: FastAPI, hub: Hub) -> None:
        @app.get("/page")
        async def page(_user: Annotated[Identity, Depends(hub.user)]) -> JSONResponse:
            return JSONResponse("x", headers=own)

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})
    page = await (await service.signed_in()).visit("page")

    assert {name: page.headers[name] for name in own} == own
