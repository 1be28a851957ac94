"""An application of somebody's own with a Hub installed: it works as before, and its callers are signed in."""

import asyncio
import json
from collections.abc import AsyncIterator
from difflib import unified_diff
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse

from service.auth import Hub, Identity
from tests.support.open_connection import OpenConnection
from tests.support.shop import FOLDER, example, shop
from tests.unit.conftest import PREFIX, Serve, Service, connect, settings_of


@pytest.fixture
async def stock(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The application of examples/existing_app."""
    return await serve(
        app={"create": lambda settings: example(settings, monkeypatch)}, api_token="0" * 32, recheck_interval=0.05
    )


def test_the_example_changes_few_lines() -> None:
    """Installing a Hub in an existing application takes fewer than ten lines."""
    before, after = ((FOLDER / f"{name}.py").read_text().splitlines() for name in ("before", "after"))
    changed = [
        line
        for line in unified_diff(before, after, n=0, lineterm="")
        if line[0] in "+-" and line[:3] not in {"+++", "---"}
    ]
    added = [line for line in changed if line[0] == "+"]

    assert len(added) < 10
    assert len(changed) - len(added) < 10


async def test_it_works_as_before(stock: Service) -> None:
    """Sync routes, class-based dependencies, the lifespan's state, background tasks and middleware are as they were."""
    token = stock.hub.issue("testuser")
    api = stock.api(token)

    assert (await api.get("items/chair")).json() == {"chair": 4}
    sold = await api.post("items/table/sales")
    assert (sold.status_code, sold.json(), sold.headers["X-Shop"]) == (201, {"table": 0}, "stock")
    assert (await api.get("reports/today")).json() == {"today": "quiet"}
    assert (await api.get("dashboard/chart")).headers["Content-Type"] == "image/svg+xml"
    headers = {"Authorization": f"Bearer {token}"}
    async with OpenConnection(stock.app, "websocket", f"{PREFIX}live", headers=headers) as socket:
        await socket.until(lambda: "4 chairs" in socket.said)
        stock.hub.revoke(token)
        await socket.until_over()
    assert socket.closed == (1008, "invalid_token")


async def test_its_own_handlers_answer(stock: Service) -> None:
    """The application's own handlers answer errors, ours too. Headers that a handler forgets are added."""
    api, stranger = stock.api(stock.hub.issue("testuser")), stock.api()
    await api.post("items/table/sales")
    own, missing, refused = (
        await api.post("items/table/sales"),
        await api.get("items/sofa"),
        await stranger.get("items/chair"),
    )

    assert (own.status_code, own.json()) == (409, {"error": "out of stock"})
    assert (missing.status_code, missing.json()) == (404, {"error": "no such item"})
    assert (refused.status_code, [*refused.json()]) == (401, ["error"])
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="JupyterHub"'
    assert refused.headers["X-Shop"] == "stock"


async def test_a_browser_signs_in_and_out(stock: Service) -> None:
    """A page leads to the Hub and back, and opens by cookie. Signing out ends the session."""
    browser = stock.browser()
    begun = await browser.visit("", follow=False)
    assert (begun.status_code, begun.headers["Location"].partition("?")[0]) == (302, "/hub/api/oauth2/authorize")
    returned = await browser.visit(stock.authorized(begun), follow=False)
    assert (returned.status_code, returned.headers["Location"]) == (302, PREFIX)
    page = await browser.visit("")
    assert (page.status_code, f"_xsrf={browser.cookie('_xsrf')}" in page.text) == (200, True)

    asked = await browser.visit("logout")
    assert "You are signed in as <strong>testuser</strong>" in asked.text
    out = await browser.submit(asked, follow=False)

    assert (out.status_code, out.headers["Location"]) == (303, "/hub/logout")
    assert (await browser.visit("", follow=False)).status_code == 302


async def test_what_was_mounted_is_guarded(stock: Service) -> None:
    """Sub-applications and mounted applications refuse strangers: scripts by 401, browsers by a redirect to the Hub."""
    for path in ("reports/today", "dashboard/chart"):
        refused = await stock.api().get(path)
        page = await stock.browser().visit(path, follow=False)

        assert (path, refused.status_code, refused.headers["WWW-Authenticate"]) == (
            path,
            401,
            'Bearer realm="JupyterHub"',
        )
        assert (path, page.status_code) == (path, 302)
        assert page.headers["Location"].startswith("/hub/api/oauth2/authorize?")
        assert page.headers.get_list("Set-Cookie")


async def test_a_stranger_opens_no_websocket(stock: Service) -> None:
    """A stranger's handshake is refused with a reason, or by a bare 403 if the server can send none."""
    refused = await connect(stock, "live")
    bare = await connect(stock, "live", extensions=())

    assert (refused.status, json.loads(refused.text)["code"]) == (401, "not_signed_in")
    assert refused.headers["www-authenticate"] == 'Bearer realm="JupyterHub"'
    assert bare.status == 403


async def test_its_own_document_and_docs(stock: Service) -> None:
    """The OpenAPI document is the application's own, with the Hub's sign-in, which its own /docs uses."""
    document = (await stock.api().get("openapi.json")).json()
    page = (await stock.browser().visit("docs")).text

    assert (document["info"], sorted(document["paths"])) == (
        {"title": "Stock", "version": "3.2"},
        ["/", "/items/{name}", "/items/{name}/sales"],
    )
    [(name, scheme)] = document["components"]["securitySchemes"].items()
    assert (name, scheme["type"]) == ("JupyterHub", "oauth2")
    assert scheme["flows"]["authorizationCode"] == {
        "authorizationUrl": "/hub/api/oauth2/authorize",
        "tokenUrl": f"{PREFIX}token",
        "scopes": {},
    }
    assert document["paths"]["/items/{name}"]["get"]["security"] == [{"JupyterHub": []}]
    assert f'"oauth2RedirectUrl": "{PREFIX}oauth_callback"' in page
    assert "window.location.origin" not in page
    assert '"usePkceWithAuthorizationCodeGrant": true' in page


async def test_docs_of_what_is_mounted(stock: Service) -> None:
    """The documentation page of a mounted application that asks the Hub can sign in, too."""
    page = (await stock.browser().visit("reports/docs")).text

    assert f'"oauth2RedirectUrl": "{PREFIX}oauth_callback"' in page
    assert '"clientId": "service-fastapi"' in page


async def test_its_swagger_ui_comes_back_from_the_hub(stock: Service) -> None:
    """A callback whose state is not ours gets Swagger UI's page, on which only Swagger UI's script may run."""
    page = await stock.browser().visit("oauth_callback?state=swagger&code=x")

    assert "swaggerUIRedirectOauth2" in page.text
    assert "script-src 'sha256-" in page.headers["Content-Security-Policy"]
    assert page.headers["Cross-Origin-Opener-Policy"] == "unsafe-none"


async def test_streams_end_with_the_sign_in(serve: Serve) -> None:
    """An event stream of the application's own ends with a `problem` event when the token is revoked."""

    def add(app: FastAPI, hub: Hub) -> None:
        @app.get("/events")
        async def events(_user: Annotated[Identity, Depends(hub.user)]) -> StreamingResponse:
            async def parts() -> AsyncIterator[str]:
                yield "data: begun\n\n"
                await asyncio.Event().wait()

            return StreamingResponse(parts(), media_type="text/event-stream")

    service = await serve(app={"create": lambda settings: shop(settings, add=add)}, recheck_interval=0.05)
    token = service.hub.issue("testuser")
    headers = {"Authorization": f"Bearer {token}"}
    async with OpenConnection(service.app, "http", f"{PREFIX}events", headers=headers) as stream:
        await stream.until(lambda: "begun" in stream.said)
        service.hub.revoke(token)
        await stream.until_over()

    assert "event: problem" in stream.said
    assert "invalid_token" in stream.said


def test_scopes_are_named_one_by_one() -> None:
    """A list in their place would let nobody in, or fail in each request."""
    with pytest.raises(TypeError, match="one by one"):
        Hub(settings_of()).require(["custom:a", "custom:b"])  # type: ignore[arg-type]
