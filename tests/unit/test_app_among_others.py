"""Our own service within other applications, and theirs within it; what of somebody else's it takes and refuses."""

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from uvicorn import Config

from service.app import ServiceApp, create, create_app
from service.errors import ConfigurationError
from service.settings import Settings
from tests.unit.conftest import HUB_HOST, ORIGIN, PREFIX, Serve, settings_of


async def test_our_service_within_another_application(serve: Serve) -> None:
    """Mounted under its prefix it works where the outer application runs its lifespan."""

    def build(settings: Settings) -> FastAPI:
        service = create_app(settings)
        outer = FastAPI(lifespan=service.lifespan)
        outer.mount(PREFIX.rstrip("/"), service)
        return outer

    service = await serve(app={"create": build})
    assert (await service.api(service.hub.issue("testuser")).get("me")).json()["name"] == "testuser"
    assert (await service.api().get("me")).status_code == 401


async def test_our_service_without_its_lifespan() -> None:
    """Mounted without that it answers nobody, and the log says what to write."""
    outer = FastAPI()
    outer.mount(PREFIX.rstrip("/"), create_app(settings_of()))
    with pytest.raises(RuntimeError, match="give its lifespan to the outermost one"):
        await httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url=ORIGIN).get(f"{PREFIX}me")


async def test_others_mount_into_it(serve: Serve) -> None:
    """What adds itself to an application, as gradio's `mount_gradio_app` does, finds FastAPI's own interface."""
    built: list[ServiceApp] = []

    def build(settings: Settings) -> ServiceApp:
        built.append(create_app(settings))
        part = FastAPI()
        part.get("/")(lambda: "part")
        built[0].fastapi.mount("/part", built[0].hub.protect(part))
        return built[0]

    service = await serve(app={"create": build})
    token = service.hub.issue("testuser")

    assert (await service.api(token).get("part/")).json() == "part"
    assert (await service.api().get("part/")).status_code == 401


def test_a_factory_for_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    """`uvicorn --factory service.app:create --reload` gets the service as the environment has it."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_NAME", "stock")
    config = Config("service.app:create", factory=True)
    config.load()

    assert isinstance(create(), ServiceApp)
    assert config.interface == "asgi3"


def mine() -> str:
    """A route of somebody's own."""
    return "mine"


def our_paths() -> APIRouter:
    """Return a router that has paths of our own service, and another."""
    router = APIRouter()
    for path in ("/me", "/health/live", "/mine"):
        router.get(path)(mine)
    return router


def test_paths_of_its_own_are_refused() -> None:
    """A router whose route would never answer is refused, with both named."""
    with pytest.raises(ConfigurationError) as raised:
        create_app(settings_of(), routers=[our_paths()])

    assert raised.value.problems == tuple(
        f"GET {path}: the service itself answers there, so that {__name__}.mine never would: move it"
        for path in ("/me", "/health/live")
    )


async def test_it_takes_fastapis_options(serve: Serve) -> None:
    """Title, version, description and tags are the builder's."""
    options = {"title": "Stock", "version": "3.2", "description": "What there is.", "openapi_tags": [{"name": "items"}]}
    service = await serve(app=options)
    document = (await service.api().get("openapi.json")).json()

    assert document["info"] == {"title": "Stock", "version": "3.2", "description": "What there is."}
    assert document["tags"] == [{"name": "items"}]
    with pytest.raises(TypeError, match="docs_url"):
        create_app(settings_of(), docs_url="/manual")


async def test_its_own_router_still_goes_into_ours(serve: Serve) -> None:
    """`create_app(routers=…)` takes a router whose dependencies are a guard of ours, as ever."""
    router = APIRouter()

    @router.get("/stock/{item}")
    def stock(item: str, request: Request) -> dict[str, Any]:
        return {"item": item, "url": str(request.url_for("stock", item="x"))}

    service = await serve(app={"routers": [router]})
    reply = await service.api().get("stock/chair")

    assert reply.json() == {"item": "chair", "url": f"{ORIGIN}{PREFIX}stock/x"}
    assert HUB_HOST not in reply.text
