"""What is sent to the Hub, and that every outcome is a result or one of our errors."""

import asyncio
import json
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx
import pytest
import respx
from pydantic import SecretStr

from service.hub import administration, protocol
from service.hub.call import Call
from service.hub.caller import rest
from service.hub.client import HubClient, open_http
from service.hub.errors import HubRefusedServiceError, HubUnavailableError, HubUnreachableError
from service.hub.models import IssuedToken
from service.hub.oauth import Client
from service.hub.protocol import Credentials, Wish
from service.testing import OUTAGES, FakeHub

API = "http://canary-hub.test:8081/hub/api"
SECRET = "canary-api-token"
TOKEN = "canary-token"
# Made once, since httpx would read a file of certificates for each client.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
WISH = Wish(scopes=["a"], expires_in=60, note="n")
OAUTH = Client("service-fastapi", "/services/fastapi/oauth_callback", "/hub/api/oauth2/authorize", SecretStr(SECRET))


def issue(name: str = "canary-user") -> Call[IssuedToken]:
    """Ask for a token with a password."""
    return protocol.issue(WISH, Credentials(username=name, password=SecretStr("canary-password")), name=name)


CALLS: dict[str, Call[Any]] = {
    "identify": protocol.identify(TOKEN),
    "identify_self": protocol.identify_self(),
    "version": protocol.version(),
    "exchange": protocol.exchange(OAUTH, "canary-code", verifier="canary-verifier"),
    "demands_verifier": protocol.demands_verifier(OAUTH, "canary-code"),
    "issue": issue(),
    "issue_more": protocol.issue_more(WISH, name="canary-user", token=TOKEN),
    "revoke": protocol.revoke(TOKEN, name="canary-user", token_id="a1"),
    "registration": administration.registration("canary-service"),
    "group_members": administration.group_members("desk-admin"),
    "add_to_group": administration.add_to_group("desk-admin", "canary-user"),
    "remove_from_group": administration.remove_from_group("desk-admin", "canary-user"),
    "has_user": administration.has_user("canary-user"),
    "create_user": administration.create_user("canary-user"),
    "token_created": administration.token_created("canary-user", "a1"),
    "in a caller's name": rest("GET", "users", token=TOKEN),
    "in the service's name": rest("GET", "users"),
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@asynccontextmanager
async def client(api_url: str = API) -> AsyncIterator[HubClient]:
    """Open a client of the Hub as the service does."""
    async with open_http(timeout=5, tls=TLS) as http:
        yield HubClient(http, api_url=api_url, api_token=SecretStr(SECRET))


async def sent_by(call: Call[Any]) -> httpx.Request:
    """Send a call, and return the one request that went out; the reply is nonsense."""
    with respx.mock as hub:
        hub.route().respond(418)
        async with client() as asking:
            with pytest.raises(HubUnavailableError):
                await asking.ask(call)
        [sent] = hub.calls
        request: httpx.Request = sent.request
        return request


@pytest.mark.parametrize(
    ("name", "method", "path", "credential"),
    [
        ("identify", "GET", "/hub/api/user", f"token {TOKEN}"),
        ("identify_self", "GET", "/hub/api/user", f"token {SECRET}"),
        ("version", "GET", "/hub/api/", None),
        ("exchange", "POST", "/hub/api/oauth2/token", None),
        ("demands_verifier", "POST", "/hub/api/oauth2/token", None),
        ("issue", "POST", "/hub/api/users/canary-user/tokens", None),
        ("revoke", "DELETE", "/hub/api/users/canary-user/tokens/a1", f"token {TOKEN}"),
        ("registration", "GET", "/hub/api/services/canary-service", f"token {SECRET}"),
        ("group_members", "GET", "/hub/api/groups/desk-admin", f"token {SECRET}"),
        ("add_to_group", "POST", "/hub/api/groups/desk-admin/users", f"token {SECRET}"),
        ("remove_from_group", "DELETE", "/hub/api/groups/desk-admin/users", f"token {SECRET}"),
        ("has_user", "GET", "/hub/api/users/canary-user/tokens", f"token {SECRET}"),
        ("create_user", "POST", "/hub/api/users", f"token {SECRET}"),
        ("token_created", "GET", "/hub/api/users/canary-user/tokens/a1", f"token {SECRET}"),
        ("in a caller's name", "GET", "/hub/api/users", f"token {TOKEN}"),
        ("in the service's name", "GET", "/hub/api/users", f"token {SECRET}"),
    ],
)
async def test_each_call_is_one_request(name: str, method: str, path: str, credential: str | None) -> None:
    """It has the right method, address and credential. Calls that need no token carry none."""
    request = await sent_by(CALLS[name])

    assert (request.method, str(request.url)) == (method, f"http://canary-hub.test:8081{path}")
    assert request.headers.get("Authorization") == credential
    assert request.headers["Accept"] == "application/json"
    assert "cookie" not in request.headers


async def test_bodies_are_a_form_for_oauth_and_json_for_the_rest() -> None:
    """The exchange is a form, as in RFC 6749. The password is in JSON, because the Hub reads nothing else."""
    exchange, issued = await sent_by(CALLS["exchange"]), await sent_by(CALLS["issue"])

    assert exchange.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(exchange.content.decode(), strict_parsing=True) == {
        "grant_type": ["authorization_code"],
        "code": ["canary-code"],
        "code_verifier": ["canary-verifier"],
        "client_id": ["service-fastapi"],
        "client_secret": [SECRET],
        "redirect_uri": ["/services/fastapi/oauth_callback"],
    }
    assert issued.headers["Content-Type"] == "application/json"
    assert json.loads(issued.content)["auth"] == {"username": "canary-user", "password": "canary-password"}


@pytest.mark.parametrize("name", [".", "..", "a/b", "a?b#c", "a b", "ä", "%2e%2e", "a\r\nb", "first.last"])
async def test_a_user_name_stays_one_segment_of_the_path(name: str) -> None:
    """Whatever somebody types as a name, their password goes to that name's endpoint or nowhere."""
    request = await sent_by(issue(name))

    *parent, segment, last = request.url.raw_path.decode().split("/")
    assert (parent, last) == (["", "hub", "api", "users"], "tokens")
    assert unquote(segment) == name


@respx.mock
async def test_no_cookie_of_one_reply_goes_out_with_another_request() -> None:
    """The Hub sets cookies on its replies. Sent with a password, they could sign the request as somebody else."""
    cookies = [("Set-Cookie", f"jupyterhub-{name}=canary; Path=/{path}") for name, path in [("a", ""), ("b", "hub/")]]
    respx.get(f"{API}/user").respond(json={"name": "testuser"}, headers=cookies)
    issued = respx.post(f"{API}/users/canary-user/tokens").respond(201, json={"token": "t", "id": "a1", "user": "u"})
    async with client() as hub:
        for _ in range(2):
            await hub.ask(CALLS["identify"])
        await hub.ask(issue())

    assert all("cookie" not in call.request.headers for call in respx.calls)
    assert "authorization" not in issued.calls.last.request.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@calls
async def test_a_redirect_is_not_followed(call: Call[Any], status: int) -> None:
    """A token is sent to the Hub's API and nowhere else."""
    with respx.mock(assert_all_called=False) as router:
        elsewhere = router.route(host="elsewhere.test").respond(200, json={"name": "eve"})
        router.route(host="canary-hub.test").respond(status, headers={"Location": "http://elsewhere.test/"})
        async with client() as hub:
            with pytest.raises(HubUnavailableError):
                await hub.ask(call)

    assert not elsewhere.called


def port_of(server: asyncio.Server) -> int:
    """Return the port of a server."""
    return int(server.sockets[0].getsockname()[1])


async def test_a_proxy_in_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and similar variables do not decide where a token is sent."""
    heard: dict[str, bytes] = {}

    def answering(name: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard[name] = await reader.readuntil(b"\r\n\r\n")
            body = b'{"name": "testuser"}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        return answer

    async with (
        await asyncio.start_server(answering("hub"), "127.0.0.1", 0) as hub,
        await asyncio.start_server(answering("proxy"), "127.0.0.1", 0) as proxy,
    ):
        address = f"http://user:pw@127.0.0.1:{port_of(proxy)}"
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, address)
            monkeypatch.setenv(variable.lower(), address)
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(variable, raising=False)
        async with client(f"http://127.0.0.1:{port_of(hub)}/hub/api") as asking:
            assert (await asking.ask(protocol.identify(TOKEN))).name == "testuser"

    assert heard.keys() == {"hub"}
    assert f"Authorization: token {TOKEN}".encode() in heard["hub"]


def kinds_below(kind: type[Exception]) -> list[type[Exception]]:
    """Return every type of error that httpx may raise for a request."""
    return [kind, *(found for below in kind.__subclasses__() for found in kinds_below(below))]


HTTPX_ERRORS = [*kinds_below(httpx.HTTPError), httpx.InvalidURL]


@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda kind: kind.__name__)
async def test_every_error_of_httpx_becomes_ours_and_shows_nothing(kind: type[Exception]) -> None:
    """Neither address nor token is in its text, its arguments, or the traceback that a log would show."""
    canary = f"canary: {API}/user?token={TOKEN}"
    error = kind.__new__(kind, canary)
    error.args = (canary,)
    with respx.mock as hub:
        hub.route().mock(side_effect=error)
        async with client() as asking:
            with pytest.raises(HubUnavailableError) as caught:
                await asking.ask(protocol.identify(TOKEN))

    ours = caught.value
    is_no_connection = issubclass(kind, httpx.ConnectError | httpx.ConnectTimeout)
    assert isinstance(ours, HubUnreachableError) is is_no_connection
    assert ours.__cause__ is None
    last = "".join(traceback.format_exception_only(ours))
    assert "canary" not in f"{ours} {ours!r} {ours.args} {ours.__dict__} {last}"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectError(""), "it takes no connection"),
        (httpx.ConnectTimeout(""), "it did not answer in time"),
        (httpx.ReadTimeout(""), "it did not answer in time"),
        (httpx.PoolTimeout(""), "it did not answer in time"),
        (httpx.ReadError(""), "it broke off its answer"),
        (httpx.RemoteProtocolError(""), "it broke off its answer"),
    ],
    ids=repr,
)
@respx.mock
async def test_the_reason_is_for_an_operator(error: httpx.HTTPError, reason: str) -> None:
    """The log line says what happened in a few words."""
    respx.route().mock(side_effect=error)
    async with client() as hub:
        with pytest.raises(HubUnavailableError) as caught:
            await hub.ask(protocol.version())

    assert caught.value.reason == reason


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
@calls
async def test_an_outage_is_an_outage_for_every_call(call: Call[Any], outage: Callable[..., httpx.Response]) -> None:
    """It is HubUnavailableError, whether the Hub is down or slow, breaks off, or sends HTML or 500."""
    with respx.mock as router:
        router.route().mock(side_effect=outage)
        async with client() as hub:
            with pytest.raises(HubUnavailableError):
                await hub.ask(call)


@pytest.mark.parametrize("length", [1, 4097])
@respx.mock
async def test_retry_after_of_the_hub_is_passed_on(length: int) -> None:
    """Nonsense in it does no harm."""
    respx.route().respond(503, headers={"Retry-After": "7" * length})
    async with client() as hub:
        with pytest.raises(HubUnavailableError) as caught:
            await hub.ask(protocol.version())

    assert caught.value.retry_after == (7 if length == 1 else 5)


async def test_the_calls_about_tokens_work() -> None:
    """The Hub in memory answers each of the calls."""
    fake = FakeHub(API, api_token=SECRET)
    with respx.mock as router:
        router.route().mock(side_effect=fake)
        async with client() as hub:
            assert await hub.ask(protocol.version()) == "6.1.1"
            assert (await hub.ask(protocol.identify_self())).kind == "service"
            scopes = ["access:services", "tokens!user=testuser", "read:users:name!user=testuser"]
            wish = Wish(scopes=scopes, expires_in=60, note="n")
            credentials = Credentials(username="testuser", password=SecretStr("passwd"))
            issued = await hub.ask(protocol.issue(wish, credentials, name="testuser"))
            identity = await hub.ask(protocol.identify(issued.token.get_secret_value()))
            assert identity.name == "testuser"
            await hub.ask(
                protocol.revoke(issued.token.get_secret_value(), name="testuser", token_id=identity.token_id or "")
            )
            verifier = "v" * 43
            reply = await hub.ask(protocol.exchange(OAUTH, fake.grant(), verifier=verifier))
            assert (await hub.ask(protocol.identify(reply.access_token.get_secret_value()))).name == "testuser"


async def test_the_calls_in_the_services_name_work() -> None:
    """Groups, users and the age of tokens, where the service has the scopes."""
    may = ["read:tokens", "groups!group=desk-admin", "admin:users"]
    fake = FakeHub(API, api_token=SECRET, service_scopes=may, groups=["desk-admin", "others"])
    with respx.mock as router:
        router.route().mock(side_effect=fake)
        async with client() as hub:
            assert await hub.ask(administration.add_to_group("desk-admin", "testuser")) == {"testuser"}
            assert await hub.ask(administration.group_members("desk-admin")) == {"testuser"}
            assert await hub.ask(administration.remove_from_group("desk-admin", "testuser")) == set()
            with pytest.raises(HubRefusedServiceError):
                await hub.ask(administration.group_members("others"))
            assert (
                await hub.ask(administration.has_user("testuser")),
                await hub.ask(administration.has_user("eve")),
            ) == (True, False)
            await hub.ask(administration.create_user("eve"))
            assert await hub.ask(administration.has_user("eve"))
            identity = await hub.ask(protocol.identify(fake.issue("testuser")))
            created = await hub.ask(administration.token_created("testuser", identity.token_id or ""))
            assert created is not None
            assert abs(datetime.now(UTC) - created) < timedelta(seconds=60)
            assert await hub.ask(administration.token_created("testuser", "a999")) is None


async def test_a_wrong_token_of_the_service_is_told_apart_from_a_callers() -> None:
    """The Hub's 403 to the service's own token is for the operator."""
    fake = FakeHub(API, api_token="another")
    with respx.mock as router:
        router.route().mock(side_effect=fake)
        async with client() as hub:
            with pytest.raises(HubRefusedServiceError):
                await hub.ask(protocol.identify_self())
            with pytest.raises(HubRefusedServiceError):
                await hub.ask(protocol.exchange(OAUTH, fake.grant(), verifier="v" * 43))
