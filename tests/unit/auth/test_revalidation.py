"""WebSockets end when the sign-in does, within an interval, and are left alone while it lasts."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from time import monotonic
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from service.auth import revalidation
from service.auth.errors import NotAdmittedError
from service.auth.guard import CurrentUser, CurrentUserUnvetoed, Guard, require
from service.auth.hub import Hub
from service.auth.middleware import HubMiddleware
from service.hub.errors import InvalidTokenError
from service.hub.models import Identity
from service.testing import OUTAGES
from tests.support.open_connection import OpenConnection
from tests.support.polling import eventually
from tests.unit.conftest import ORIGIN, PREFIX, SESSION_ID, Serve, Service

INTERVAL = 0.05
ACCESS = "access:services!service=fastapi"
router = APIRouter()
left: list[str] = []


@router.websocket("/echo")
async def echo(websocket: WebSocket, user: CurrentUser) -> None:
    """Say everything back, and notice the end as most handlers do."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        left.append(user.name)


@router.websocket("/careless")
async def careless(websocket: WebSocket, _user: CurrentUser) -> None:
    """Say something for ever, and catch nothing."""
    await websocket.accept()
    while True:
        await websocket.send_text("x")


@router.websocket("/careless-tasks")
async def careless_tasks(websocket: WebSocket, _user: CurrentUser) -> None:
    """Likewise, in tasks."""
    await websocket.accept()

    async def speak() -> None:
        while True:
            await websocket.send_text("x")
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(speak())
        group.create_task(websocket.receive_text())


@router.websocket("/fails")
async def fails(websocket: WebSocket, user: CurrentUser) -> None:
    """Fail when something is said."""
    await websocket.accept()
    await websocket.receive_text()
    raise RuntimeError(user.name)


@router.websocket("/scoped", dependencies=[require("custom:x")])
async def scoped(websocket: WebSocket, user: CurrentUser) -> None:
    """Need a scope."""
    await echo(websocket, user)


@router.websocket("/brief")
async def brief(websocket: WebSocket, _user: CurrentUser) -> None:
    """Close, and do something else until nobody watches any more."""
    await websocket.accept()
    await websocket.close()

    async def is_unwatched() -> bool:
        return not watches()

    await eventually(is_unwatched, every=0)
    left.append("unwatched")


@router.websocket("/open")
async def open_to_all(websocket: WebSocket) -> None:
    """Ask nobody who they are."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


@router.websocket("/late-listener")
async def late_listener(websocket: WebSocket) -> None:
    """Ask who it is once it is open, then listen."""
    await websocket.accept()
    user = await Guard()(websocket)
    with suppress(WebSocketDisconnect):
        await websocket.receive_text()
    left.append(user.name)


@router.websocket("/late-speaker")
async def late_speaker(websocket: WebSocket) -> None:
    """Ask who it is once it is open, then speak."""
    await websocket.accept()
    await Guard()(websocket)
    while True:
        await websocket.send_text("x")


class Doorkeeper:
    """A veto that a test can turn on, or break."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def __call__(self, _identity: Identity, _conn: HTTPConnection) -> None:
        """Let everybody in, until told otherwise."""
        if self.error is not None:
            raise self.error


@pytest.fixture(autouse=True)
def _nobody_has_left() -> None:
    left.clear()


@pytest.fixture
def doorkeeper() -> Doorkeeper:
    """The veto of the service."""
    return Doorkeeper()


@pytest.fixture
async def live(serve: Serve, doorkeeper: Doorkeeper) -> Service:
    """A service that revalidates open connections twenty times a second."""
    return await serve(recheck_interval=INTERVAL, app={"routers": [router], "admit": [doorkeeper]})


def opened(
    service: Service, where: str, token: str = "", *, headers: Mapping[str, str] | None = None
) -> OpenConnection:
    """A WebSocket, to be opened with a token."""
    signed = {"Authorization": f"Bearer {token}"} if token else {}
    return OpenConnection(service.app, "websocket", f"{PREFIX}{where}", headers=signed | dict(headers or {}))


def asked(service: Service) -> int:
    """How often the Hub was asked who somebody is."""
    return service.hub.count("GET", "/user")


def watches() -> list[asyncio.Task[Any]]:
    """Return the tasks that still revalidate a connection."""
    return [task for task in asyncio.all_tasks() if "_judge_until_over" in repr(task.get_coro())]


async def test_it_stays_open_while_the_sign_in_lasts(live: Service) -> None:
    """A WebSocket stays open while its token is good. The Hub is asked each time, although its answer is cached."""
    async with opened(live, "echo", live.hub.issue("testuser")) as socket:
        await socket.until(lambda: asked(live) >= 4)
        socket.say("still here")
        await socket.until(lambda: socket.said == "still here")

        assert socket.closed is None


async def test_revoked(live: Service) -> None:
    """A revoked token's WebSocket is closed with 1008 and the reason. Its handler gets a disconnect."""
    token = live.hub.issue("testuser")
    async with opened(live, "echo", token) as socket:
        live.hub.revoke(token)
        await socket.until_over()

    assert socket.closed == (1008, "invalid_token")
    assert left == ["testuser"]
    assert watches() == []


@pytest.mark.parametrize("where", ["late-listener", "late-speaker"])
async def test_a_guard_called_late(live: Service, where: str) -> None:
    """A guard that a handler calls itself, after accepting, is revalidated like any other."""
    token = live.hub.issue("testuser")
    async with opened(live, where, token) as socket:
        await socket.until(watches)
        live.hub.revoke(token)
        await socket.until_over()

    assert socket.closed == (1008, "invalid_token")
    assert socket.messages[-1]["type"] == "websocket.close"
    assert watches() == []


@pytest.mark.parametrize("where", ["careless", "careless-tasks"])
async def test_nothing_passes_after_the_end(live: Service, where: str) -> None:
    """What a handler sends after the end does not reach the client, and is not an error."""
    token = live.hub.issue("testuser")
    async with opened(live, where, token) as socket:
        live.hub.revoke(token)
        await socket.until_over()
        assert socket.failure() is None

    assert socket.messages[-1]["type"] == "websocket.close"


async def test_signed_out_at_the_hub(live: Service) -> None:
    """Signing out at the Hub ends what a browser's cookie opened."""
    browser = await live.signed_in()
    held = "; ".join(f"{name}={value}" for (name, _path), value in browser.cookies().items())
    where = f"echo?_xsrf={browser.cookie('_xsrf', path=PREFIX)}"
    async with opened(live, where, headers={"Cookie": held, "Origin": ORIGIN}) as socket:
        await socket.until(lambda: asked(live) >= 2)
        live.hub.end_session(SESSION_ID)
        await socket.until_over()

    assert socket.closed == (1008, "invalid_token")


async def test_signed_out_here(live: Service) -> None:
    """Signing out here with a token ends the connections that it opened."""
    token = live.hub.issue("testuser")
    async with opened(live, "echo", token) as socket:
        async with live.api(token) as caller:
            assert (await caller.post("logout")).status_code == 204
        await socket.until_over()

    assert socket.closed == (1008, "invalid_token")


@pytest.mark.parametrize(
    ("route", "remaining"),
    [("scoped", [ACCESS]), ("scoped", ["custom:x"]), ("scoped-last", [ACCESS])],
    ids=["the scope of the route", "the access to the service", "the scope of the second guard"],
)
async def test_a_scope_is_withdrawn(live: Service, route: str, remaining: list[str]) -> None:
    """Every guard of the route is asked again, not only whether the token is known."""
    token = live.hub.add_service("reporter", scopes=[ACCESS, "custom:x"])
    async with opened(live, route, token) as socket:
        live.hub.add_service("reporter", scopes=remaining, token=token)
        await socket.until_over()

    assert socket.closed == (1008, "insufficient_scope")


@pytest.mark.parametrize("route", ["echo", "half-vetoed"])
async def test_a_veto(live: Service, doorkeeper: Doorkeeper, route: str) -> None:
    """A veto ends connections that are open already, also beside a guard without vetoes."""
    async with opened(live, route, live.hub.issue("testuser")) as socket:
        doorkeeper.error = NotAdmittedError()
        await socket.until_over()

    assert socket.closed == (1008, "not_admitted")


async def test_a_veto_that_fails(live: Service, doorkeeper: Doorkeeper, caplog: pytest.LogCaptureFixture) -> None:
    """If a veto fails, the connection ends at once, and the log has the failure without its text."""
    async with opened(live, "echo", live.hub.issue("testuser")) as socket:
        doorkeeper.error = RuntimeError("canary")
        await socket.until_over()

        assert isinstance(socket.failure(), ConnectionAbortedError)
    assert socket.said == ""
    assert "Unexpected RuntimeError" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage_is_no_sign_out(live: Service, outage: str) -> None:
    """While the Hub cannot be asked and its last answer still counts, a WebSocket stays open."""
    async with opened(live, "echo", live.hub.issue("testuser")) as socket:
        live.hub.outage = OUTAGES[outage]
        since = monotonic()
        await socket.until(lambda: monotonic() > since + 4 * INTERVAL)
        socket.say("still here")
        await socket.until(lambda: socket.said == "still here")

        assert socket.closed is None


async def test_a_long_outage(serve: Serve) -> None:
    """When the Hub's last answer no longer counts, the WebSocket is closed with 1013: try again later."""
    service = await serve(recheck_interval=INTERVAL, cache_ttl=0.01, stale_grace=0, app={"routers": [router]})
    async with opened(service, "echo", service.hub.issue("testuser")) as socket:
        service.hub.outage = OUTAGES["error_500"]
        await socket.until_over()

    assert socket.closed == (1013, "hub_unavailable")


async def test_many_connections_of_one_token_share_a_question(serve: Serve) -> None:
    """The Hub is asked once an interval for a token, however many connections it holds open."""
    interval = 0.4
    service = await serve(recheck_interval=interval, app={"routers": [router]})
    token = service.hub.issue("testuser")
    since = monotonic()
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(opened(service, "echo", token)) for _ in range(30)]
        await sockets[0].until(lambda: asked(service) >= 4)
        questions, intervals = asked(service), (monotonic() - since) / interval
        service.hub.revoke(token)
        for socket in sockets:
            await socket.until_over()

    assert questions <= 1 + intervals + 1  # one at the opening, and one for an interval that has just begun
    assert {socket.closed for socket in sockets} == {(1008, "invalid_token")}


async def test_without_a_guard_nobody_is_watched(live: Service) -> None:
    """A WebSocket of a route without a guard is not revalidated."""
    async with opened(live, "open") as socket:
        assert watches() == []
        socket.say("hello")
        await socket.until(lambda: socket.said == "hello")

    assert asked(live) == 0


@pytest.mark.parametrize("where", ["echo", "careless"])
async def test_the_client_goes(live: Service, where: str, caplog: pytest.LogCaptureFixture) -> None:
    """When a client hangs up, revalidation ends without an error in the log, whether the handler notices or not."""
    async with opened(live, where, live.hub.issue("testuser")) as socket:
        await socket.until(watches)
        if where == "careless":  # it would notice only by sending, which never fails here
            socket.task.cancel()

    assert watches() == []
    assert caplog.messages == []


async def test_the_handler_fails(live: Service) -> None:
    """A failure of the handler is reported as usual, and ends the revalidation."""
    async with opened(live, "fails", live.hub.issue("testuser")) as socket:
        socket.say("go")
        await socket.until_over()

        assert isinstance(socket.failure(), ConnectionAbortedError)
    assert watches() == []


@pytest.mark.parametrize("deaf", [False, True], ids=["listening", "deaf"])
async def test_a_handler_that_does_not_notice(live: Service, deaf: bool) -> None:  # noqa: FBT001 - a table
    """A handler that does not notice the end is cancelled after a while, whether the client still reads or not."""
    token = live.hub.issue("testuser")
    hub = Hub(live.settings)
    async with hub.open():

        async def stubborn(scope: Scope, _receive: Receive, send: Send) -> None:
            hub.bind(scope).guards.append(Guard())
            await send({"type": "websocket.accept"})
            try:
                await asyncio.Event().wait()
            finally:
                left.append("cancelled")

        app = HubMiddleware(stubborn, hub=hub, close_timeout=0.1)
        headers = {"Authorization": f"Bearer {token}"}
        async with OpenConnection(app, "websocket", "/", headers=headers, deaf=deaf) as socket:
            live.hub.revoke(token)
            await socket.until_over()

            assert not socket.task.cancelled()
    assert left == ["cancelled"]
    assert socket.closed == (None if deaf else (1008, "invalid_token"))


async def test_cancelled_from_outside(live: Service) -> None:
    """A handler that the server cancels, for example at a shutdown, stays cancelled."""
    async with opened(live, "echo", live.hub.issue("testuser")) as socket:
        socket.task.cancel()
        await socket.until_over()

        assert socket.task.cancelled()
    assert watches() == []


async def test_what_the_log_says(live: Service, caplog: pytest.LogCaptureFixture) -> None:
    """One line in the log says that a connection was ended and why. It has no token."""
    token = live.hub.issue("testuser")
    with caplog.at_level(logging.INFO, logger="service"):
        async with opened(live, "echo", token) as socket:
            live.hub.revoke(token)
            await socket.until_over()

    said = [record.getMessage() for record in caplog.records if record.name == "service"]
    assert said == ["An open connection has been ended: invalid_token."]
    assert token not in caplog.text


async def test_what_is_closed_by_its_handler_is_left_alone(live: Service) -> None:
    """A WebSocket that its handler has closed is no longer revalidated, even while the handler goes on."""
    async with opened(live, "brief", live.hub.issue("testuser")) as socket:
        await socket.until_over()

    assert left == ["unwatched"]
    assert socket.closed == (1000, "")


@router.websocket("/scoped-last")
async def scoped_last(websocket: WebSocket, user: CurrentUser, _: Annotated[Identity, require("custom:x")]) -> None:
    """Need a scope, by the second of two guards."""
    await echo(websocket, user)


@router.websocket("/half-vetoed")
async def half_vetoed(websocket: WebSocket, user: CurrentUserUnvetoed, _: CurrentUser) -> None:
    """Need to be admitted, by the second of two guards."""
    await echo(websocket, user)


@router.websocket("/task-fails")
async def task_fails(websocket: WebSocket, user: CurrentUser) -> None:
    """Fail in a task when something is said."""
    await websocket.accept()

    async def listen() -> None:
        await websocket.receive_text()
        raise RuntimeError(user.name)

    async with asyncio.TaskGroup() as group:
        group.create_task(listen())


async def test_a_task_of_the_handler_fails(live: Service, caplog: pytest.LogCaptureFixture) -> None:
    """An error in a task group of the handler ends the connection as anywhere, and is not lost."""
    async with opened(live, "task-fails", live.hub.issue("testuser")) as socket:
        socket.say("now")
        await socket.until(socket.task.done)

        assert isinstance(socket.failure(), ConnectionAbortedError)
    assert "Unexpected ExceptionGroup" in caplog.text


async def test_an_outage_is_no_sign_out_of_a_browser(live: Service) -> None:
    """While the Hub cannot be asked, what a browser's cookie opened stays open, too."""
    browser = await live.signed_in()
    held = "; ".join(f"{name}={value}" for (name, _path), value in browser.cookies().items())
    where = f"echo?_xsrf={browser.cookie('_xsrf', path=PREFIX)}"
    async with opened(live, where, headers={"Cookie": held, "Origin": ORIGIN}) as socket:
        live.hub.outage = OUTAGES["down"]
        since = monotonic()
        await socket.until(lambda: monotonic() > since + 4 * INTERVAL)
        socket.say("still here")
        await socket.until(lambda: socket.said == "still here" or socket.closed)

        assert socket.closed is None


async def watched(monkeypatch: pytest.MonkeyPatch, error: type[Exception], send: Send) -> revalidation.OpenConnection:
    """Return a WebSocket whose client goes on sending, and which is over, as judging it anew has raised the error."""

    async def raises(*_: object, **_more: object) -> None:
        raise error

    async def receive() -> Message:
        return {"type": "websocket.receive", "text": "canary"}

    async def is_over() -> bool:
        message = await connection.receive()
        return bool(message["type"] == "websocket.disconnect")

    monkeypatch.setattr(revalidation, "credential_of", lambda _connection: None)
    monkeypatch.setattr(revalidation, "judge_again", raises)
    scope = {"type": "websocket", "headers": []}
    connection = revalidation.OpenConnection(
        scope, receive, send, lambda _scope, _problem: {}, task=None, interval=0.001, close_timeout=1
    )
    connection.watch()
    await eventually(is_over)
    return connection


async def test_a_watch_that_fails_lets_nothing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that nobody judges any more is over, also for a handler that is not to be cancelled."""
    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    connection = await watched(monkeypatch, ZeroDivisionError, send)
    assert await connection.receive() == {"type": "websocket.disconnect", "code": 1006}
    with pytest.raises(OSError, match="closed"):
        await connection.send({"type": "websocket.send", "text": "canary"})
    with pytest.raises(ZeroDivisionError):
        await connection.stop()
    assert sent == []


async def test_the_client_has_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """If nobody is there any more to take the last message, that is no failure."""

    async def send(_message: Message) -> None:
        raise ConnectionResetError

    connection = await watched(monkeypatch, InvalidTokenError, send)
    await connection.stop()

    assert (await connection.receive())["type"] == "websocket.disconnect"
