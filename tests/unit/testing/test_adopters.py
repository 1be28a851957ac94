"""`open_service` for applications that are not this service: it makes them from settings, or from the environment."""

import os
import runpy
from typing import Annotated, cast

import pytest
from fastapi import Depends, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from service.auth import Hub, Identity
from service.settings import load_settings
from service.testing import OUTAGES, make_settings, open_service
from tests.support.node import REPOSITORY


def notes(greeting: str = "Hello") -> FastAPI:
    """Return somebody's application, as their own code makes it."""
    hub = Hub.from_env()
    app = FastAPI(lifespan=hub.lifespan)
    hub.install(app)

    @app.get("/hello")
    async def hello(user: Annotated[Identity, Depends(hub.user)]) -> str:
        return f"{greeting}, {user.name}"

    @app.post("/notes")
    async def write(user: Annotated[Identity, Depends(hub.require("custom:notes:write"))]) -> str:
        return user.name

    return app


async def test_an_application_with_a_hub() -> None:
    """Scripts and browsers call it, with the rights that the test gives them."""
    async with open_service(notes) as service:
        alice, bob = service.user("alice", scopes=["custom:notes:write"]), service.user("bob")

        assert (await alice.get("hello")).json() == "Hello, alice"
        assert (await alice.browser().post("notes")).json() == "alice"
        assert (await alice.browser().post("notes", headers={"X-XSRFToken": ""})).status_code == 403
        assert (await bob.post("notes")).status_code == 403
        assert (await service.user("carol", access=False).get("hello")).status_code == 403
        assert (await service.anonymous().get("hello")).status_code == 401


async def test_somebody_signs_in() -> None:
    """The whole way: to the Hub, back to the callback, and to the page."""
    async with open_service(notes, greeting="Welcome") as service:
        browser = service.anonymous().browser()
        away = await browser.visit("hello")
        page = await browser.visit(service.hub.authorize(away.headers["Location"]), follow=True)

        assert page.json() == "Welcome, testuser"


@pytest.mark.parametrize("outage", sorted(OUTAGES))
async def test_the_hub_is_out_of_order(outage: str) -> None:
    """Its failures are as easy to try as with the service itself."""
    async with open_service(notes) as service:
        service.hub.outage = OUTAGES[outage]

        assert (await service.user("alice").get("hello")).status_code == 503


async def test_an_application_without_fastapi() -> None:
    """An application of another framework, which reads the environment while it is made and when it starts."""
    example = REPOSITORY / "examples/hub_auth/starlette_app.py"
    before = dict(os.environ)
    async with open_service(lambda: cast("ASGIApp", runpy.run_path(str(example))["app"])) as service:
        assert dict(os.environ) == before
        assert (await service.user("alice").get("hello")).json() == {"hello": "alice"}
        assert (await service.user("bob", access=False).get("hello")).status_code == 403
        assert (await service.anonymous().get("hello")).status_code == 401


async def test_an_application_without_a_lifespan() -> None:
    """A bare ASGI application, which fails on anything but a request, is served."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with open_service(lambda: app) as service:
        assert (await service.anonymous().get("")).status_code == 204


async def test_what_a_hub_had_set_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that runs in a notebook server tells its application nothing of the Hub there."""
    monkeypatch.setenv("JUPYTERHUB_USER", "somebody")
    monkeypatch.setenv("HUB_TIMEOUT", "77")
    seen: dict[str, str] = {}

    def build(debug: str = "off") -> FastAPI:
        seen.update(os.environ, debug=debug)
        app = FastAPI()
        app.state.settings = load_settings()
        return app

    async with open_service(build, settings=make_settings(service_name="notes"), debug="on"):
        assert not {"JUPYTERHUB_USER", "HUB_TIMEOUT"} & set(seen)
        assert (seen["JUPYTERHUB_SERVICE_NAME"], seen["debug"]) == ("notes", "on")
        assert (os.environ["JUPYTERHUB_USER"], os.environ["HUB_TIMEOUT"]) == ("somebody", "77")


async def test_the_environment_is_restored_after_a_failed_start() -> None:
    """An application that does not start leaves nothing in the environment."""
    before = dict(os.environ)

    def broken() -> ASGIApp:
        raise LookupError(os.environ["JUPYTERHUB_API_URL"])

    with pytest.raises(LookupError, match="http://hub-"):
        async with open_service(broken):
            pass
    assert dict(os.environ) == before
