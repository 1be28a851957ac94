"""The dependencies of a Hub in all places where FastAPI takes one."""

import json
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.requests import HTTPConnection

from service.auth import CallerClient, Hub, Identity, NotAdmittedError
from service.settings import Settings
from service.testing import OUTAGES
from tests.support.shop import shop
from tests.unit.auth.streams import events, said_when_withdrawn
from tests.unit.conftest import Serve, Service, connect

ACCESS = "access:services!service=fastapi"
READ = "custom:notes:read"


def add(app: FastAPI, hub: Hub) -> None:
    """Add routes with guards of all kinds."""

    class Notes:
        def __init__(self, user: Annotated[Identity, Depends(hub.user)]) -> None:
            self.owner = user.name

    @app.get("/class")
    def by_class(notes: Annotated[Notes, Depends()]) -> str:
        return notes.owner

    router = APIRouter(prefix="/router", dependencies=[Depends(hub.require(READ))])

    @router.get("/notes")
    def by_router(user: Annotated[Identity, Depends(hub.user)]) -> str:
        return user.name

    app.include_router(router)

    @app.get("/admin")
    async def admin(user: Annotated[Identity, Depends(hub.admin)]) -> str:
        return user.name

    @app.get("/as-caller")
    async def as_caller(client: Annotated[CallerClient, Depends(hub.as_caller)]) -> str:
        return str((await client.get("user"))["name"])

    @app.websocket("/scoped")
    async def scoped(websocket: WebSocket, user: Annotated[Identity, Depends(hub.require(READ))]) -> None:
        await websocket.accept()
        await websocket.send_text(user.name)

    inner = FastAPI(dependencies=[Depends(hub.require(READ))])
    inner.get("/notes")(lambda: "inner")

    @inner.websocket("/socket")
    async def inner_socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("inner")

    app.mount("/inner", inner)


@pytest.fixture
async def service(serve: Serve) -> Service:
    """An application with all these routes."""
    return await serve(app={"create": lambda settings: shop(settings, add=add)})


async def test_rights(service: Service) -> None:
    """Each dependency lets in the callers who may use its route. Strangers get 401, and others get 403."""
    service.hub.add_user("reader", scopes={ACCESS, READ})
    service.hub.add_user("root", scopes={ACCESS}, admin=True)
    service.hub.add_user("outsider", scopes=set())
    callers = {name: service.api(service.hub.issue(name)) for name in ("testuser", "reader", "root", "outsider")}
    callers["stranger"] = service.api()
    callers["impostor"] = service.api("wrong")

    async def statuses(path: str) -> dict[str, int]:
        return {name: (await api.get(path)).status_code for name, api in callers.items()}

    nobody = {"outsider": 403, "stranger": 401, "impostor": 401}
    assert await statuses("class") == {"testuser": 200, "reader": 200, "root": 200} | nobody
    for path in ("router/notes", "inner/notes"):
        assert await statuses(path) == {"testuser": 403, "reader": 200, "root": 403} | nobody
    assert await statuses("admin") == {"testuser": 403, "reader": 403, "root": 200} | nobody
    assert await statuses("open") == dict.fromkeys(callers, 200)
    assert [(await callers[name].get("open")).json() for name in ("testuser", "outsider", "impostor", "stranger")] == [
        "testuser",
        *[None] * 3,
    ]


async def test_websockets(service: Service) -> None:
    """A WebSocket requires scopes as a route does, and a refusal names them, also in a nested application."""
    service.hub.add_user("reader", scopes={ACCESS, READ})
    reader, user = ({"Authorization": f"Bearer {service.hub.issue(name)}"} for name in ("reader", "testuser"))

    assert (await connect(service, "scoped", headers=reader)).text == "reader"
    assert (await connect(service, "inner/socket", headers=reader)).text == "inner"
    for path in ("scoped", "inner/socket"):
        refused = await connect(service, path, headers=user)
        assert (refused.status, json.loads(refused.text)["scopes"]) == (403, [READ])
        assert (await connect(service, path)).status == 401


async def test_in_the_callers_name(service: Service) -> None:
    """`hub.as_caller` asks the Hub with the caller's own token, and refuses a caller without one."""
    assert (await service.api(service.hub.issue("testuser")).get("as-caller")).json() == "testuser"
    assert (await service.api().get("as-caller")).status_code == 401


@pytest.mark.parametrize("outage", sorted(OUTAGES))
async def test_an_outage(service: Service, outage: str) -> None:
    """While the Hub cannot be asked, nobody is told that their token is bad."""
    token = service.hub.issue("testuser")
    service.hub.outage = OUTAGES[outage]
    reply = await service.api(token).get("whoami")
    visited = await service.api(token).get("open")

    assert (reply.status_code, reply.json()["code"]) == (503, "hub_unavailable")
    assert reply.headers["Retry-After"]
    assert (visited.status_code, visited.json()) == (200, None)


async def test_vetoes(serve: Serve) -> None:
    """An adopter's own function in `admit` can refuse a caller, and the answer has its words."""

    async def people_only(identity: Identity, _conn: HTTPConnection) -> None:
        if identity.kind != "user":
            raise NotAdmittedError("For people.")

    def build(settings: Settings) -> FastAPI:
        hub = Hub(settings, admit=[people_only])
        app = FastAPI(lifespan=hub.lifespan)
        hub.install(app)
        app.get("/people", dependencies=[Depends(hub.user)])(lambda: "people")
        return app

    service = await serve(app={"create": build})
    robot = service.hub.add_service("robot", scopes={ACCESS})

    refused = await service.api(robot).get("people")
    assert (refused.status_code, refused.json()["detail"]) == (403, "For people.")
    assert (await service.api(service.hub.issue("testuser")).get("people")).status_code == 200


async def test_what_is_open_ends_with_a_scope(serve: Serve) -> None:
    """A stream that `hub.require` let in ends when its scope is withdrawn, although its token still has access."""

    def build(settings: Settings) -> FastAPI:
        hub = Hub(settings)
        app = FastAPI(lifespan=hub.lifespan)
        hub.install(app)
        app.get("/events", dependencies=[Depends(hub.require(READ))])(events)
        return app

    service = await serve(app={"create": build}, recheck_interval=0.05)

    assert '"code":"insufficient_scope"' in await said_when_withdrawn(service, READ)
