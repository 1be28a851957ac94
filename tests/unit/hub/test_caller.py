"""Calls in a caller's name: what is sent, and what each reply means."""

import json
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from service.errors import ServiceError
from service.hub.caller import CallerClient
from service.hub.errors import (
    HubBadRequestError,
    HubConflictError,
    HubForbiddenError,
    HubNotFoundError,
    HubUnavailableError,
    InvalidTokenError,
)
from service.testing import OUTAGES, FakeHub
from tests.unit.hub.conftest import asking

Reply = Callable[[httpx.Request], httpx.Response]
Ask = Callable[[CallerClient], Awaitable[Any]]


@asynccontextmanager
async def calling(hub: FakeHub, token: str, reply: Reply) -> AsyncIterator[CallerClient]:
    """Open a caller's client. The Hub knows who holds the token, and gives `reply` to everything else."""

    async def answer(request: httpx.Request) -> httpx.Response:
        return await hub(request) if request.url.path == f"{hub.api_url.path}/user" else reply(request)

    async with asking(hub, answer) as auth:
        await auth.identify(token)
        yield CallerClient(auth, token=SecretStr(token))


def refusal(status: int, message: str | None) -> Reply:
    """Return an error as the Hub sends it (jupyterhub/apihandlers/base.py, write_error)."""
    return lambda _request: httpx.Response(status, json={"status": status, "message": message})


@pytest.mark.parametrize(
    ("ask", "method", "target", "body"),
    [
        (lambda hub: hub.get("users", "alice"), "GET", "users/alice", None),
        (lambda hub: hub.get("users", params={"state": "a b", "limit": 2}), "GET", "users?state=a+b&limit=2", None),
        (lambda hub: hub.get(), "GET", "", None),
        (lambda hub: hub.post("users", "alice", "server"), "POST", "users/alice/server", None),
        (lambda hub: hub.post("groups", "a/b", json={"users": []}), "POST", "groups/a%2Fb", {"users": []}),
        (lambda hub: hub.put("x", json=[1]), "PUT", "x", [1]),
        (lambda hub: hub.patch("x", json={"a": 1}), "PATCH", "x", {"a": 1}),
        (lambda hub: hub.delete("users", "..", "server"), "DELETE", "users/%2E%2E/server", None),
        (lambda hub: hub.delete("x", json={"remove": True}), "DELETE", "x", {"remove": True}),
        (lambda hub: hub.get("users", "ä?b#c&d"), "GET", "users/%C3%A4%3Fb%23c%26d", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_goes_out(fake_hub: FakeHub, ask: Ask, method: str, target: str, body: object) -> None:
    """One request is sent, signed with the caller's token. A segment stays one, whatever it contains."""
    sent: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"a": [1]})

    token = fake_hub.issue("testuser")
    async with calling(fake_hub, token, keep) as hub:
        assert await ask(hub) == {"a": [1]}

    [request] = sent
    assert (request.method, request.url.raw_path.decode()) == (method, f"/hub/api/{target}")
    assert request.headers["Authorization"] == f"token {token}"
    assert (json.loads(request.content) if request.content else None) == body


@pytest.mark.parametrize("segments", [("users", ""), ("", "users"), ("users", "", "server")])
async def test_an_empty_segment_goes_nowhere(fake_hub: FakeHub, segments: tuple[str, ...]) -> None:
    """With an empty name the path would be that of another endpoint."""
    async with calling(fake_hub, fake_hub.issue("testuser"), refusal(500, "never asked")) as hub:
        with pytest.raises(HubNotFoundError):
            await hub.delete(*segments)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_an_empty_answer_is_none(fake_hub: FakeHub, status: int) -> None:
    """The Hub says only that it is done, or has begun."""
    async with calling(fake_hub, fake_hub.issue("testuser"), lambda _: httpx.Response(status)) as hub:
        assert await hub.post("users", "testuser", "server") is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, HubBadRequestError), (403, HubForbiddenError), (404, HubNotFoundError), (409, HubConflictError)],
    ids=str,
)
@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ("requires any of [list:users]", "requires any of [list:users]"),
        ("two\nlines\x1b[0m", "two lines [0m"),
        ("x" * 1000, "x" * 300),
        (None, None),
        ("", None),
    ],
    ids=["said", "unprintable", "long", "nothing", "empty"],
)
async def test_a_refusal(
    fake_hub: FakeHub, status: int, expected: type[ServiceError], message: str | None, detail: str | None
) -> None:
    """Each refusal is an error of its own, with the Hub's message in one line if there is one."""
    async with calling(fake_hub, fake_hub.issue("testuser"), refusal(status, message)) as hub:
        with pytest.raises(expected) as caught:
            await hub.get("users")

    assert caught.value.detail == (detail or expected.default)


async def test_a_token_revoked_meanwhile(fake_hub: FakeHub) -> None:
    """The Hub's 403 to a token that it no longer knows is told apart from one for a missing right."""
    token = fake_hub.issue("testuser")
    async with calling(fake_hub, token, refusal(403, "Missing or invalid credentials.")) as hub:
        fake_hub.revoke(token)
        with pytest.raises(InvalidTokenError):
            await hub.get("users")


async def test_an_empty_token(fake_hub: FakeHub) -> None:
    """It is nobody's: the call is not made in the service's own name."""
    async with asking(fake_hub) as auth:
        with pytest.raises(InvalidTokenError):
            await CallerClient(auth, token=SecretStr("")).delete("users", "testuser")

    assert not fake_hub.requests


async def test_an_outage_during_that_check(fake_hub: FakeHub) -> None:
    """If that cannot be told, nothing is known about the token."""
    async with calling(fake_hub, fake_hub.issue("testuser"), refusal(403, None)) as hub:
        fake_hub.outage = OUTAGES["slow"]
        with pytest.raises(HubUnavailableError):
            await hub.get("users")


@pytest.mark.parametrize(
    "reply",
    [
        *OUTAGES.values(),
        refusal(500, "canary"),
        refusal(503, "canary"),
        refusal(429, "canary"),
        refusal(405, "canary"),
        lambda _: httpx.Response(403, html="<h1>canary</h1>"),
        lambda _: httpx.Response(404, html="<h1>canary</h1>"),
        lambda _: httpx.Response(302, headers={"Location": "http://elsewhere.test/canary"}),
    ],
    ids=[*OUTAGES, "500", "503", "429", "405", "a proxy's 403", "a proxy's 404", "302"],
)
async def test_anything_else_is_an_outage(fake_hub: FakeHub, reply: Reply) -> None:
    """A reply that is not the Hub's says nothing about the call."""
    token = fake_hub.issue("testuser")
    async with calling(fake_hub, token, reply) as hub:
        with pytest.raises(HubUnavailableError) as caught:
            await hub.get("users")

    assert "canary" not in f"{caught.value} {caught.value!r} {caught.value.__dict__}"


async def test_what_the_hub_could_not_do(fake_hub: FakeHub) -> None:
    """A Hub that fails at a call was asked: the error does not say that it cannot be."""
    reply = refusal(500, "Unhandled error starting server testuser")
    async with calling(fake_hub, fake_hub.issue("testuser"), reply) as hub:
        with pytest.raises(HubUnavailableError, match="could not do this"):
            await hub.post("users", "testuser", "server")


@pytest.mark.parametrize("reply", [refusal(403, "no"), refusal(404, "no"), OUTAGES["down"]], ids=["403", "404", "down"])
async def test_the_token_is_shown_nowhere(fake_hub: FakeHub, reply: Reply) -> None:
    """The token is neither in the client nor in the error, nor in a traceback that shows local variables."""
    token = fake_hub.issue("testuser")
    async with calling(fake_hub, token, reply) as hub:
        with pytest.raises(ServiceError) as caught:
            await hub.get("users", "other")
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        ours = [frame for frame in shown.stack if "/service/hub/caller.py" in frame.filename]
        said = f"{hub!r} {vars(hub)} {[frame.locals for frame in ours]} {caught.value!r} {vars(caught.value)}"

    assert ours
    assert token not in said


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_the_status_is_handed_on(fake_hub: FakeHub, status: int) -> None:
    """A server that is starting is 202, and one that runs is 201: `send` tells them apart."""
    token = fake_hub.issue("testuser")
    async with calling(fake_hub, token, lambda _request: httpx.Response(status)) as hub:
        reply = await hub.send("POST", "users", "testuser", "server")

    assert (reply.status, reply.json) == (status, None)


@pytest.mark.parametrize(
    ("ask", "seconds"),
    [
        pytest.param(lambda hub: hub.get("users"), 5, id="a question"),
        pytest.param(lambda hub: hub.post("users", "testuser", "server"), 30, id="a change"),
        pytest.param(lambda hub: hub.delete("users", "testuser", "server"), 30, id="the end of a server"),
        pytest.param(lambda hub: hub.send("POST", "x", patience=90), 90, id="as asked for"),
        pytest.param(lambda hub: hub.send("POST", "x", patience=1), 5, id="never less than usual"),
    ],
)
async def test_how_long_a_reply_may_take(fake_hub: FakeHub, ask: Ask, seconds: float) -> None:
    """A Hub that starts a server takes longer than one that answers a question."""
    limits: list[dict[str, float]] = []

    def keep(request: httpx.Request) -> httpx.Response:
        limits.append(request.extensions["timeout"])
        return httpx.Response(200)

    async with calling(fake_hub, fake_hub.issue("testuser"), keep) as hub:
        await ask(hub)

    assert limits[0]["read"] == seconds
    assert limits[0]["connect"] == 2
