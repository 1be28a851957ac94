"""Without a sign-in, a page of another site gets nothing out of a service that only its reader can reach."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.utils import get_local_addr

from service.server.protocol import UNIX
from service.settings import Settings
from service.web.middleware.own_pages import OwnPages

HOME = "http://127.0.0.1:8080"
PUBLIC = "https://deid.example.org"


async def ask(
    method: str,
    headers: Mapping[str, str],
    *,
    path: str = "/deidentify",
    home: str = HOME,
    client: str = "127.0.0.1",
    **settings: Any,  # noqa: ANN401 - fields of Settings
) -> httpx.Response:
    """Send a request through the middleware to an application that answers 200."""
    app = OwnPages(PlainTextResponse("done"), settings=Settings.model_validate({"sign_in": "none", **settings}))
    transport = httpx.ASGITransport(app, client=(client, 4711))
    async with httpx.AsyncClient(transport=transport, base_url=home) as caller:
        return await caller.request(method, path, headers=headers)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost:8080", 200),
        ("LOCALHOST", 200),
        ("[::1]:8080", 200),
        ("10.0.0.7", 200),
        ("evil.example", 421),
        ("evil.example:8080", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("localhost.", 421),
        ("127.1", 421),
        ("deid.example.org", 421),
        ("[::1", 421),
        ("", 421),
        ("x@127.0.0.1@evil.example", 421),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_name_that_points_here(method: str, host: str, status: int) -> None:
    """A site can have its own name resolve to this machine (DNS rebinding). The service goes by no such name."""
    reply = await ask(method, {"Host": host})

    assert reply.status_code == status
    if status == 421:
        assert reply.json()["code"] == "unknown_host"


async def test_the_name_of_the_operator() -> None:
    """PUBLIC_HOST is a name of the service, and its pages may ask."""
    reply = await ask(
        "POST",
        {"Host": "deid.example.org", "Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"},
        sign_in="none-public",
        public_host=PUBLIC,
    )

    assert reply.status_code == 200


async def test_a_proxy_that_changes_the_host() -> None:
    """Behind a proxy that sends a Host of its own, pages of PUBLIC_HOST may still ask."""
    reply = await ask("POST", {"Origin": PUBLIC}, sign_in="none-public", public_host=PUBLIC)

    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="a program"),
        pytest.param({"Origin": HOME}, 200, id="our page"),
        pytest.param({"Origin": HOME, "Sec-Fetch-Site": "same-origin"}, 200, id="our page, in a new browser"),
        pytest.param({"Origin": "http://friend.example"}, 200, id="a page of ALLOW_ORIGINS"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="another page"),
        pytest.param({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403, id="that lies"),
        pytest.param({"Origin": "http://127.0.0.1:8888"}, 403, id="another server of this machine"),
        pytest.param({"Origin": "http://localhost:8080"}, 403, id="our page by another name"),
        pytest.param({"Origin": "null"}, 403, id="a frame without an origin"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="another page that hides its origin"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="a sibling that hides its origin"),
        pytest.param({"Sec-Fetch-Site": "none"}, 200, id="typed by its reader"),
    ],
)
async def test_who_may_send(headers: Mapping[str, str], status: int) -> None:
    """A note is taken from programs, from our own pages, and from those of ALLOW_ORIGINS. Anybody may read a page."""
    friends = ("http://friend.example",)
    reply = await ask("POST", headers, allow_origins=friends)

    assert reply.status_code == status
    if status == 403:
        assert reply.json()["code"] == "origin"
    assert (await ask("GET", headers, allow_origins=friends)).status_code == 200


async def test_every_page_may() -> None:
    """With ALLOW_ORIGINS=* any page may ask, because the operator says so."""
    assert (await ask("POST", {"Origin": "https://evil.example"}, allow_origins=("*",))).status_code == 200


@pytest.mark.parametrize(
    ("sign_in", "address", "status"),
    [
        ("none", "127.0.0.1", 200),
        ("none", "127.0.0.2", 200),
        ("none", "[::1]", 200),
        ("none", "10.0.0.7", 403),
        ("none", "[2001:db8::1]", 403),
        ("none-public", "10.0.0.7", 200),
    ],
)
async def test_an_address_that_others_reach(sign_in: str, address: str, status: int) -> None:
    """However the server was told to listen, `none` answers on this machine alone."""
    reply = await ask("GET", {}, home=f"http://{address}:8080", sign_in=sign_in)

    assert reply.status_code == status
    if status == 403:
        assert reply.json()["code"] == "not_local"


@pytest.mark.parametrize(
    ("sign_in", "client", "status"),
    [
        ("none", "127.0.0.1", 200),
        ("none", "::1", 200),
        ("none", "unix", 403),
        ("none", "203.0.113.9", 403),
        ("none", "2001:db8::1", 403),
        ("none", "unknown", 403),
        ("none-public", "203.0.113.9", 200),
    ],
)
async def test_a_proxy_on_this_machine(sign_in: str, client: str, status: int) -> None:
    """A proxy that says whom it asks for makes nobody local, whatever Host it sends."""
    reply = await ask("GET", {}, sign_in=sign_in, client=client)

    assert reply.status_code == status
    if status == 403:
        assert reply.json()["code"] == "not_local"


@pytest.mark.parametrize("server", [None, ("/run/service.sock", None)], ids=["ASGI", "uvicorn"])
@pytest.mark.parametrize(("client", "status"), [(UNIX, 200), ("203.0.113.9", 403)])
async def test_a_unix_socket(server: tuple[str, None] | None, client: str, status: int) -> None:
    """It is local, unless a proxy says that it asks for somebody else."""
    local = OwnPages(PlainTextResponse("done"), settings=Settings(sign_in="none"))

    async def on_socket(scope: Scope, receive: Receive, send: Send) -> None:
        await local({**scope, "server": server, "client": (client, 0)}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(on_socket), base_url="http://localhost") as caller:
        assert (await caller.get("/deidentify")).status_code == status


def test_how_uvicorn_names_a_unix_socket(tmp_path: Path) -> None:
    """By its path and no port, as above."""
    path = str(tmp_path / "s.sock")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)
        transport = Mock(get_extra_info={"socket": bound}.get)

        assert get_local_addr(transport) == (path, None)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_probes_may_name_any_host(path: str) -> None:
    """A probe of a container or a proxy names what it likes."""
    assert (await ask("GET", {"Host": "/run/service.sock"}, path=path)).status_code == 200


async def test_a_websocket_of_another_page() -> None:
    """The handshake of a page of another site is refused."""
    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    app = OwnPages(PlainTextResponse("done"), settings=Settings(sign_in="none"))
    headers = [(b"host", b"127.0.0.1:8080"), (b"origin", b"https://evil.example")]
    await app({"type": "websocket", "path": "/feed", "headers": headers, "server": ("127.0.0.1", 8080)}, receive, send)

    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == 403
