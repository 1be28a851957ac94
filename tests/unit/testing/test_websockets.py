"""WebSockets in the process of a test: opening, messages, refusals and closing."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.websockets import WebSocketDisconnect

from service.auth import Hub
from service.auth.guard import CurrentUser
from service.testing import Browser, Caller, Service, make_settings, open_service

router = APIRouter()
PROTOCOL = "v1.token.websocket.jupyter.org"
left: list[str] = []


@router.websocket("/echo")
async def echo(websocket: WebSocket, user: CurrentUser) -> None:
    """Repeat each message, until "bye"."""
    await websocket.accept(subprotocol=next(iter(websocket.scope["subprotocols"]), None))
    await websocket.send_json({"name": user.name, "asked": websocket.query_params.get("asked")})
    try:
        while (said := await websocket.receive_text()) != "bye":
            await websocket.send_text(said)
    except WebSocketDisconnect as gone:
        left.append(f"{user.name} {gone.code}")
        return
    await websocket.close(4000, "as you wish")


@router.websocket("/broken")
async def broken(websocket: WebSocket, _user: CurrentUser) -> None:
    """Raise an unexpected error."""
    await websocket.accept()
    raise RuntimeError


@router.websocket("/ends")
async def ends(websocket: WebSocket) -> None:
    """Tell both ends of the connection."""
    await websocket.accept()
    await websocket.send_json([websocket.scope["client"][0], websocket.scope["server"][0]])


@router.websocket("/rude")
async def rude(websocket: WebSocket, _user: CurrentUser) -> None:
    """Refuse, as a route can."""
    await websocket.close()


@router.websocket("/reversed")
async def reversed_bytes(websocket: WebSocket, _user: CurrentUser) -> None:
    """Answer each binary message by its bytes in reverse."""
    await websocket.accept()
    async for data in websocket.iter_bytes():
        await websocket.send_bytes(data[::-1])


@router.websocket("/fails")
async def fails(_websocket: WebSocket, _user: CurrentUser) -> None:
    """Raise an unexpected error before anything else."""
    raise LookupError("no database")


@router.websocket("/silent")
async def silent(_websocket: WebSocket, _user: CurrentUser) -> None:
    """Return without an answer."""


def build() -> FastAPI:
    """Return the same routes in an application with a Hub."""
    hub = Hub.from_env()
    app = FastAPI(lifespan=hub.lifespan)
    hub.install(app)
    app.include_router(router)
    return app


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """The service, with these routes."""
    async with open_service(routers=[router]) as running:
        yield running


@pytest.fixture(params=["token", "cookie"])
def alice(service: Service, request: pytest.FixtureRequest) -> Caller | Browser:
    """A user with access."""
    made = service.user("alice")
    return made if request.param == "token" else made.browser()


async def test_talking(alice: Caller | Browser) -> None:
    """Both ends can send, and the application can close."""
    async with alice.websocket("echo", params={"asked": "a b"}) as socket:
        assert await socket.receive_json() == {"name": "alice", "asked": "a b"}
        await socket.send_json([1])
        assert await socket.receive_json() == [1]
        await socket.send_text("bye")
        with pytest.raises(WebSocketDisconnect) as closed:
            await socket.receive_text()

    assert (closed.value.code, closed.value.reason) == (4000, "as you wish")


async def test_binary_messages(alice: Caller | Browser) -> None:
    """Any bytes go both ways."""
    async with alice.websocket("reversed") as socket:
        await socket.send_bytes(b"\xff\x00")
        assert await socket.receive_bytes() == b"\x00\xff"


async def test_a_message_of_the_other_kind(alice: Caller | Browser) -> None:
    """Text and bytes are not taken for each other, as pages do not: the test is told, and goes on."""
    async with alice.websocket("reversed") as socket:
        await socket.send_bytes(b"{}")
        await socket.send_bytes(b"12")
        with pytest.raises(TypeError, match="receive_bytes"):
            await socket.receive_json()
        assert await socket.receive_bytes() == b"21"
    async with alice.websocket("echo") as socket:
        with pytest.raises(TypeError, match="receive_text"):
            await socket.receive_bytes()


async def test_leaving(alice: Caller | Browser) -> None:
    """When the block ends, the application is told and ends, too."""
    left.clear()
    async with alice.websocket("echo"):
        assert left == []

    assert left == ["alice 1000"]


async def test_a_subprotocol_signs_in(service: Service) -> None:
    """Where no header can be set, a subprotocol has the token. The chosen subprotocol is known."""
    offered = [PROTOCOL, f"{PROTOCOL}.{service.user('alice').token}"]
    async with service.anonymous().websocket("echo", subprotocols=offered) as socket:
        assert (await socket.receive_json())["name"] == "alice"
        assert socket.subprotocol == PROTOCOL


async def test_a_refusal(service: Service) -> None:
    """A refused handshake raises httpx's own error, with the response."""
    with pytest.raises(httpx.HTTPStatusError) as refused:
        async with service.anonymous().websocket("echo"):
            pass

    assert (refused.value.response.status_code, refused.value.response.json()["code"]) == (401, "not_signed_in")


async def test_a_refusal_by_closing(alice: Caller | Browser) -> None:
    """A route that closes before it accepts is an empty 403, as with a server."""
    with pytest.raises(httpx.HTTPStatusError, match="403 Forbidden"):
        async with alice.websocket("rude"):
            pass


async def test_a_failure_before_the_handshake() -> None:
    """It is raised as it is: a server would answer 500, and a refusal is none of this."""
    async with open_service(build) as service:
        with pytest.raises(LookupError, match="no database"):
            async with service.user("alice").websocket("fails"):
                pass


async def test_a_failure_of_the_service_before_the_handshake(alice: Caller | Browser) -> None:
    """The service logs what it was, and aborts the connection."""
    with pytest.raises(ConnectionError):
        async with alice.websocket("fails"):
            pass


async def test_an_end_before_the_handshake(alice: Caller | Browser) -> None:
    """To a route that returns without an answer, a server answers 500."""
    with pytest.raises(httpx.HTTPStatusError, match="500 Internal Server Error"):
        async with alice.websocket("silent"):
            pass


async def test_a_page_of_another_origin(service: Service) -> None:
    """A browser's WebSocket has the Origin of its page, which may be another one."""
    with pytest.raises(httpx.HTTPStatusError) as refused:
        async with service.user("alice").browser().websocket("echo", headers={"Origin": "https://elsewhere.test"}):
            pass

    assert refused.value.response.json()["code"] == "origin"


async def test_who_has_left_is_shown_out() -> None:
    """Open connections are judged again as in a real service: after a revocation they are closed."""
    async with open_service(routers=[router], settings=make_settings(recheck_interval=0.05)) as service:
        alice = service.user("alice")
        async with alice.websocket("echo") as socket:
            assert (await socket.receive_json())["name"] == "alice"
            alice.revoke()
            with pytest.raises(WebSocketDisconnect) as closed:
                await socket.receive_text()

    assert (closed.value.code, closed.value.reason) == (1008, "invalid_token")


async def test_a_failure(alice: Caller | Browser) -> None:
    """If the application fails, the connection is closed with 1006, as by a server."""
    async with alice.websocket("broken") as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            await socket.receive_text()

    assert closed.value.code == 1006
    assert isinstance(closed.value.__cause__, ConnectionError)


async def test_a_failure_that_no_message_tells(alice: Caller | Browser) -> None:
    """The test hears of it at the end of the block."""
    with pytest.raises(ConnectionError):
        async with alice.websocket("broken"):
            pass


async def test_the_client_and_the_server(alice: Caller | Browser) -> None:
    """The handler sees both, as with a server."""
    async with alice.websocket("ends") as socket:
        assert await socket.receive_json() == ["127.0.0.1", urlsplit(alice.service.url).hostname]


async def test_the_test_s_own_failure_is_heard(alice: Caller | Browser) -> None:
    """An error inside the block is raised as it is, and nothing is left running."""
    before = asyncio.all_tasks()
    with pytest.raises(LookupError):
        async with alice.websocket("echo"):
            raise LookupError

    assert asyncio.all_tasks() == before
