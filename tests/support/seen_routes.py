"""Routes that tell what reached them, for the tests of what stands in front."""

from fastapi import APIRouter, Request
from starlette.requests import HTTPConnection

router = APIRouter(prefix="/seen")


@router.get("")
async def seen(request: Request) -> dict[str, object]:
    """Return the caller's address and the scheme, as the service counts by them, and all headers."""
    return _seen(request)


@router.post("", max_body_size=1024 * 1024)
async def seen_with_body(request: Request) -> dict[str, object]:
    """Likewise, with how many bytes came."""
    return {**_seen(request), "size": len(await request.body())}


def _seen(connection: HTTPConnection) -> dict[str, object]:
    client = connection.client
    return {
        "client": client.host if client else None,
        "scheme": connection.url.scheme,
        "headers": dict(connection.headers),
    }
