"""The path of a request as it was sent, which not every server tells."""

from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from service.auth.request_path import raw_path
from service.testing.callers import NAVIGATION
from tests.unit.conftest import PREFIX, Service

SERVERS = {"says nothing of it": {}, "says None": {"raw_path": None}}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"path": "/a b", "raw_path": b"/a%20%62"}, "/a%20%62"),
        ({"path": "/a b/@/50%41", "raw_path": None}, "/a%20b/@/50%2541"),
        ({"path": "/łódź"}, "/%C5%82%C3%B3d%C5%BA"),
    ],
    ids=str,
)
def test_the_path(scope: dict[str, Any], expected: str) -> None:
    """It is as it was sent, or else encoded anew."""
    assert raw_path(scope) == expected


@pytest.mark.parametrize("said", SERVERS.values(), ids=SERVERS)
@pytest.mark.parametrize(
    ("where", "status", "location"),
    [
        ("me", 302, "/hub/api/oauth2/authorize"),
        ("", 200, ""),
        ("me/", 307, f"{PREFIX}me"),
        ("nothing%20there", 404, ""),
        ("login/token", 400, ""),
    ],
)
async def test_a_server_that_does_not_tell_it(
    service: Service, said: dict[str, None], where: str, status: int, location: str
) -> None:
    """Every page is as with any other server: `raw_path` may be missing (ASGI, HTTP connection scope)."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        told = {name: value for name, value in scope.items() if name != "raw_path"}
        await service.app(told | said, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url=service.home) as client:
        reply = await client.get(where, headers=NAVIGATION)

    assert (reply.status_code, reply.headers.get("Location", "").partition("?")[0]) == (status, location)
