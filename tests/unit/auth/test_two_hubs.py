"""Two Hubs in one request, as where an application with a Hub is mounted in another: each judges for itself."""

from collections.abc import Callable

import pytest
from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from service.auth import Hub, Identity
from service.auth.errors import NotAdmittedError
from service.settings import Settings
from tests.support.open_connection import OpenConnection
from tests.unit.auth.streams import events, said_when_withdrawn
from tests.unit.conftest import PREFIX, Serve


class Door:
    """A veto that can be closed."""

    def __init__(self) -> None:
        self.is_closed = False

    async def __call__(self, _identity: Identity, _conn: HTTPConnection) -> None:
        """Raises NotAdmittedError once it is closed."""
        if self.is_closed:
            raise NotAdmittedError


@pytest.fixture
def door() -> Door:
    """The outer Hub's veto."""
    return Door()


def within(door: Door) -> Callable[[Settings], FastAPI]:
    """Return what builds an application whose Hub protects a mounted application with a Hub of its own."""

    def build(settings: Settings) -> FastAPI:
        outer, inner = Hub(settings, admit=[door]), Hub(settings)
        part = FastAPI()
        inner.install(part)
        part.get("/events", dependencies=[Depends(inner.user)])(events)
        app = FastAPI(lifespan=outer.lifespan(around=inner.lifespan))
        outer.install(app)
        app.mount("/part", outer.protect(part))
        return app

    return build


def beside(door: Door) -> Callable[[Settings], FastAPI]:
    """Return what builds an application with routes that two Hubs guard."""

    def build(settings: Settings) -> FastAPI:
        first, second = Hub(settings, admit=[door]), Hub(settings)
        app = FastAPI(lifespan=first.lifespan(around=second.lifespan))
        first.install(app)
        guards = [Depends(first.user), Depends(second.user)]
        app.get("/part/events", dependencies=guards)(events)
        app.get("/scope", dependencies=[*guards, Depends(first.require("custom:part"))])(lambda: "in")
        return app

    return build


@pytest.mark.parametrize("build", [within, beside])
async def test_either_may_end_what_is_open(
    serve: Serve, door: Door, build: Callable[[Door], Callable[[Settings], FastAPI]]
) -> None:
    """A stream that two Hubs guard ends when the outer one no longer admits its caller, although the inner one does."""
    service = await serve(app={"create": build(door)}, recheck_interval=0.05)
    headers = {"Authorization": f"Bearer {service.hub.issue('testuser')}"}
    async with OpenConnection(service.app, "http", f"{PREFIX}part/events", headers=headers) as stream:
        await stream.until(lambda: "begun" in stream.said)
        door.is_closed = True
        await stream.until_over()

    assert "event: problem" in stream.said


async def test_each_judges_what_is_asked_of_it(serve: Serve, door: Door) -> None:
    """A Hub checks its own scopes and veto, even if another Hub is asked in between."""
    service = await serve(app={"create": beside(door)})
    alice = service.user("alice", scopes=["custom:part"])

    assert (await service.user("bob").get("scope")).status_code == 403
    assert (await alice.get("scope")).json() == "in"
    door.is_closed = True
    assert (await alice.get("scope")).status_code == 403


async def test_a_scope_of_one_hub_ends_what_two_guard(serve: Serve) -> None:
    """A stream that two Hubs guard ends when its token loses the scope that the first one requires after both."""

    def build(settings: Settings) -> FastAPI:
        first, second = Hub(settings), Hub(settings)
        app = FastAPI(lifespan=first.lifespan(around=second.lifespan))
        first.install(app)
        guards = [Depends(first.user), Depends(second.user), Depends(first.require("custom:part"))]
        app.get("/events", dependencies=guards)(events)
        return app

    service = await serve(app={"create": build}, recheck_interval=0.05)

    assert "event: problem" in await said_when_withdrawn(service, "custom:part")
