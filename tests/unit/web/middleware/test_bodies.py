"""Which bodies are read, how much of them is held, and how long the service waits for them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth.forms import returns_form
from service.auth.guard import CurrentUser, require
from service.testing.callers import NAVIGATION
from service.web.errors import BodyTooSlowError
from service.web.middleware.bodies import STRANGERS_BODY, Bodies, RefusedBody, Timeouts, streams_body
from tests.unit.conftest import ORIGIN, PREFIX, Serve, Service

LARGE = STRANGERS_BODY + 1
SIZE = 4_000_000  # bytes for callers; 1 MB for strangers, 250 kB for those of one address


class Text(BaseModel):
    """A body."""

    text: str


router = APIRouter()
guarded_router = APIRouter(prefix="/all", dependencies=[require()])


@router.post("/guarded")
async def guarded(sent: Text, _user: CurrentUser) -> int:
    """Take JSON from callers."""
    return len(sent.text)


@router.post("/guarded-form")
async def guarded_form(text: Annotated[str, Form()], _user: CurrentUser) -> int:
    """Take a form from callers."""
    return len(text)


@guarded_router.post("/json")
async def guarded_by_router(sent: Text) -> int:
    """Take JSON from callers. The guard is the router's."""
    return len(sent.text)


def _nested(_user: CurrentUser) -> None:
    """A dependency that has a guard."""


@router.post("/nested", dependencies=[Depends(_nested)])
async def guarded_by_another(sent: Text) -> int:
    """Take JSON from callers. The guard is a dependency of a dependency."""
    return len(sent.text)


@router.post("/open")
async def anybody(request: Request) -> int:
    """Take anything from anybody."""
    return len(await request.body())


@router.post("/open-and-long", max_body_size=LARGE)
async def anybody_at_length(request: Request) -> int:
    """Take more from anybody."""
    return len(await request.body())


@router.post("/stream", dependencies=[Depends(streams_body)], max_body_size=10 * SIZE)
async def stream(request: Request, _user: CurrentUser) -> int:
    """Count the bytes, and keep none."""
    return sum([len(piece) async for piece in request.stream()])


router.include_router(guarded_router)
SERVICE: Mapping[str, Any] = {"app": {"routers": [router]}, "body_memory": SIZE}
GUARDED = ["guarded", "all/json", "nested"]
JSON = {"Content-Type": "application/json"}


class Sending:
    """A request whose body is sent piece by piece. `read` counts the pieces that the application has taken."""

    def __init__(self, app: ASGIApp, path: str, *, headers: Mapping[str, str], address: str = "192.0.2.1") -> None:
        """Start without sending anything."""
        framing = {} if "Content-Length" in headers else {"Transfer-Encoding": "chunked"}
        given = {"host": httpx.URL(ORIGIN).host, **framing, **headers}
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": f"{PREFIX}{path}",
            "raw_path": f"{PREFIX}{path}".encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
            "client": (address, 50_000),
        }
        self.read = 0
        self.has_begun = asyncio.Event()
        self.sent: list[Message] = []
        self._pieces: asyncio.Queue[Message] = asyncio.Queue()
        self._app = app

    def piece(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece."""
        self._pieces.put_nowait({"type": "http.request", "body": body, "more_body": more})

    async def receive(self) -> Message:
        """Take a piece, as the application does."""
        message = await self._pieces.get()
        self.read += 1
        self.has_begun.set()
        return message

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    async def answer(self) -> int:
        """Return the status of the response."""
        await self._app(self.scope, self.receive, self._send)
        return self.status

    @property
    def status(self) -> int:
        """The status of the response."""
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response."""
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def code(self) -> str:
        """The code in the response."""
        return str(httpx.Response(self.status, content=self.sent[1]["body"]).json()["code"])


def other(service: Service, name: str) -> str:
    """Return a token of another user with access."""
    service.hub.add_user(name)
    return service.hub.issue(name)


def bearer(token: str) -> dict[str, str]:
    """Return the header with a token."""
    return {**JSON, "Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("headers", [{}, bearer("unknown")], ids=["no credential", "a bad one"])
async def test_a_strangers_body_is_not_read(service: Service, path: str, headers: dict[str, str]) -> None:
    """A guarded route refuses a stranger before it reads any of the body."""
    sending = Sending(service.app, path, headers={**JSON, "Content-Length": "1000000", **headers})

    async with asyncio.timeout(5):
        assert await sending.answer() == 401

    assert sending.read == 0
    assert sending.headers["connection"] == "close"
    assert sending.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", GUARDED)
async def test_a_body_that_waits_to_be_asked_for(service: Service, path: str) -> None:
    """Refusing a client that waits for 100 Continue ends the connection: its next request would look like a body."""
    headers = {**JSON, "Content-Length": "30", "Expect": "100-continue"}
    sending = Sending(service.app, path, headers=headers)

    async with asyncio.timeout(5):
        assert await sending.answer() == 401

    assert (sending.read, sending.headers["connection"]) == (0, "close")


@pytest.mark.parametrize("path", GUARDED)
async def test_the_body_of_somebody_without_access_is_not_read(service: Service, path: str) -> None:
    """A Hub user without access cannot use the room for callers."""
    token = service.hub.issue("testuser", scopes=["read:users!user"])
    sending = Sending(service.app, path, headers={"Content-Length": "1000000", **bearer(token)})

    async with asyncio.timeout(5):
        assert await sending.answer() == 403

    assert (sending.read, sending.code) == (0, "insufficient_scope")


@pytest.mark.parametrize("path", GUARDED)
async def test_the_refusal_is_the_one_of_a_request_without_a_body(service: Service, path: str) -> None:
    """The refusal is the same as without a body. With a small body, the connection stays open."""
    api = service.api()

    refused, plain = await api.post(path, json={"text": "x"}), await api.get("me")

    assert refused.json() == plain.json()
    different = {"x-request-id"}
    assert {k: v for k, v in refused.headers.items() if k not in different} == {
        k: v for k, v in plain.headers.items() if k not in different
    }


@pytest.mark.parametrize("path", GUARDED)
async def test_callers_are_served(service: Service, path: str) -> None:
    """A caller can send what the route accepts, small or large, with a token or a cookie."""
    token = service.hub.issue("testuser")
    browser = await service.signed_in()
    xsrf = {"X-XSRFToken": browser.cookie("_xsrf") or ""}

    small = await service.api(token).post(path, json={"text": "x"})
    large = await service.api(token).post(path, json={"text": "x" * LARGE})
    by_cookie = await browser.fetch("POST", path, json={"text": "xx"}, headers=xsrf)

    assert [reply.status_code for reply in (small, large, by_cookie)] == [200] * 3
    assert [reply.json() for reply in (small, large, by_cookie)] == [1, LARGE, 2]


async def test_a_caller_is_asked_about_once(service: Service) -> None:
    """The guard, which runs after the body was read, does not ask the Hub again."""
    token = service.hub.issue("testuser")
    before = len(service.hub.requests)

    await service.api(token).post("guarded", json={"text": "x"})

    assert len(service.hub.requests) == before + 1


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param({}, "xsrf", id="no token"),
        pytest.param({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, "origin", id="another origin"),
    ],
)
async def test_a_cookie_without_its_xsrf_token(service: Service, headers: dict[str, str], code: str) -> None:
    """For a cookie, origin and XSRF token are checked before the body is read."""
    browser = await service.signed_in()
    cookie = browser.signing(PREFIX)["Cookie"]
    sending = Sending(service.app, "guarded", headers={**JSON, "Content-Length": "9", "Cookie": cookie, **headers})

    async with asyncio.timeout(5):
        assert await sending.answer() == 403

    assert (sending.read, sending.code) == (0, code)


async def test_a_forms_own_xsrf_token(service: Service) -> None:
    """A form may have the XSRF token inside. It is read if the cookie is valid, and then checked as usual."""
    browser = await service.signed_in()
    right = {"text": "xx", "_xsrf": browser.cookie("_xsrf") or ""}

    taken = await browser.fetch("POST", "guarded-form", data=right)
    refused = await browser.fetch("POST", "guarded-form", data={**right, "_xsrf": "wrong"})

    assert (taken.status_code, taken.json()) == (200, 2)
    assert (refused.status_code, refused.json()["code"]) == (403, "xsrf")


async def test_a_form_of_no_one(service: Service) -> None:
    """A form without a valid cookie is not read."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "100000", "Cookie": "x=y"}
    sending = Sending(service.app, "guarded-form", headers=form)

    async with asyncio.timeout(5):
        assert await sending.answer() == 401

    assert sending.read == 0


# Routes that are open to all


@pytest.mark.parametrize("is_announced", [True, False], ids=["announced", "in chunks"])
@pytest.mark.parametrize(
    ("path", "who", "status"),
    [("open", "", 413), ("open", "bad", 413), ("open", "good", 200), ("open-and-long", "", 200)],
)
async def test_a_large_body(service: Service, path: str, who: str, status: int, is_announced: bool) -> None:  # noqa: FBT001 - a table
    """An open route accepts less from a stranger, unless it sets its own limit, and as usual from a caller."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * (LARGE - 1)
        yield b"x"

    token = service.hub.issue("testuser") if who == "good" else who
    reply = await service.api(token).post(path, content=b"x" * LARGE if is_announced else pieces())

    assert reply.status_code == status
    assert reply.json() == LARGE or reply.json()["code"] == "content_too_large"


async def test_an_open_route_asks_nobody(service: Service) -> None:
    """A credential with a small body for an open route is not sent to the Hub: it may be for another service."""
    before = len(service.hub.requests)

    reply = await service.api("somebody-elses").post("open", content=b"xx")

    assert (reply.json(), len(service.hub.requests)) == (2, before)


# What is held


async def holding(service: Service, path: str, size: int, **options: Any) -> tuple[Sending, "asyncio.Task[int]"]:  # noqa: ANN401
    """Send a part of a body, and wait until it is read."""
    sending = Sending(service.app, path, **options)
    task = asyncio.create_task(sending.answer())
    sending.piece(b"x" * size)
    async with asyncio.timeout(5):
        await sending.has_begun.wait()
    return sending, task


async def test_one_caller_has_a_share(serve: Serve) -> None:
    """A caller who sends too much at once is refused with Retry-After. Others are served, and so is this one later."""
    service = await serve(**SERVICE)
    alice, bob = service.hub.issue("testuser"), other(service, "bob")
    held = [await holding(service, "guarded", 300_000, headers=bearer(alice)) for _ in range(3)]

    refused = await service.api(alice).post("guarded", json={"text": "x" * 200_000})
    others = await service.api(bob).post("guarded", json={"text": "x" * 200_000})
    for sending, _ in held:
        sending.piece(b"", more=False)
    ended = {await task for _, task in held}
    again = await service.api(alice).post("guarded", json={"text": "x" * 200_000})

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_bodies")
    assert refused.headers["Retry-After"] == "1"
    assert (others.status_code, again.status_code, ended) == (200, 200, {422})


async def test_no_room_for_callers(serve: Serve) -> None:
    """If all callers together send too much, only the request that exceeds the limit is refused."""
    service = await serve(**SERVICE)
    tokens = [other(service, f"user-{number}") for number in range(4)]
    held = [await holding(service, "guarded", 990_000, headers=bearer(token)) for token in tokens]

    refused = await service.api(service.hub.issue("testuser")).post("guarded", json={"text": "x" * 100_000})
    small = await service.api(service.hub.issue("testuser")).post("guarded", json={"text": "x"})
    for sending, _ in held:
        sending.piece(b"", more=False)
    ended = {await task for _, task in held}

    assert (refused.status_code, refused.json()["code"]) == (503, "bodies_full")
    assert refused.headers["Retry-After"] == "1"
    assert (small.status_code, ended) == (200, {422})


async def test_strangers_do_not_take_the_room_of_callers(serve: Serve) -> None:
    """Strangers have their own room, and each address a share of it."""
    service = await serve(**SERVICE)
    held = [
        await holding(service, "open", 125_000, headers={}, address=f"192.0.2.{number // 2}") for number in range(8)
    ]

    same = Sending(service.app, "open", headers={}, address="192.0.2.1")
    other = Sending(service.app, "open", headers={}, address="198.51.100.1")
    same.piece(b"x" * 1000, more=False)
    other.piece(b"x" * 1000, more=False)
    refused = await same.answer(), await other.answer()
    caller = await service.api(service.hub.issue("testuser")).post("guarded", json={"text": "x" * 900_000})
    for sending, _ in held:
        sending.piece(b"", more=False)
    ended = {await task for _, task in held}

    assert refused == (429, 503)
    assert (same.code, other.code) == ("too_many_bodies", "bodies_full")
    assert (caller.status_code, ended) == (200, {200})


async def test_a_stream_is_not_held(serve: Serve) -> None:
    """Only the current piece of a stream counts, so a stream may have any length."""
    service = await serve(**SERVICE)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 500_000

    reply = await service.api(service.hub.issue("testuser")).post("stream", content=pieces())

    assert (reply.status_code, reply.json()) == (200, 10_000_000)


@pytest.mark.parametrize("path", ["drafts", "long-drafts"])
@pytest.mark.parametrize(("is_signed_in", "status"), [(False, 401), (True, 503)], ids=["signed out", "no Hub"])
async def test_a_draft_comes_back(serve: Serve, path: str, status: int, *, is_signed_in: bool) -> None:
    """A form of nobody we know is read and returned, within the limit for strangers, not the route's."""
    service = await serve(app={"routers": [_drafts()]}, body_memory=SIZE)
    form = {"Content-Type": "application/x-www-form-urlencoded", **NAVIGATION, "Origin": ORIGIN}

    service.hub.respond("GET", "/user", status=503, json={})

    async def sent(text: str, *, in_pieces: bool = False) -> tuple[int, bool]:
        async with service.user("alice").browser() as browser:
            content = f"text=my+words&_xsrf={browser.cookies['_xsrf']}&more={text}"
            if not is_signed_in:
                browser.cookies.clear()
            reply = await browser.post(path, content=_pieces(content) if in_pieces else content, headers=form)
            return reply.status_code, "my words" in reply.text

    assert await sent("") == (status, True)
    assert await sent("x" * LARGE) == (status, False)
    assert await sent("x" * LARGE, in_pieces=True) == (status, False)


async def _pieces(text: str) -> AsyncIterator[bytes]:
    for start in range(0, len(text), SIZE // 100):
        yield text[start : start + SIZE // 100].encode()


def _drafts() -> APIRouter:
    drafts = APIRouter(dependencies=[Depends(returns_form)])

    @drafts.post("/drafts")
    @drafts.post("/long-drafts", max_body_size=SIZE)
    async def save(request: Request, _user: CurrentUser) -> int:
        return len(await request.form())

    return drafts


# How long it is waited for


async def _reads(_scope: Scope, receive: Receive, send: Send) -> None:
    """An application that keeps the whole body."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def _streams(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that keeps nothing."""
    scope["state"]["streams_body"] = True
    await _reads(scope, receive, send)


def slow(app: ASGIApp, timeouts: Timeouts) -> Sending:
    """Return a request to an application with these timeouts."""
    sending = Sending(Bodies(app, routes=[], size=SIZE, timeouts=timeouts), "", headers={})
    sending.scope["state"] = {}
    return sending


async def test_a_body_that_does_not_come() -> None:
    """A body that does not arrive is refused after a while."""
    sending = slow(_reads, Timeouts(grace=0.05))
    sending.piece(b"x")

    with pytest.raises(RefusedBody) as refused:
        await sending.answer()

    assert isinstance(refused.value.reason, BodyTooSlowError)


async def test_a_body_in_drops() -> None:
    """Single bytes now and then do not extend the time."""
    sending = slow(_reads, Timeouts(grace=0.1, pace=1000))

    async def drip() -> None:
        while True:
            sending.piece(b"x")
            await asyncio.sleep(0.01)

    dripping = asyncio.create_task(drip())
    with pytest.raises(RefusedBody):
        await sending.answer()
    dripping.cancel()

    assert sending.read < 1000


async def test_what_comes_at_a_pace_is_waited_for() -> None:
    """A body that arrives fast enough gets more time."""
    sending = slow(_reads, Timeouts(grace=0.05, pace=100))
    sending.piece(b"x" * 10_000)  # good for 100 s more
    task = asyncio.create_task(sending.answer())
    await asyncio.sleep(0.2)
    sending.piece(b"", more=False)

    assert await task == 204


async def test_a_stream_has_no_deadline() -> None:
    """A stream may be slow. It ends only if nothing arrives for a while."""
    sending = slow(_streams, Timeouts(grace=0.0, silence=0.1))
    task = asyncio.create_task(sending.answer())
    sending.piece(b"x")

    with pytest.raises(RefusedBody):
        await task


async def test_the_time_of_the_application_does_not_count() -> None:
    """Only the time that the client needs counts, not that of the application."""

    async def thinks(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(0.3)
        await _reads(scope, receive, send)

    sending = slow(thinks, Timeouts(grace=0.2))
    sending.piece(b"x")
    sending.piece(b"", more=False)

    assert await sending.answer() == 204
