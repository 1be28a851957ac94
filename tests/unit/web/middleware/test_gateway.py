"""The gateway: the prefix, common headers, cookies and unexpected errors."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from service.auth.identification import queue_cookies
from service.testing.callers import NAVIGATION
from tests.unit.conftest import ORIGIN, PREFIX, Serve, Service

router = APIRouter()
CANARY = "canary-of-a-caller"


@router.get("/boom")
async def boom() -> None:
    """Raise an unexpected error."""
    raise RuntimeError(CANARY)


@router.get("/stream")
async def stream() -> StreamingResponse:
    """Raise an error in the middle of a response."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"begun"
        raise RuntimeError(CANARY)

    return StreamingResponse(parts())


@router.get("/cookies")
async def cookies(request: Request, response: Response) -> str:
    """Set a cookie, and queue two more."""
    queue_cookies(request, ["a=queued; Path=/", "b=queued; Path=/"])
    response.set_cookie("a", "own")
    return "set"


@router.get("/own-headers")
async def own_headers(response: Response) -> str:
    """Set some of the common headers."""
    response.headers["Cache-Control"] = "max-age=60"
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return "set"


@router.get("/paths/{rest:path}")
async def paths(rest: str) -> str:
    """Return the paths of the request."""
    return rest


@router.post("/own-413/{text}")
async def own_413(text: str) -> StreamingResponse:
    """Refuse a body with its own text, in pieces."""

    async def parts() -> AsyncIterator[str]:
        for part in text.split():
            yield part

    return StreamingResponse(parts(), status_code=413, media_type="text/plain")


@router.post("/reads")
async def reads(request: Request) -> int:
    """Read the whole body."""
    return len(await request.body())


SERVICE: Mapping[str, Any] = {"app": {"routers": [router]}}


@pytest.mark.parametrize("path", ["", "me", "nope", "boom", "login", "static/style.css", "../elsewhere"])
async def test_headers_of_every_answer(service: Service, path: str) -> None:
    """Every response forbids framing, sniffing, a path in a Referer, and, but for files, reading across origins."""
    reply = await service.api().get(f"{ORIGIN}{PREFIX}{path}")

    expected = EXPECTED | ({"cross-origin-resource-policy": "cross-origin"} if "static" in path else {})
    assert {name: reply.headers[name] for name in reply.headers if name in EXPECTED} == expected
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Cache-Control"] == ("public, max-age=60" if "static" in path else "no-store")


EXPECTED = {
    "cross-origin-opener-policy": "same-origin-allow-popups",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "strict-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


async def test_a_route_may_say_otherwise(service: Service) -> None:
    """Headers that a route sets are kept."""
    reply = await service.api().get("own-headers")

    assert reply.headers.get_list("Cache-Control") == ["max-age=60"]
    assert reply.headers.get_list("X-Frame-Options") == ["SAMEORIGIN"]


@pytest.mark.parametrize("text", ["Too much.", "Content Too Large"])
async def test_a_routes_own_413(service: Service, text: str) -> None:
    """A route's own 413 is not replaced."""
    reply = await service.api().post(f"own-413/{text}", content=b"x")

    assert (reply.status_code, reply.headers["Content-Type"]) == (413, "text/plain; charset=utf-8")
    assert reply.text == text.replace(" ", "")


@pytest.mark.parametrize("is_announced", [True, False], ids=["announced", "in chunks"])
async def test_a_body_too_large(service: Service, is_announced: bool) -> None:  # noqa: FBT001 - a table
    """A body that is too large is refused with a problem, with and without a Content-Length."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 512 * 1024

    body = b"x" * 3 * 512 * 1024 if is_announced else chunks()
    reply = await service.api().post("reads", content=body)

    assert (reply.status_code, reply.headers["Content-Type"]) == (413, "application/problem+json")
    assert reply.json()["code"] == "content_too_large"
    assert int(reply.headers["Content-Length"]) == len(reply.content)


async def test_cookies_on_the_way(service: Service) -> None:
    """Queued cookies are added to the response, unless the route sets one of the same name."""
    reply = await service.api().get("cookies")

    assert [cookie.split(";")[0] for cookie in reply.headers.get_list("set-cookie")] == ["a=own", "b=queued"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (PREFIX, 200),
        (PREFIX.rstrip("/"), 200),
        (f"{PREFIX}health/live", 200),
        (f"{PREFIX}health/live%0A", 404),
        ("/", 404),
        ("/health/live", 404),
        ("/services/fastapi-2/health/live", 404),
        ("/services/fastapi2", 404),
        ("/services/other/health/live", 404),
        ("/services/fastapi/services/fastapi/health/live", 404),
    ],
)
async def test_only_below_our_prefix(service: Service, path: str, status: int) -> None:
    """A path outside the prefix is not found, whatever a proxy sends."""
    assert (await service.api().get(f"{ORIGIN}{path}")).status_code == status


@pytest.mark.parametrize(
    "prefix", ["/", "/services/fastapi/", "/@/space%20word/services/fastapi/", "/%C3%BC/services/fastapi/"]
)
async def test_any_prefix(serve: Serve, prefix: str) -> None:
    """Every route works below every prefix, also below a percent-encoded one."""
    service = await serve(service_prefix=prefix, **SERVICE)
    api = service.api()

    assert (await api.get("health/live")).status_code == 200
    assert (await api.get("static/style.css")).status_code == 200
    assert (await api.get("paths/a%20b/c")).json() == "a b/c"
    browser = await service.signed_in()
    assert (await browser.visit("me")).status_code == 200


async def test_head(service: Service) -> None:
    """HEAD is answered like GET, for every path."""
    api = service.api()
    for path in ("", "health/live", "nope", "me"):
        head, get = await api.head(path), await api.get(path)
        assert (head.status_code, head.headers["Content-Type"]) == (get.status_code, get.headers["Content-Type"])


async def test_an_unexpected_failure(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected error is a 500 with a reference. Under this, the log has its type and place, but not its text."""
    script = await service.api().get("boom")
    browser = await service.api(headers=NAVIGATION).get("boom")

    assert (script.status_code, script.headers["Content-Type"]) == (500, "application/problem+json")
    assert (script.json()["code"], browser.headers["Content-Type"]) == ("unexpected", "text/html; charset=utf-8")
    for reply, line in zip((script, browser), caplog.messages, strict=True):
        (reference,) = re.findall(r"under ([0-9a-f]{8})\.", reply.text)
        assert re.fullmatch(rf"Unexpected RuntimeError \[{reference}\] at .* > test_gateway.py:\d+ boom", line)
    assert CANARY not in script.text + browser.text + caplog.text
    assert [record.exc_info for record in caplog.records] == [None, None]


async def test_a_failure_in_the_middle(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """If a response fails in the middle, the connection is closed, and the reference is in the log."""
    with pytest.raises(ConnectionAbortedError) as raised:
        await service.api().get("stream")

    assert f"Unexpected RuntimeError [{raised.value}] at " in caplog.text
    assert CANARY not in caplog.text
    assert raised.value.__suppress_context__
