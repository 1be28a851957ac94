"""Routes for tests of the wire: whom the server takes the caller for, and an answer that is long."""

import os
from collections.abc import Iterator

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import StreamingResponse

PIECE, PIECES = bytes(64 * 1024), 1024  # 64 MB: more than what all buffers on the way hold

router = APIRouter(prefix="/wire")


@router.get("/seen")
async def seen(request: Request) -> dict[str, object]:
    """Say whence the request came, how, and who answers."""
    address = request.client.host if request.client else None
    return {"client": address, "scheme": request.url.scheme, "process": os.getpid()}


@router.websocket("/seen")
async def seen_by_websocket(websocket: WebSocket) -> None:
    """Say the same."""
    await websocket.accept()
    await websocket.send_json(
        {"client": websocket.client.host if websocket.client else None, "scheme": websocket.url.scheme}
    )
    await websocket.close()


@router.get("/download")
async def download() -> StreamingResponse:
    """Send piece by piece."""

    def pieces() -> Iterator[bytes]:
        for _ in range(PIECES):
            yield PIECE

    return StreamingResponse(pieces(), media_type="application/octet-stream")
