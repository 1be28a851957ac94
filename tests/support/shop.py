"""examples/existing_app, and a small application with a Hub, for tests."""

import runpy
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, WebSocket

from service.auth import Hub, Identity
from service.auth.hub import Lifespan
from service.settings import Settings
from service.testing.environment import environment_of
from tests.support.node import REPOSITORY

FOLDER = REPOSITORY / "examples" / "existing_app"


def example(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """Return the application of after.py, which reads its settings from the environment."""
    tell(settings, monkeypatch)
    app: FastAPI = runpy.run_path(str(FOLDER / "after.py"))["app"]
    return app


def tell(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put settings into the environment, as a Hub does."""
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)


def shop(
    settings: Settings,
    *,
    paths: Mapping[str, str] | None = None,
    harden: bool = False,
    install: bool = True,
    add: Callable[[FastAPI, Hub], None] = lambda _app, _hub: None,
    around: Lifespan | None = None,
    **options: Any,  # noqa: ANN401 - FastAPI's own
) -> FastAPI:
    """Return an application of somebody's own: `add` adds to it, `around` is its lifespan."""
    ours = Hub(settings)
    app = FastAPI(lifespan=ours.lifespan(around=around), **options)
    if install:
        ours.install(app, paths=dict(paths) if paths else None, harden=harden)
    else:
        app.include_router(ours.router)

    @app.get("/whoami")
    async def whoami(user: Annotated[Identity, Depends(ours.user)]) -> dict[str, str]:
        return {"name": user.name}

    @app.get("/open")
    async def open_to_all(user: Annotated[Identity | None, Depends(ours.visitor)]) -> str | None:
        return user.name if user else None

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, user: Annotated[Identity, Depends(ours.user)]) -> None:
        await websocket.accept()
        await websocket.send_text(user.name)

    add(app, ours)
    app.state.hub = ours
    return app
