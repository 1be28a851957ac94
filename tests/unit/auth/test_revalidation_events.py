"""Event streams end when the sign-in does, and say so. Until then they are kept alive, and are never cached."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import fastapi.sse
import pytest
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from service.auth.guard import CurrentUser
from service.auth.hub import Hub
from service.auth.middleware import HubMiddleware
from service.auth.problems import problem_of
from service.auth.revalidation import last_line
from service.hub.errors import InvalidTokenError
from service.testing import OUTAGES
from service.testing.callers import SCRIPT
from tests.support.open_connection import OpenConnection
from tests.unit.conftest import PREFIX, Serve, Service

INTERVAL = 0.05
router = APIRouter()
left: list[str] = []
going_on = asyncio.Event()


@router.get("/events", response_class=EventSourceResponse)
async def events(user: CurrentUser) -> AsyncIterator[ServerSentEvent]:
    """Say one thing, and wait."""
    yield ServerSentEvent(data={"hello": user.name})
    try:
        await asyncio.Event().wait()
    finally:
        left.append(user.name)


@router.get("/rows")
async def rows(_user: CurrentUser, kind: str) -> StreamingResponse:
    """Send a line, and wait."""

    async def lines() -> AsyncIterator[bytes]:
        yield b'{"row": 1}\n'
        await asyncio.Event().wait()

    return StreamingResponse(lines(), media_type=kind)


@router.get("/file")
async def file(_user: CurrentUser) -> StreamingResponse:
    """Send a file of two lines, the second when it is told to."""

    async def lines() -> AsyncIterator[bytes]:
        yield b'{"row": 1}\n'
        await going_on.wait()
        yield b'{"row": 2}\n'

    going_on.clear()
    return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"Content-Length": "22"})


@router.get("/chatter", response_class=EventSourceResponse)
async def chatter(_user: CurrentUser) -> AsyncIterator[int]:
    """Never stop."""
    while True:
        yield 1


@router.get("/three", response_class=EventSourceResponse)
async def three(_user: CurrentUser) -> AsyncIterator[int]:
    """Say three things."""
    for number in range(3):
        yield number


@router.get("/by-hand")
async def by_hand(_user: CurrentUser) -> StreamingResponse:
    """Break off in the middle of an event."""

    async def half() -> AsyncIterator[str]:
        yield "data: 1\n\ndata: ha"
        await asyncio.Event().wait()

    return StreamingResponse(half(), media_type="text/event-stream")


@router.get("/capitals")
async def capitals(_user: CurrentUser) -> StreamingResponse:
    """Name the type in another case."""

    async def one() -> AsyncIterator[str]:
        yield "data: 1\n\n"
        await asyncio.Event().wait()

    return StreamingResponse(one(), headers={"Content-Type": "Text/Event-Stream; Charset=UTF-8"})


@router.get("/download")
async def download(_user: CurrentUser) -> StreamingResponse:
    """Take a while, but come to an end."""

    async def parts() -> AsyncIterator[str]:
        for _ in range(20):
            await asyncio.sleep(INTERVAL / 4)
            yield "part\n"

    return StreamingResponse(parts(), media_type="text/plain")


@pytest.fixture(autouse=True)
def _nobody_has_left() -> None:
    left.clear()


@pytest.fixture
async def live(serve: Serve) -> Service:
    """A service that revalidates open connections twenty times a second."""
    return await serve(recheck_interval=INTERVAL, app={"routers": [router]})


def opened(service: Service, where: str, token: str) -> OpenConnection:
    """A stream, to be opened with a token."""
    return OpenConnection(service.app, "http", f"{PREFIX}{where}", headers={"Authorization": f"Bearer {token}"})


def parsed(stream: str) -> list[dict[str, str]]:
    """Read a stream as a browser does, as far as we need it (https://html.spec.whatwg.org/#event-stream-interpretation)."""
    events = (block.splitlines() for block in stream.split("\n\n"))
    fields = ({name: value for name, _, value in (line.partition(": ") for line in lines)} for lines in events)
    return [event for event in fields if "data" in event]


async def test_revoked(live: Service) -> None:
    """A revoked token's stream ends with a `problem` event, whose data is the problem details."""
    token = live.hub.issue("testuser")
    async with opened(live, "events", token) as stream:
        await stream.until(lambda: "hello" in stream.said)
        live.hub.revoke(token)
        await stream.until_over()

    first, last = parsed(stream.said)
    problem = json.loads(last["data"])
    assert (stream.messages[0]["status"], stream.is_complete) == (200, True)
    assert first == {"data": '{"hello": "testuser"}'}
    assert (last["event"], problem["status"], problem["code"]) == ("problem", 401, "invalid_token")
    assert token not in stream.said
    assert left == ["testuser"]


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl"])
async def test_lines(live: Service, kind: str) -> None:
    """The last line is an error. The second type is what FastAPI gives a route that yields."""
    token = live.hub.issue("testuser")
    async with opened(live, f"rows?kind={kind}", token) as stream:
        await stream.until(lambda: "row" in stream.said)
        live.hub.revoke(token)
        await stream.until(lambda: "error" in stream.said)

    first, last = map(json.loads, stream.said.splitlines())
    assert (first, last["error"]["code"]) == ({"row": 1}, "invalid_token")


async def test_a_file_of_lines(live: Service) -> None:
    """It has a Content-Length, so a server takes no other end. It is sent to its end, as any file."""
    token = live.hub.issue("testuser")
    async with opened(live, "file", token) as answer:
        await answer.until(lambda: "row" in answer.said)
        live.hub.revoke(token)
        await asyncio.sleep(3 * INTERVAL)
        going_on.set()
        await answer.until_over()

    assert (answer.said, answer.is_complete) == ('{"row": 1}\n{"row": 2}\n', True)


async def test_the_types_case_does_not_matter(live: Service) -> None:
    """A media type is recognised in upper or lower case (RFC 9110 section 8.3.1)."""
    token = live.hub.issue("testuser")
    async with opened(live, "capitals", token) as stream:
        live.hub.revoke(token)
        await stream.until_over()

    assert [event.get("event") for event in parsed(stream.said)] == [None, "problem"]


async def test_an_answer_without_headers(live: Service) -> None:
    """An answer without headers, which ASGI allows, is passed on."""

    async def bare(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"bare"})

    hub = Hub(live.settings)
    async with hub.open(), OpenConnection(HubMiddleware(bare, hub=hub), "http", "/") as answer:
        await answer.until_over()

    assert answer.said == "bare"


async def test_it_goes_on_while_the_sign_in_lasts(live: Service) -> None:
    """A stream goes on while its token is good."""
    async with opened(live, "events", live.hub.issue("testuser")) as stream:
        await stream.until(lambda: live.hub.count("GET", "/user") >= 4)

        assert not stream.is_complete


async def test_nothing_passes_after_the_end(live: Service) -> None:
    """However fast events come, the problem is the last one."""
    token = live.hub.issue("testuser")
    async with opened(live, "chatter", token) as stream:
        live.hub.revoke(token)
        await stream.until_over()

    assert [event.get("event") for event in parsed(stream.said)][-2:] == [None, "problem"]
    assert stream.messages[-1]["more_body"] is False


async def test_a_long_outage(serve: Serve) -> None:
    """When the Hub cannot be asked and its last answer no longer counts, the problem is a 503."""
    service = await serve(recheck_interval=INTERVAL, cache_ttl=0.01, stale_grace=0, app={"routers": [router]})
    async with opened(service, "events", service.hub.issue("testuser")) as stream:
        service.hub.outage = OUTAGES["down"]
        await stream.until_over()

    problem = json.loads(parsed(stream.said)[-1]["data"])
    assert (problem["status"], problem["code"]) == (503, "hub_unavailable")


async def test_an_event_cut_off(live: Service) -> None:
    """If a stream breaks off within an event, the problem is still a whole event of its own."""
    token = live.hub.issue("testuser")
    async with opened(live, "by-hand", token) as stream:
        live.hub.revoke(token)
        await stream.until_over()

    assert [event.get("event") for event in parsed(stream.said)] == [None, None, "problem"]


@pytest.mark.parametrize("where", ["events", "by-hand"])
async def test_nobody_keeps_it(live: Service, where: str) -> None:
    """Headers keep caches from storing events, and proxies from holding them back."""
    async with opened(live, where, live.hub.issue("testuser")) as stream:
        names = [name for name, _value in stream.messages[0]["headers"]]

        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        assert stream.headers["x-accel-buffering"] == "no"
        assert len(names) == len(set(names))


async def test_it_is_kept_alive(live: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent stream sends a comment at least every 20 s, before proxies time out (60 s)."""
    assert fastapi.sse._PING_INTERVAL <= 20  # noqa: SLF001 - made to be looked at in tests
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.01)
    async with opened(live, "events", live.hub.issue("testuser")) as stream:
        await stream.until(lambda: stream.said.count("\n: ") >= 3)


async def test_it_ends_by_itself(live: Service) -> None:
    """A stream that comes to its end gets nothing more."""
    async with opened(live, "three", live.hub.issue("testuser")) as stream:
        await stream.until_over()

    assert [event["data"] for event in parsed(stream.said)] == ["0", "1", "2"]


async def test_the_client_goes(live: Service, caplog: pytest.LogCaptureFixture) -> None:
    """When a client hangs up, the generator ends, without an error in the log."""
    async with opened(live, "events", live.hub.issue("testuser")) as stream:
        await stream.until(lambda: "hello" in stream.said)

    assert left == ["testuser"]
    assert caplog.messages == []
    assert not [task for task in asyncio.all_tasks() if "_judge_until_over" in repr(task.get_coro())]


async def test_head(live: Service) -> None:
    """A HEAD request gets only the headers, and ends at once: its connection is free for the next request."""
    stream = opened(live, "events", live.hub.issue("testuser"))
    stream.scope["method"] = "HEAD"
    async with stream:
        await stream.until_over()

    assert stream.headers["content-type"].startswith("text/event-stream")
    assert (stream.is_complete, stream.said) == (True, "")


async def test_other_answers_are_not_cut_off(live: Service) -> None:
    """A download that was allowed when it began is sent whole, because nobody could tell that a part is missing."""
    token = live.hub.issue("testuser")
    async with opened(live, "download", token) as stream:
        live.hub.revoke(token)
        await stream.until_over()

    assert stream.said == "part\n" * 20


@pytest.mark.parametrize("given", ["right", "wrong", "none"])
async def test_a_browser_gives_its_xsrf_token_in_the_address(live: Service, given: str) -> None:
    """EventSource cannot set headers, so its cookie counts with `?_xsrf=`. The stream ends with the sign-in."""
    browser = await live.signed_in()
    await browser.visit("me")
    cookies: dict[str, Any] = {name: value for (name, _path), value in browser.cookies().items()}
    query = {"right": f"?_xsrf={cookies['_xsrf']}", "wrong": "?_xsrf=wrong", "none": ""}[given]
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    headers |= SCRIPT | {"Accept": "text/event-stream"}
    async with OpenConnection(live.app, "http", f"{PREFIX}events{query}", headers=headers) as stream:
        if given == "right":
            live.hub.revoke(live.token_of(browser))
        await stream.until_over()

    if given == "right":
        assert parsed(stream.said)[-1]["event"] == "problem"
    else:
        assert (stream.messages[0]["status"], json.loads(stream.said)["code"]) == (403, "xsrf")


@pytest.mark.parametrize(("name", "is_cut"), [(b"x-forwarded-for", False), (b"x-forwarded", True)])
def test_lines_behind_a_proxy(name: bytes, *, is_cut: bool) -> None:
    """There an answer of lines ends properly: the Hub's proxy does not pass on that it was cut off."""
    message = last_line({"headers": [(name, b"192.0.2.1")]}, problem_of(InvalidTokenError()))

    assert message["more_body"] is is_cut
