"""Routes for a real Hub's tests: connections that stay open, and questions to the Hub in the caller's name."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, WebSocket
from fastapi.sse import EventSourceResponse

from service.auth.guard import CurrentUser, HubAsCaller

router = APIRouter(prefix="/live")


@router.websocket("/echo")
async def echo(websocket: WebSocket, _user: CurrentUser) -> None:
    """Say everything back."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


@router.get("/events", response_class=EventSourceResponse)
async def events(user: CurrentUser) -> AsyncIterator[str]:
    """Say who is there, and wait."""
    yield user.name
    await asyncio.Event().wait()


@router.get("/hub/{path:path}")
async def ask(path: str, hub: HubAsCaller) -> Any:  # noqa: ANN401 - whatever the Hub says
    """Ask the Hub for a path."""
    return await hub.get(*path.split("/"))
