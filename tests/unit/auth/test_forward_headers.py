"""Which request a proxy asks about by forward-auth, what the application is told, and where people come back to."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI

from service.auth import Hub
from service.auth.forward import cookies_of_others, identity_headers, original_scope
from service.errors import ServiceError
from service.hub.models import Identity
from service.settings import Settings
from service.testing import open_service
from service.testing.callers import NAVIGATION, SCRIPT
from tests.unit.auth.proxy import COOKIE, OPEN, ORIGIN, SCOPES, ask
from tests.unit.conftest import Serve, Service, settings_of

SERVICE = OPEN


@pytest.fixture(scope="module")
def token(service: Service) -> str:
    """A token of somebody who may use the service, and read."""
    service.hub.add_user("ada", scopes=SCOPES, groups=("staff",))
    return service.hub.issue("ada", scopes=SCOPES)


# Which request is meant


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-Forwarded-Method": "POST"}, id="two methods"),
        pytest.param({"X-Forwarded-Uri": "/other"}, id="two addresses"),
        pytest.param({"X-Original-Method": "GET, POST"}, id="two methods in one"),
        pytest.param({"X-Original-Method": "GET POST"}, id="no method"),
        pytest.param({"X-Original-URI": "db"}, id="no path"),
        pytest.param({"X-Original-URI": f"{ORIGIN}/db"}, id="a whole address"),
        pytest.param({"X-Original-URI": "/a b"}, id="a space"),
        pytest.param({"X-Original-URI": "/a\tb"}, id="a tab"),
        pytest.param({"Host": "other.example.org"}, id="another host"),
        pytest.param({"Host": "data.example.org:8443"}, id="another port"),
        pytest.param({"Host": "data.example.org."}, id="the host with a dot"),
        pytest.param({"X-Forwarded-Host": "evil.example"}, id="another forwarded host"),
        pytest.param({"X-Forwarded-Host": "data.example.org, evil.example"}, id="two in one"),
        pytest.param({"X-Forwarded-Proto": "http"}, id="not by TLS"),
        pytest.param({"X-Forwarded-Proto": "https, http"}, id="two schemes in one"),
        pytest.param({"X-Forwarded-Proto": "gopher"}, id="another scheme"),
    ],
)
@pytest.mark.parametrize("by", ["cookie", "token"])
async def test_confusing_headers(service: Service, token: str, headers: Mapping[str, str], by: str) -> None:
    """A request that is not clearly one to our own origin is refused, whoever sends it."""
    signed = {"Authorization": f"Bearer {token}"} if by == "token" else {}
    reply = await ask(service, token=token if by == "cookie" else "", headers={**NAVIGATION, **signed, **headers})

    assert (reply.status_code, "Remote-User" in reply.headers) == (403, False)
    assert "forwarded_request" in reply.text


@pytest.mark.parametrize("name", ["X-Original-Method", "X-Original-URI", "X-Forwarded-Host", "X-Forwarded-Proto"])
async def test_a_header_that_comes_twice(service: Service, token: str, name: str) -> None:
    """A header of the client beside the same header of the proxy is refused."""
    first = {"X-Forwarded-Host": "data.example.org", "X-Forwarded-Proto": "https"}
    second = {"X-Original-Method": "HEAD", "X-Original-URI": "/"}
    more = [(name, second.get(name, "evil.example"))]
    reply = await ask(service, token=token, headers=NAVIGATION | first, more=more)

    assert (reply.status_code, "Remote-User" in reply.headers) == (403, False)


@pytest.mark.parametrize(
    ("method", "proto", "status"), [("GET", "https", 200), ("GET", "wss", 200), ("POST", "https", 403), ("", "", 403)]
)
async def test_as_traefik_and_caddy_ask(service: Service, token: str, method: str, proto: str, status: int) -> None:
    """Traefik and Caddy describe the request by X-Forwarded headers, and send another Host."""
    about = {
        "Host": "service.internal:10101",
        "X-Original-Method": None,
        "X-Original-URI": None,
        "X-Forwarded-Method": method or None,
        "X-Forwarded-Proto": proto or None,
        "X-Forwarded-Host": "data.example.org",
        "X-Forwarded-Uri": "/db",
    }
    reply = await ask(service, token=token, headers=SCRIPT | about)

    assert reply.status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_question_is_a_get(service: Service, token: str, method: str) -> None:
    """Proxies ask by GET. Other methods get 405."""
    async with service.api(token) as http:
        reply = await http.request(method, "auth", headers={"Host": "data.example.org"}, content=b"x")

    assert (reply.status_code, "Remote-User" in reply.headers) == (405, False)


@pytest.mark.parametrize(
    "address", ["//evil.example/", "/\\evil.example", "/%2e%2e//evil.example", "/é", f"/{'a' * 3000}"]
)
async def test_an_address_that_nobody_is_sent_to(service: Service, address: str) -> None:
    """An address that leads elsewhere, or that no browser would send, is replaced by the application's first page."""
    headers = [(b"X-Original-URI", address.encode("latin-1"))]
    reply = await ask(service, headers=NAVIGATION | {"X-Original-URI": None}, more=headers)

    assert parse_qs(urlsplit(reply.headers["Location"]).query) == {"next": ["/"]}


@pytest.mark.parametrize(
    ("sent", "followed"),
    [
        ("/db/table?a=1", "/db/table?a=1"),
        ("/_hub/me", "/_hub/me"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/%2F%2Fevil.example", "/"),
        ("/a/../../x", "/"),
        ("", "/"),
    ],
)
async def test_coming_back(serve: Serve, sent: str, followed: str) -> None:
    """Whoever signs in may come back to any address of the application's, and to no other site's."""
    service = await serve(**OPEN)
    browser = service.browser(session_id=None)
    begun = await browser.visit("login", params={"next": sent}, follow=False)
    back = await browser.visit(service.authorized(begun, session_id=None), follow=False)
    again = await browser.visit("login", params={"next": sent}, follow=False)

    assert [back.headers["Location"], again.headers["Location"]] == [followed, followed]


async def test_without_the_setting_nobody_is_sent_outside(serve: Serve) -> None:
    """If forward-auth is off, a sign-in leads only to addresses below our prefix, and the route does not exist."""
    service = await serve(**{**OPEN, "forward_auth": False})
    browser = service.browser(session_id=None)
    begun = await browser.visit("login", params={"next": "/db"}, follow=False)
    back = await browser.visit(service.authorized(begun, session_id=None), follow=False)

    assert back.headers["Location"] == "/_hub/"
    assert (await browser.fetch("GET", "auth")).status_code == 404


# What is decided without a request


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("ada", "ada"),
        ("ada.l+x@example.org", "ada.l+x@example.org"),
        ("/staff/it", "/staff/it"),
        ("a,admins", "a%2Cadmins"),
        ("a;admins", "a%3Badmins"),
        ("a|admins", "a%7Cadmins"),
        ("a admins", "a%20admins"),
        ("service:x", "service%3Ax"),
        ("a\r\nRemote-User: root", "a%0D%0ARemote-User%3A%20root"),
        ("a\0", "a%00"),
        ("a%2Cb", "a%252Cb"),
        ("é", "%C3%A9"),
        ("\u212a", "%E2%84%AA"),
        ('"a"', "%22a%22"),
    ],
)
def test_names_are_encoded(name: str, encoded: str) -> None:
    """A name cannot look like two names or like another name, and cannot end its header."""
    told = identity_headers(Identity(name=name, groups=(name, "last")))

    assert told == {
        "X-Auth-Request-User": encoded,
        "X-Auth-Request-Groups": f"{encoded},last",
        "Remote-User": encoded,
        "Remote-Groups": f"{encoded},last",
    }


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ([f"{COOKIE}=x"], ""),
        (["a=1"], "a=1"),
        ([f"a=1;{COOKIE}=x;b=2"], "a=1; b=2"),
        (
            [f"a=1; {COOKIE}-oauth-state=x; {COOKIE}-oauth-state-0123abcd=x; {COOKIE}-link=x; {COOKIE}-shell=x; b=2"],
            "a=1; b=2",
        ),
        (["jupyterhub-session-id=x; b=2"], "b=2"),
        (["a=1", f"{COOKIE}=x", "b=2"], "a=1; b=2"),
        ([f'a="; {COOKIE}=x; b="'], 'a="; b="'),
        ([f"{COOKIE} =x; {COOKIE}"], ""),
        ([f"{COOKIE}-more=x; _xsrf=theirs"], f"{COOKIE}-more=x; _xsrf=theirs"),
    ],
)
def test_cookies_are_taken_out(sent: list[str], kept: str) -> None:
    """The application gets its own cookies as they were sent, and none of those that belong to a sign-in here."""
    headers = [(b"cookie", value.encode()) for value in sent]

    assert cookies_of_others(headers, settings_of(**OPEN)) == kept


def test_the_original_request() -> None:
    """The scope has the method, address and host of the original request, and is a WebSocket's if that is one."""
    settings = settings_of(**OPEN)
    sent = {"host": "x", "x-forwarded-host": "DATA.example.org", "x-forwarded-method": "PATCH", "accept": "a"}
    headers = [(name.encode(), value.encode()) for name, value in sent.items()]
    headers.append((b"x-forwarded-uri", b"/a%20b?c=%2F"))

    found = original_scope({"type": "http", "headers": headers}, settings)
    socket = original_scope({"type": "http", "headers": [*headers, (b"upgrade", b"WebSocket")]}, settings)

    assert [found[key] for key in ("type", "method", "path", "raw_path", "query_string")] == [
        "http",
        "PATCH",
        "/a b",
        b"/a%20b",
        b"c=%2F",
    ]
    assert [value for name, value in found["headers"] if name == b"host"] == [b"data.example.org"]
    assert (socket["type"], "method" in socket) == ("websocket", False)


# Starting


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"public_host": ""}, "a host of its own"),
        ({"hub_host": ""}, "a host of its own"),
        ({"hub_host": ORIGIN}, "a host of its own"),
        ({"hub_host": f"{ORIGIN}:8443"}, "a host of its own"),
        ({"public_host": "http://data.example.org"}, "https"),
        ({"cookie_host_prefix": False}, "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED"),
        ({"apps": ("desk",)}, "SERVICE_APPS"),
        ({"routers": ("tests.support.seen_routes:router",)}, "SERVICE_ROUTERS"),
    ],
)
async def test_it_does_not_start(serve: Serve, changed: Mapping[str, Any], reason: str) -> None:
    """If other pages could send requests for its users, the service does not start, and says what is missing."""
    with pytest.raises(ServiceError, match=f"SERVICE_FORWARD_AUTH: .*{reason}"):
        await serve(**{**OPEN, **changed})


# In an application of one's own


def _installed(settings: Settings) -> FastAPI:
    hub = Hub(settings)
    app = FastAPI(lifespan=hub.lifespan)
    hub.install(app, forward=True)
    return app


async def test_in_an_application_of_ones_own() -> None:
    """`hub.install(app, forward=True)` answers as our own service does."""
    async with open_service(_installed, settings=settings_of(**{**OPEN, "forward_auth": False})) as opened:
        service = Service(opened.app, opened.settings, opened.hub)
        service.hub.add_user("ada", scopes=SCOPES)
        token = service.hub.issue("ada", scopes=SCOPES)
        replies = [await ask(service, token=token, headers=kind) for kind in (NAVIGATION, SCRIPT)]
        stranger = await ask(service, headers=NAVIGATION)
        foreign = await ask(service, token=token, headers={**SCRIPT, "X-Original-Method": "POST"})

    assert [reply.headers.get("Remote-User") for reply in replies] == ["ada", "ada"]
    assert (stranger.status_code, "/_hub/login?next=" in stranger.headers["Location"]) == (401, True)
    assert foreign.status_code == 403


async def test_an_application_of_ones_own_does_not_start() -> None:
    """An application without a host of its own does not start, and the error says why."""
    with pytest.raises(ServiceError, match="Forward-auth needs a host of its own"):
        async with open_service(_installed, settings=settings_of(service_prefix="/_hub/")):
            pass


async def test_a_websocket_without_tls(service: Service, token: str) -> None:
    """It is refused as a request without TLS is: the application's origin is https."""
    reply = await ask(service, token=token, headers={**NAVIGATION, "X-Forwarded-Proto": "ws"})

    assert (reply.status_code, "Remote-User" in reply.headers) == (403, False)
    assert "forwarded_request" in reply.text
