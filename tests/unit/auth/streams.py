"""A stream that never ends by itself, and what ends it."""

import asyncio
from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse

from tests.support.open_connection import OpenConnection
from tests.unit.conftest import PREFIX, Service

ACCESS = "access:services!service=fastapi"


async def events() -> StreamingResponse:
    """Stream one event, and never end."""

    async def parts() -> AsyncIterator[str]:
        yield "data: begun\n\n"
        await asyncio.Event().wait()

    return StreamingResponse(parts(), media_type="text/event-stream")


async def said_when_withdrawn(service: Service, scope: str) -> str:
    """Open the application's `/events` with access and a scope, withdraw the scope; return all that the stream said."""
    token = service.hub.issue("testuser", scopes=[ACCESS, scope])
    headers = {"Authorization": f"Bearer {token}"}
    async with OpenConnection(service.app, "http", f"{PREFIX}events", headers=headers) as stream:
        await stream.until(lambda: "begun" in stream.said)
        service.hub.rescope(token, [ACCESS])
        await stream.until_over()
    return stream.said
