"""Every request has an id and one line in the log."""

import logging
import re
from typing import Any

import pytest
from fastapi import APIRouter, WebSocket
from fastapi.responses import StreamingResponse

from service.logs import REQUEST_ID, RequestRecord
from service.testing.callers import NAVIGATION
from tests.unit.conftest import PREFIX, Serve, Service

NEW = re.compile(r"[0-9a-f]{32}")

router = APIRouter()


@router.get("/fails/{what}")
async def fails(what: str) -> None:
    """Raise an error."""
    raise RuntimeError(what)


@router.get("/id")
async def current_id() -> str:
    """Return the request id that the log uses."""
    return REQUEST_ID.get()


@router.get("/parts")
async def parts() -> StreamingResponse:
    """Stream a response."""
    return StreamingResponse(iter(["a", "b"]))


@router.websocket("/talk")
async def talk(websocket: WebSocket) -> None:
    """Send one message."""
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


@pytest.fixture
async def service(serve: Serve) -> Service:
    """The service with these routes."""
    return await serve(app={"routers": [router]})


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the lines of the access log, without durations."""
    fields = [dict(vars(record)["fields"]) for record in caplog.records if isinstance(record, RequestRecord)]
    for line in fields:
        assert line.pop("duration_ms") >= 0
    return fields


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("", {}, 200),
        ("", NAVIGATION, 200),
        ("me", {}, 401),
        ("me", NAVIGATION, 302),
        ("health/live", {}, 200),
        ("nothing", {}, 404),
        ("fails/x", {}, 500),
        ("static/style.css", {}, 200),
        ("x" * 20_000, {}, 414),
        ("/elsewhere", {}, 404),
    ],
)
async def test_every_answer(
    service: Service, caplog: pytest.LogCaptureFixture, path: str, headers: dict[str, str], status: int
) -> None:
    """Every response has a request id, and one line in the log."""
    reply = await service.api().get(path, headers=headers)

    assert reply.status_code == status
    assert NEW.fullmatch(reply.headers["X-Request-ID"])
    [line] = lines(caplog)
    assert (line["method"], line["status"], line["client"]) == ("GET", status, "127.0.0.1")
    assert line["path"] == reply.url.raw_path.decode()[:1024]


@pytest.mark.parametrize(
    "given", ["a", "0123456789abcdef" * 8, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "x_1.y"]
)
async def test_an_id_is_kept(service: Service, given: str) -> None:
    """An id from a proxy is kept, so it finds the request in both logs."""
    reply = await service.api().get("id", headers={"X-Request-ID": given})

    assert (reply.headers["X-Request-ID"], reply.json()) == (given, given)


@pytest.mark.parametrize("given", ["", " ", "a b", "a\tb", "-a", "a" * 129, "a=b", "ä", '"', "a,b"])
async def test_an_id_of_another_form_is_not(service: Service, given: str) -> None:
    """An id that is too long or has unsafe characters is replaced."""
    reply = await service.api().get("id", headers=[(b"X-Request-ID", given.encode())])

    assert NEW.fullmatch(reply.headers["X-Request-ID"])
    assert reply.json() == reply.headers["X-Request-ID"]


async def test_who_it_was(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """The line names the user or service, even if it was refused."""
    await service.user("ada").get("me")
    await service.user("bob", access=False).get("me")
    await service.other_service("reporter").get("me")

    assert [(line["status"], line.get("user"), line.get("service")) for line in lines(caplog)] == [
        (200, "ada", None),
        (403, "bob", None),
        (200, None, "reporter"),
    ]


async def test_a_query_is_hidden(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """The whole query is hidden, because any part of it may be the text of a note or a patient's name."""
    await service.api().get("me?replacement=canary&canary&token=canary")
    await service.api().get("me?")

    assert [line["path"] for line in lines(caplog)] == [f"{PREFIX}me?[hidden]", f"{PREFIX}me"]
    assert "canary" not in str(lines(caplog))


async def test_what_a_request_logs_has_its_id(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Everything that is logged during a request has the id that its response has."""
    seen: list[str] = []

    def note(record: logging.LogRecord) -> bool:
        if record.name == "service":
            seen.append(REQUEST_ID.get())
        return True

    caplog.handler.addFilter(note)
    replies = [await service.api().get("fails/x") for _ in range(2)]

    assert seen == [reply.headers["X-Request-ID"] for reply in replies]


async def test_an_answer_in_parts_is_one_line(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """A streamed response has one line."""
    assert (await service.api().get("parts")).text == "ab"
    assert [line["status"] for line in lines(caplog)] == [200]


async def test_head(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """A HEAD request is logged as HEAD."""
    assert "X-Request-ID" in (await service.api().head("")).headers
    assert [line["method"] for line in lines(caplog)] == ["HEAD"]


async def test_websockets(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """A WebSocket has one line, when it is closed. Its status is 101 if it was opened."""
    async with service.anonymous().websocket("talk") as socket:
        assert await socket.receive_text() == "hello"

    assert [(line["method"], line["status"]) for line in lines(caplog)] == [("WEBSOCKET", 101)]
