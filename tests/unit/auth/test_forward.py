"""What forward-auth answers a proxy that asks about a request."""

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pytest

from service.testing import OUTAGES
from service.testing.callers import HANDSHAKE, NAVIGATION, SCRIPT
from tests.unit.auth.proxy import COOKIE, OPEN, ORIGIN, SCOPES, SIBLING, ask
from tests.unit.conftest import Serve, Service

SERVICE = OPEN

WRITE = {**SCRIPT, "X-Original-Method": "POST"}
KEY = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
FRAME = {**NAVIGATION, "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}
IMAGE = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}


def site(name: str) -> dict[str, str]:
    """Return the header by which a browser says from which site a request comes."""
    return {"Sec-Fetch-Site": name}


@pytest.fixture(scope="module")
def token(service: Service) -> str:
    """A token of somebody who may use the service, and read."""
    service.hub.add_user("ada", scopes=SCOPES, groups=("staff",))
    return service.hub.issue("ada", scopes=SCOPES)


# By our cookie


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        pytest.param(200, NAVIGATION, id="a page is opened"),
        pytest.param(200, NAVIGATION | site("cross-site"), id="by a link on another site"),
        pytest.param(200, NAVIGATION | site("none"), id="from the address bar"),
        pytest.param(200, SCRIPT, id="its own script reads"),
        pytest.param(200, SCRIPT | {"Origin": ORIGIN}, id="its own script reads, and says its origin"),
        pytest.param(200, IMAGE | site("same-origin"), id="its own page shows an image"),
        pytest.param(200, {**WRITE, "Origin": ORIGIN}, id="its own script writes"),
        pytest.param(200, NAVIGATION | {"X-Original-Method": "POST", "Origin": ORIGIN}, id="its own form"),
        pytest.param(200, HANDSHAKE | KEY | {"Origin": ORIGIN}, id="its own WebSocket"),
        pytest.param(200, KEY | {"Origin": ORIGIN}, id="its own WebSocket, in a browser that says no more"),
        pytest.param(403, WRITE, id="a script writes without an origin"),
        pytest.param(403, {"Origin": ORIGIN, "X-Original-Method": "POST"}, id="an old browser writes"),
        pytest.param(403, {**WRITE, "Origin": SIBLING} | site("same-site"), id="a sibling's script writes"),
        pytest.param(403, {**WRITE, "Origin": SIBLING}, id="a sibling's script that lies of its site"),
        pytest.param(403, {**WRITE, "Origin": ORIGIN} | site("same-site"), id="a sibling's that lies of its origin"),
        pytest.param(
            200,
            NAVIGATION | {"X-Original-Method": "POST", "Origin": "null"},
            id="its own form, in a page that sends no referrer",
        ),
        pytest.param(403, {**WRITE, "Origin": "null"}, id="a script without an origin of its own writes"),
        pytest.param(403, {**WRITE, "Origin": "null"} | site("cross-site"), id="a sandboxed frame's script writes"),
        pytest.param(
            403,
            NAVIGATION | {"X-Original-Method": "POST", "Origin": "null"} | site("cross-site"),
            id="a sandboxed frame's form",
        ),
        pytest.param(403, HANDSHAKE | KEY | {"Origin": "null"}, id="a sandboxed frame's WebSocket"),
        pytest.param(403, {**WRITE, "Origin": f"{ORIGIN}.evil.example"}, id="an origin that begins like ours"),
        pytest.param(403, {**WRITE, "Origin": "http://data.example.org"}, id="an origin without TLS"),
        pytest.param(403, {**WRITE, "Origin": f"{ORIGIN}:8443"}, id="an origin at another port"),
        pytest.param(
            403,
            NAVIGATION | site("cross-site") | {"X-Original-Method": "POST", "Origin": "https://evil.example"},
            id="a form of another site",
        ),
        pytest.param(403, SCRIPT | site("same-site"), id="a sibling's script reads"),
        pytest.param(403, SCRIPT | site("cross-site"), id="another site's script reads"),
        pytest.param(403, SCRIPT | {"Origin": SIBLING}, id="a script of another origin reads"),
        pytest.param(403, IMAGE | site("same-site"), id="a sibling shows an image"),
        pytest.param(403, FRAME, id="another site frames it"),
        pytest.param(403, {}, id="a browser that says nothing"),
        pytest.param(403, HANDSHAKE | KEY, id="a WebSocket without an origin"),
        pytest.param(403, HANDSHAKE | KEY | {"Origin": SIBLING}, id="a sibling's WebSocket"),
        pytest.param(403, HANDSHAKE | KEY | {"Origin": SIBLING} | site("same-site"), id="one that says so"),
        pytest.param(403, NAVIGATION | {"Upgrade": "websocket"}, id="an upgrade that calls itself a page"),
        pytest.param(403, NAVIGATION | KEY, id="a handshake that calls itself a page"),
        pytest.param(403, NAVIGATION | {"X-Original-Method": None}, id="the method is forgotten"),
        pytest.param(403, NAVIGATION | {"X-Original-Method": "get"}, id="a method in other letters is another"),
    ],
)
async def test_by_cookie(service: Service, token: str, status: int, headers: Mapping[str, str]) -> None:
    """With our cookie, a page may be opened from anywhere. All else must come from a page of the same origin."""
    reply = await ask(service, token=token, headers=headers)

    assert reply.status_code == status
    assert ("X-Auth-Request-User" in reply.headers) is (status == 200)
    assert reply.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_by_token(service: Service, token: str, method: str) -> None:
    """A script with a token may write and read; no browser sends one by itself."""
    reply = await ask(service, headers={"Authorization": f"Bearer {token}", "X-Original-Method": method})

    assert (reply.status_code, reply.headers["Remote-User"]) == (200, "ada")


async def test_who_is_told(service: Service, token: str) -> None:
    """The proxy gets user and groups by both usual names, and the application's own cookies, but not the token."""
    reply = await ask(
        service,
        cookie=f"a=1; {COOKIE}=x; b=2",
        headers={"Authorization": f"token {token}", "X-Original-Method": "POST"},
    )

    told = {name: value for name, value in reply.headers.items() if name.startswith(("x-auth", "remote", "coo", "au"))}
    assert told == {
        "x-auth-request-user": "ada",
        "x-auth-request-groups": "staff",
        "remote-user": "ada",
        "remote-groups": "staff",
        "cookie": "a=1; b=2",
    }
    assert (reply.content, token in str(reply.headers)) == (b"", False)


async def test_a_service_is_no_user(service: Service) -> None:
    """A service of the Hub that has a user's name gets another name than that user."""
    token = service.hub.add_service("ada", scopes=SCOPES)

    reply = await ask(service, headers={"Authorization": f"Bearer {token}"})

    assert (reply.headers["Remote-User"], reply.headers["Remote-Groups"]) == ("service:ada", "")


# Who is not let in


@pytest.mark.parametrize("headers", [NAVIGATION, NAVIGATION | {"X-Original-Method": "HEAD"}], ids=["GET", "HEAD"])
async def test_a_stranger_who_opens_a_page(service: Service, headers: Mapping[str, str]) -> None:
    """A stranger who opens a page gets the sign-in's address, which leads back; as a 302 if the proxy wants one."""
    refused, sent = [await ask(service, query, headers=headers) for query in ("", "?redirect=1")]

    address = urlsplit(refused.headers["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{ORIGIN}/_hub/login"
    assert parse_qs(address.query) == {"next": ["/db/table?a=1"]}
    assert (refused.status_code, sent.status_code) == (401, 302)
    assert (sent.headers["Location"], sent.headers["Cache-Control"]) == (refused.headers["Location"], "no-store")
    assert [reply.headers.get("Set-Cookie") for reply in (refused, sent)] == [None, None]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(SCRIPT, id="a script"),
        pytest.param(WRITE, id="one that writes"),
        pytest.param(NAVIGATION | {"X-Original-Method": "POST"}, id="a form"),
        pytest.param(HANDSHAKE | KEY, id="a WebSocket"),
        pytest.param({}, id="a client that is no browser"),
        pytest.param(NAVIGATION | {"X-Original-Method": None}, id="the method is forgotten"),
    ],
)
async def test_a_stranger_who_opens_none(service: Service, headers: Mapping[str, str]) -> None:
    """A stranger's other requests are refused without a redirect, even if the proxy wants redirects."""
    reply = await ask(service, "?redirect=1", headers=headers)

    assert (reply.status_code, reply.headers.get("Location"), "not_signed_in" in reply.text) == (401, None, True)
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_void_cookie_is_cleared(service: Service) -> None:
    """A cookie whose token is void is cleared, so that the next sign-in begins without it."""
    reply = await ask(service, token="void-token", headers=NAVIGATION)

    assert (reply.status_code, "Location" in reply.headers) == (401, True)
    assert reply.headers["Set-Cookie"].startswith(f"{COOKIE}=")
    assert "Max-Age=0" in reply.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "cookies",
    [
        pytest.param("{0}={1}; {0}=planted", id="one of them is planted"),
        pytest.param("{0}=planted; {0}={1}", id="the first of them is"),
    ],
)
async def test_several_cookies(service: Service, token: str, cookies: str) -> None:
    """Cookies that contradict each other sign nobody in, and are cleared."""
    reply = await ask(service, cookie=cookies.format(COOKIE, service.sealed(token, session_id="")), headers=NAVIGATION)

    assert (reply.status_code, "Max-Age=0" in reply.headers["Set-Cookie"]) == (403, True)


async def test_a_cookie_that_another_host_could_set(service: Service, token: str) -> None:
    """A cookie without `__Host-` does not count, because another host could have set it."""
    reply = await ask(service, cookie=f"service-fastapi={service.sealed(token)}", headers=NAVIGATION)

    assert reply.status_code == 401


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer a b", "Bearer", "Bearer of-another-system"])
async def test_another_authorization(service: Service, token: str, value: str) -> None:
    """A header that is not the Hub's leaves it to the cookie, which only pages of the application may use."""
    authorization = {"Authorization": value}
    page = await ask(service, token=token, headers=NAVIGATION | authorization)
    foreign = await ask(
        service, token=token, headers=authorization | {"Sec-Fetch-Site": "cross-site", "Origin": "null"}
    )

    assert (page.status_code, foreign.status_code) == (200, 403)
    assert (await ask(service, headers=authorization)).status_code == 401


@pytest.mark.parametrize(
    ("status", "query"),
    [
        pytest.param(200, "?scope=custom:data:read", id="held"),
        pytest.param(403, "?scope=custom:data:write", id="missing"),
        pytest.param(403, "?scope=custom:data:read&scope=custom:data:write", id="one of two"),
        pytest.param(403, "?scope=custom:data:read&scope=custom:data:write&satisfy=all", id="one of two, all"),
        pytest.param(200, "?scope=custom:data:read&scope=custom:data:write&satisfy=any", id="one of two, any"),
        pytest.param(422, "?scope=", id="an empty scope"),
        pytest.param(422, "?scopes=custom:data:read", id="a misspelled scope"),
        pytest.param(422, "?scope=custom:data:read&satisfy=some", id="another way to satisfy"),
        pytest.param(422, "?scope=custom:data:read%20custom:data:write", id="two scopes in one"),
    ],
)
async def test_scopes(service: Service, token: str, status: int, query: str) -> None:
    """The proxy may require scopes. A malformed question is refused, so that it is not taken for one without scopes."""
    reply = await ask(service, query, token=token, headers=NAVIGATION)

    assert (reply.status_code, "Remote-User" in reply.headers) == (status, status == 200)


async def test_without_access(service: Service) -> None:
    """A token of the Hub that is not for this application is refused."""
    service.hub.add_user("eve", scopes=("custom:data:read",))
    reply = await ask(service, token=service.hub.issue("eve", scopes=("custom:data:read",)), headers=NAVIGATION)

    assert (reply.status_code, reply.headers["Content-Type"]) == (403, "text/html; charset=utf-8")


@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage(serve: Serve, outage: str) -> None:
    """While the Hub cannot be asked, a caller whose token is not in the cache gets 503, and is not sent to the Hub."""
    service = await serve(**OPEN)
    service.hub.add_user("ada", scopes=SCOPES)
    token = service.hub.issue("ada", scopes=SCOPES)
    service.hub.outage = OUTAGES[outage]
    reply = await ask(service, token=token, headers=NAVIGATION)

    assert (reply.status_code, reply.headers.get("Location")) == (503, None)
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize(("allowed", "kind", "status"), [(False, {}, 401), (True, {}, 200), (True, NAVIGATION, 401)])
async def test_a_token_in_the_address(serve: Serve, allowed: bool, kind: Mapping[str, str], status: int) -> None:  # noqa: FBT001
    """A token in the address counts if that is allowed. A page's reader is sent to sign in without it instead."""
    service = await serve(**OPEN, allow_token_in_url=allowed)
    service.hub.add_user("ada", scopes=SCOPES)
    token = service.hub.issue("ada", scopes=SCOPES)
    reply = await ask(service, headers={**kind, "X-Original-URI": f"/db?token={token}&a=1"})

    assert reply.status_code == status
    assert token not in str(reply.headers)
    if kind:
        assert parse_qs(urlsplit(reply.headers["Location"]).query) == {"next": ["/db?a=1"]}


async def test_a_token_in_a_subprotocol_is_none(service: Service, token: str) -> None:
    """A token in a subprotocol does not count, because the application would see it."""
    offered = {"Sec-WebSocket-Protocol": f"v1.token.websocket.jupyter.org.{token}"}
    reply = await ask(service, headers=KEY | offered)

    assert reply.status_code == 401


async def test_too_many_wrong_tokens(serve: Serve) -> None:
    """Who is throttled gets 503 and the time to wait, because to nginx a 429 is a failure of ours."""
    service = await serve(**OPEN)
    replies = [await ask(service, headers={"Authorization": f"Bearer wrong-{number}"}) for number in range(61)]

    assert [reply.status_code for reply in replies] == [401] * 60 + [503]
    assert int(replies[-1].headers["Retry-After"]) > 0
