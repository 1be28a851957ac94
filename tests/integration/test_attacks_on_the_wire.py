"""An attacker's list: requests that the proxy and the service might read in two ways, byte for byte.

Each is sent to the Hub's proxy and, as from a machine beside it, to the service itself.
"""

import contextlib
import re

import anyio
import pytest

from service.testing.callers import NAVIGATION
from tests.support.hub import RealHub

PREFIX = b"/services/fastapi/"
SMUGGLED = b"GET /services/fastapi/smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
PATIENCE = 5  # seconds until a connection that is kept open has said all it will


@pytest.fixture(params=["proxy", "service"])
def port(request: pytest.FixtureRequest, hub: RealHub) -> int:
    """Where the request is sent."""
    return hub.ports.public if request.param == "proxy" else hub.ports.service


async def said(port: int, request: bytes) -> bytes:
    """Send bytes, and return all that comes back until the other side closes."""
    answer = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(request)
        with anyio.move_on_after(PATIENCE), contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                answer += await stream.receive()
    return answer


def request(target: bytes, *headers: bytes, method: bytes = b"GET") -> bytes:
    """Return a request without a body, written as it is said."""
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close", *headers, b"", b""]
    return b"\r\n".join(lines)


def status(answer: bytes) -> int:
    """Return the status of an answer; 0 for a connection that was closed without a word."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found[1]) if found else 0


# Headers


@pytest.mark.parametrize(
    "credential",
    [
        pytest.param(b"Bearer {good}\r\nAuthorization: Bearer {other}", id="two headers"),
        pytest.param(b"Bearer {other}, Bearer {good}", id="two in one"),
        pytest.param(b"Bearer {good} {other}", id="two words"),
        pytest.param(b"Bearer {good}\r\n {other}", id="a folded line"),
        pytest.param(b"Bearer {good}\rX: {other}", id="a bare CR"),
        pytest.param(b"Bearer x\nAuthorization: Bearer {good}", id="a bare LF"),
        pytest.param(b"Bearer {good}\x00{other}", id="a NUL"),
        pytest.param(b"Bearer {good}\xa0{other}", id="a space beyond ASCII"),
        pytest.param("Bearer {good}\N{ZERO WIDTH SPACE}{other}".encode(), id="a space of no width"),
        pytest.param("Bearer\N{FULLWIDTH COLON}{good}".encode(), id="a colon that is none"),
    ],
)
async def test_two_readings_of_a_credential(hub: RealHub, port: int, credential: bytes) -> None:
    """A header that is one person's for the proxy and another's for us → refused, or read as its first reader did."""
    tokens = {b"{good}": "testuser", b"{other}": "other"}
    for mark, user in tokens.items():
        credential = credential.replace(mark, (await hub.user_token(user)).value.encode())

    answer = await said(port, request(PREFIX + b"me", b"Authorization: " + credential))

    assert b'"name":"other"' not in answer
    if b"\r\nAuthorization" in credential and port == hub.ports.public:
        assert status(answer) == 200, "node's HTTP keeps the first, and we are given that one alone"
    else:
        assert status(answer) in {400, 401}


FORWARDED = {
    **dict.fromkeys(["X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host", "X-Host"], "evil.example"),
    **dict.fromkeys(["X-Forwarded-Prefix", "X-Script-Name", "X-Original-URL", "X-Rewrite-URL"], "/evil.example"),
    **dict.fromkeys(["X-HTTP-Method-Override", "X-Method-Override"], "DELETE"),
    "Forwarded": 'for=192.0.2.1;host=evil.example;proto=https;by="evil.example"',
    "X-Scheme": "https",
    "X-Forwarded-Proto": "javascript",
    "X-Forwarded-Port": "666",
}
IDENTITIES = ["X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Auth-Request-User", "X-JupyterHub-User", "From"]


async def test_forwarded_addresses(hub: RealHub) -> None:
    """Headers that tell a false host, prefix, method or scheme → no address that we give out follows them."""
    for page in ("", "me", "docs", "nowhere", "login"):
        plain = await hub.ask("GET", page, headers=NAVIGATION)
        forged = await hub.ask("GET", page, headers=NAVIGATION | FORWARDED)

        assert forged.status_code == plain.status_code
        assert "evil.example" not in forged.text + str(forged.headers)
        assert (
            forged.headers.get("Location", "").partition("?")[0] == plain.headers.get("Location", "").partition("?")[0]
        )


async def test_forwarded_identities(hub: RealHub) -> None:
    """Headers by which other proxies tell who asks → nobody asks."""
    reply = await hub.ask("GET", "me", headers=dict.fromkeys(IDENTITIES, "admin"))

    assert (reply.status_code, reply.json()["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize(
    "query",
    [
        "login?next=/services/fastapi/%0d%0aX-Injected:%201",
        "oauth_callback?state=hub.x&code=%0d%0aX-Injected:%201",
        "oauth_callback?error=%0d%0aX-Injected:%201",
        "me?token=%0d%0aX-Injected:%201",
        "%0d%0aX-Injected:%201",
    ],
)
async def test_injected_headers(hub: RealHub, query: str) -> None:
    """A line end in a parameter or path → in no header."""
    reply = await hub.ask("GET", query, headers=NAVIGATION)

    assert "X-Injected" not in reply.headers
    assert "\n" not in reply.headers.get("Location", "")


# Framing


@pytest.mark.parametrize(
    "framing",
    [
        pytest.param(b"Content-Length: 4\r\nTransfer-Encoding: chunked", id="length and chunks"),
        pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 4", id="chunks and length"),
        pytest.param(b"Transfer-Encoding: xchunked\r\nContent-Length: 4", id="an unknown coding"),
        pytest.param(b"Transfer-Encoding: chunked, identity\r\nContent-Length: 4", id="chunks that are not last"),
        pytest.param(b"Transfer-Encoding : chunked\r\nContent-Length: 4", id="a space before the colon"),
        pytest.param(b"Content-Length: 5\r\nContent-Length: 60", id="two lengths"),
        pytest.param(b"Content-Length: +5", id="a signed length"),
    ],
)
async def test_smuggled_request(hub: RealHub, port: int, framing: bytes) -> None:
    """A second request hidden in the body of the first → refused whole; nobody answers or logs the hidden one."""
    start = len(hub.log_text())

    answer = await said(
        port, b"POST " + PREFIX + b"token HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n0\r\n\r\n" + SMUGGLED
    )

    assert (status(answer), answer.count(b"HTTP/1.1 ")) == (400, 1)
    assert "smuggled" not in hub.log_text()[start:]


async def test_upgrade_of_a_form(hub: RealHub, port: int) -> None:
    """A POST that says it is a WebSocket, to go without its XSRF token → not taken for one; the session goes on."""
    async with hub.session("testuser") as victim:
        await victim.visit(f"{hub.service_url}me")
        cookies = "; ".join(f"{name}={value}" for (name, at), value in victim.cookies().items() if at != "/hub/")
        upgrade = (b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
        mode = b"Sec-Fetch-Mode: websocket"
        sent = request(PREFIX + b"logout", *upgrade, mode, b"Cookie: " + cookies.encode(), method=b"POST")

        answer = await said(port, sent.replace(b"Connection: close", b"Connection: Upgrade"))

        assert status(answer) in {0, 400, 403, 405}
        assert (await victim.visit(f"{hub.service_url}me", follow=False)).status_code == 200


# Paths


@pytest.mark.parametrize(
    "target",
    [
        *(b"../../hub/api/user", b"%2e%2e/%2e%2e/hub/api/user", b"..%2f..%2fhub%2fapi%2fuser", b"/me", b"%2fme"),
        *(
            b"me%00",
            b"me%0a",
            b"me;x",
            b"me%3f",
            b"\xff\xfe",
            b"static/..%2f..%2f..%2fsettings.py",
            b"static/%00",
        ),
        *(b"static/%2e%2e/settings.py", b"static//etc/passwd", b"static/%2fetc%2fpasswd", b"static/..%5c..%5cweb.py"),
    ],
    ids=ascii,
)
async def test_paths(hub: RealHub, port: int, target: bytes) -> None:
    """A path that steps out of our prefix or our files, or is another name of a route → nothing of ours is there."""
    token = await hub.user_token("testuser")

    answer = await said(port, request(PREFIX + target, b"Authorization: Bearer " + token.value.encode()))

    if port == hub.ports.public and b"hub/api" in target and b"%2f" not in target:
        assert b"x-jupyterhub-version" in answer.lower(), "the proxy has resolved the path, and asked the Hub"
    else:
        assert status(answer) in {400, 404}
        assert b'"name"' not in answer
        assert b"import" not in answer


@pytest.mark.parametrize("host", [b"http://evil.example", b"//evil.example", b"http://127.0.0.1:1@evil.example"])
async def test_absolute_targets(port: int, host: bytes) -> None:
    """A request line with a host in it, as to a forward proxy → no redirect leads to that host, and nobody is asked."""
    answer = await said(port, request(host + PREFIX + b"me", b"Accept: text/html"))

    (location,) = re.findall(rb"(?im)^location: (.*)$", answer) or [b""]
    assert status(answer) in {302, 400, 404}
    assert re.match(rb"/hub/|$", location)
    assert not re.match(rb"//", location)


async def test_preflight(hub: RealHub) -> None:
    """A page of another site asks whether it may (CORS) → it may not; no redirect, no sign-in."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    wanted = {"Access-Control-Request-Headers": "authorization"}

    reply = await hub.ask("OPTIONS", "me", headers={**asked, **wanted, "Sec-Fetch-Mode": "cors"})

    assert reply.status_code == 405
    assert not {name for name in reply.headers if name.startswith("access-control-") or name == "location"}
