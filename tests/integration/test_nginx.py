"""A real nginx with the files of deploy/nginx, before a real Hub and the service: what an operator gets from them."""

import asyncio
import contextlib
import json
import secrets
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support import tls_front
from tests.support.batch_client import BatchClient
from tests.support.external import ExternalService
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.local_http import local_client
from tests.support.nginx import BOTH, FILES, FORWARD, Nginx, NginxError, program
from tests.support.node import configurable_http_proxy
from tests.support.polling import BUSY, eventually
from tests.support.ports import free_port, free_ports
from tests.support.process import KeptProcess, clean_environment, wait_until_it_listens
from tests.support.session import Session

pytestmark = pytest.mark.skipif(program() is None, reason="no nginx installed: apt-get install nginx-light")

PATH = "/services/fastapi/"
FORGED = "203.0.113.7"  # reserved for documentation (RFC 5737)
HSTS = "max-age=31536000"
NOTE = {"text": "Seen 12/03/2019 by Dr. Smith.", "replacement": "tag"}
MASKED = "Seen [DATE] by Dr. [NAME]."


@dataclass(frozen=True)
class Site:
    """A Hub and the service behind nginx, and what people see of them."""

    hub: RealHub
    nginx: Nginx

    @property
    def home(self) -> str:
        """The service's address."""
        return self.nginx.origin + PATH

    @contextlib.asynccontextmanager
    async def browser(self, user: str) -> AsyncIterator[Session]:
        """Give a browser that is signed in to the Hub."""
        async with Session(f"{self.nginx.origin}/", transport=tls_front.transport()) as session:
            await session.sign_in(user)
            yield session


@pytest.fixture(scope="module", params=["service.conf", "service-unix.conf"], ids=["by TCP", "by a unix socket"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site as its operator's file has it: the service with one process on a port, or with three on a socket."""
    nginx, port, folder = Nginx(request.param), free_port(), tmp_path_factory.mktemp("site")
    where, api_token = f"http://127.0.0.1:{port}", secrets.token_hex(32)
    registration = {
        "managed": False,
        "api_token": api_token,
        "url": where,
        "public_host": nginx.origin,
        "apps": ["deidentify"],
    }
    hub = RealHub(register=registration)
    told = {
        "JUPYTERHUB_API_TOKEN": api_token,
        "JUPYTERHUB_API_URL": hub.api_url,
        "JUPYTERHUB_SERVICE_NAME": "fastapi",
        "JUPYTERHUB_SERVICE_URL": where,
        "PUBLIC_HOST": nginx.origin,
        "SERVICE_APPS": "deidentify",
        "DEIDENTIFY_DEADLINE": "60",  # a busy machine is not what is tested
        "SERVICE_ROUTERS": "tests.support.live_routes:router,tests.support.seen_routes:router",
    }
    upstream = f"127.0.0.1:{port}"
    if request.param == "service-unix.conf":
        upstream = f"unix:{folder}/service.sock"
        told |= {"SERVICE_WORKERS": "3", "SERVICE_LISTEN": f"{where},{upstream}"}
    with (
        ExternalService(told, directory=folder),
        hub,
        nginx.before(hub=f"127.0.0.1:{hub.ports.public}", service=upstream),
    ):
        yield Site(hub, nginx)


@contextlib.asynccontextmanager
async def client(**options: Any) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ANN401 (httpx checks them)
    """Give a client that finds the site's name."""
    async with local_client(transport=tls_front.transport(**options)) as http:
        yield http


def echo(site: Site, headers: dict[str, str], query: str = "") -> connect:
    """Return a WebSocket to be opened, which says everything back."""
    address = urlsplit(site.home)
    return connect(
        f"wss://{address.netloc}{PATH}live/echo{query}",
        host="127.0.0.1",
        port=address.port,
        ssl=tls_front.trusting(),
        additional_headers=headers,
        proxy=None,
    )


async def bearer(site: Site) -> dict[str, str]:
    """Return the headers of somebody with a token."""
    return dict((await site.hub.user_token("testuser")).bearer)


# The files


@pytest.mark.parametrize("name", ["service.conf", "service-unix.conf", "sidecar.conf", FORWARD, BOTH])
def test_nginx_takes_it(name: str) -> None:
    """`nginx -t` finds nothing to say against it."""
    assert Nginx(name).check() == ""


def test_a_mistake_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The check fails for a misspelled word."""
    files = shutil.copytree(FILES, tmp_path / "nginx")
    (files / "proxy.conf").write_text("proxy_bufering off;")
    monkeypatch.setattr("tests.support.nginx.FILES", files)

    with pytest.raises(NginxError, match="proxy_bufering"):
        Nginx("service.conf").check()


async def test_static_files_are_compressed(site: Site) -> None:
    """Files below static/ are compressed, and nothing else: compression can give away secrets."""
    asked = {"Accept-Encoding": "gzip", **await bearer(site)}
    async with client() as http:
        file = await http.get(f"{site.home}static/swagger-ui/swagger-ui.css", headers=asked)
        page = await http.get(f"{site.home}static/swagger-ui/oauth2-redirect.html", headers=asked)
        answer = await http.get(f"{site.home}openapi.json", headers=asked)

    assert (file.status_code, file.headers.get("Content-Encoding")) == (200, "gzip")
    assert file.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert (page.status_code, page.headers.get("Content-Encoding")) == (200, None)
    assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, None)
    assert len(answer.content) > 10_000


# Signing in


async def test_signing_in(site: Site) -> None:
    """In a browser, with an absolute redirect URI, and cookies that go over TLS alone."""
    async with site.browser("testuser") as browser:
        page = await browser.visit(f"{site.home}me")
        cookies = [line for each in (*page.history, page) for line in each.headers.get_list("set-cookie")]

    assert (page.status_code, str(page.url), "testuser" in page.text) == (200, f"{site.home}me", True)
    authorize = next(each for each in page.history if "oauth2/authorize" in str(each.url))
    assert parse_qs(authorize.url.query.decode())["redirect_uri"] == [f"{site.home}oauth_callback"]
    ours = [line for line in cookies if f"path={PATH}" in line.lower() and "max-age=0" not in line.lower()]
    assert ours
    assert [line for line in ours if "secure" not in line.lower().split("; ")] == []


async def test_websocket_by_cookie(site: Site) -> None:
    """A page of ours may open a WebSocket, as its Origin is the one that the service is told; another's may not."""
    async with site.browser("testuser") as browser:
        await browser.visit(f"{site.home}me")
        held = {"Cookie": browser.signing(PATH)["Cookie"]}
        query = f"?_xsrf={browser.cookie('_xsrf', path=PATH)}"
    async with echo(site, held | {"Origin": site.nginx.origin}, query) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"

    with pytest.raises(InvalidStatus) as refused:
        async with echo(site, held | {"Origin": "https://evil.example"}, query):
            pass
    assert refused.value.response.status_code == 403


# What is said of the client


async def test_what_a_client_says_of_itself_is_overwritten(site: Site) -> None:
    """The service sees the true address and scheme, and of headers that would say otherwise nothing."""
    forged = {
        "X-Forwarded-For": FORGED,
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "81",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Proto": "gopher",
        "X-Real-IP": FORGED,
        "X-Scheme": "gopher",
        "Forwarded": f"for={FORGED};host=evil.example;proto=http",
    }
    async with client() as http:
        seen = (await http.get(f"{site.home}seen", headers=forged)).json()

    headers = seen["headers"]
    said = {name: headers.get(name.lower()) for name in forged}
    host, port = site.nginx.origin.removeprefix("https://"), str(urlsplit(site.nginx.origin).port)
    assert (seen["client"], seen["scheme"], headers["host"]) == ("127.0.0.1", "https", host)
    assert said == {
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Host": host,
        "X-Forwarded-Port": port,
        "X-Forwarded-Prefix": None,
        "X-Forwarded-Proto": "https",
        "X-Real-IP": "127.0.0.1",
        "X-Scheme": "https",
        "Forwarded": None,
    }


async def test_attempts_are_counted_by_the_true_address(site: Site) -> None:
    """Who guesses tokens is told to wait, whatever address they claim at each attempt; who is elsewhere is not."""
    statuses = set()
    async with client(local_address="127.0.0.3") as http:
        for number in range(3 * 60 + 1):  # by process
            claimed = {"X-Forwarded-For": f"203.0.113.{number}"}
            headers = Token(secrets.token_hex(16)).bearer | claimed
            statuses.add((await http.get(f"{site.home}me", headers=headers)).status_code)
    async with client(local_address="127.0.0.4") as http:
        elsewhere = await http.get(f"{site.home}me", headers=Token(secrets.token_hex(16)).bearer)

    assert statuses == {401, 429}
    assert elsewhere.status_code == 401


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_another_name(site: Site, scheme: str) -> None:
    """Only the site's own name is served; whoever comes by another gets nothing, or is sent to the right one."""
    where = site.nginx.origin if scheme == "https" else site.nginx.plain_origin
    async with client() as http:
        reply = await http.get(f"{where}{PATH}health/live", headers={"Host": "evil.example"})

    assert reply.status_code == (421 if scheme == "https" else 308)
    assert "evil" not in reply.headers.get("location", "")


# What comes back


@pytest.fixture
async def circle(tmp_path: Path) -> AsyncIterator[Nginx]:
    """Nginx before the Hub's proxy, which finds the service at nginx's own name, as docs/operate/systemd.md has it."""
    nginx, (port, api) = Nginx("service-unix.conf"), free_ports(2)
    token, log, authority = secrets.token_hex(16), tmp_path / "log", tmp_path / "ca.pem"
    tls_front.authority().cert_pem.write_to_path(authority)
    options = f"--ip 127.0.0.1 --port {port} --api-ip 127.0.0.1 --api-port {api}"
    process = KeptProcess(
        [*configurable_http_proxy(), *options.split(), "--default-target", "http://127.0.0.1:9"],
        env=clean_environment(CONFIGPROXY_AUTH_TOKEN=token, NODE_EXTRA_CA_CERTS=str(authority)),
        cwd=tmp_path,
        log=log,
    )
    try:
        wait_until_it_listens(process, log, api, timeout=BUSY)
        target = nginx.origin.replace(tls_front.HOST, "127.0.0.1")
        async with local_client() as http:
            route = f"http://127.0.0.1:{api}/api/routes{PATH}"
            told = await http.post(route, json={"target": target}, headers={"Authorization": f"token {token}"})
        assert told.status_code == 201
        with nginx.before(hub=f"127.0.0.1:{port}", service="127.0.0.1:9"):
            yield nginx
    finally:
        process.close()


@pytest.mark.parametrize("path", [f"{PATH}..%2f..%2fhub/x", "/services\\fastapi/"])
async def test_an_address_that_the_hubs_proxy_reads_differently(circle: Nginx, path: str) -> None:
    """A request that comes back from the Hub's proxy is refused: it would go round without end."""
    port = urlsplit(circle.origin).port
    reader, writer = await asyncio.open_connection(  # httpx would send another address
        "127.0.0.1", port, ssl=tls_front.trusting(), server_hostname=tls_front.HOST
    )
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {tls_front.HOST}\r\nConnection: close, via\r\n\r\n".encode())
    head = await asyncio.wait_for(reader.readline(), 30)
    writer.close()

    async def is_written() -> bool:  # of both times, of which the first ends last
        return len(circle.access_log().splitlines()) == 2

    assert head.split()[1] == b"508"
    assert await eventually(is_written)


# What stays open, and what is long


async def test_websocket(site: Site) -> None:
    """A WebSocket goes both ways."""
    async with echo(site, await bearer(site)) as socket:
        await socket.send("hello")

        assert await socket.recv() == "hello"


async def test_no_other_upgrade(site: Site) -> None:
    """The service never hears of h2c, by which requests could pass nginx unseen."""
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    async with client() as http:
        reply = await http.get(f"{site.home}seen", headers=upgrade)

    assert reply.status_code == 200
    assert not {"upgrade", "connection"} & set(reply.json()["headers"])


async def test_events_arrive_while_they_are_sent(site: Site) -> None:
    """The first event of a stream that never ends is there."""
    async with (
        asyncio.timeout(10),
        client() as http,
        http.stream("GET", f"{site.home}live/events", headers=await bearer(site)) as stream,
    ):
        line = await anext(stream.aiter_lines())

    assert line == 'data: "testuser"'


async def test_a_batch_goes_both_ways_at_once(site: Site) -> None:
    """A note is answered before the next is sent."""
    batch = BatchClient(f"{site.home}deidentify/batch", headers=await bearer(site), tls=tls_front.trusting())
    async with batch:
        for number in range(1, 4):
            await batch.say(NOTE)
            taken = await batch.take()
            assert taken is not None
            assert (taken["line"], taken["text"]) == (number, MASKED)
        await batch.end()
        assert await batch.take() is None


async def test_a_batch_may_be_of_any_length(site: Site) -> None:
    """More than any other body may have."""
    lines = b"\n" * 4_000_000 + json.dumps(NOTE).encode()
    async with client() as http:
        reply = await http.post(
            f"{site.home}deidentify/batch",
            content=lines,
            headers=await bearer(site) | {"Content-Type": "application/x-ndjson"},
        )

    assert (reply.status_code, reply.json()["line"]) == (200, 4_000_001)


async def test_too_large(site: Site) -> None:
    """Beyond 1 MB the service says so, in its own form; what is twice as large it never sees."""
    replies = []
    for size in (1_000_000, 1_500_000, 2_500_000):
        async with client() as http:  # a connection each: one on which a body was refused may be closed at any moment
            replies.append(await http.post(f"{site.home}seen", content=b"x" * size))

    fits, ours, nginxs = replies
    assert (fits.status_code, fits.json()["size"]) == (200, 1_000_000)
    assert (ours.status_code, ours.json()["code"]) == (413, "content_too_large")
    assert (nginxs.status_code, nginxs.headers["content-type"]) == (413, "text/html")


async def test_nothing_of_a_note_is_written_to_a_file(site: Site) -> None:
    """A note that is longer than nginx's memory for a body leaves no trace in its folders, not even a deleted file."""
    folders = [site.nginx.folder / kind for kind in ("client_body", "proxy")]
    before = [folder.stat().st_mtime_ns for folder in folders]
    note = {"text": "Seen 12/03/2019 by Dr. Smith.\n" * 3000}
    async with client() as http:
        reply = await http.post(f"{site.home}deidentify", json=note, headers=await bearer(site))

    assert (reply.status_code, len(reply.content) > 80_000) == (200, True)
    assert [folder.stat().st_mtime_ns for folder in folders] == before


async def test_long_heads(site: Site) -> None:
    """An address and cookies may be as long as the service takes them, each by far more than nginx would by itself."""
    async with client() as http:
        address = await http.get(f"{site.home}seen", params={"a": "x" * 15_000})
        cookies = await http.get(f"{site.home}seen", headers={"Cookie": f"a={'x' * 15_000}"})

    assert [address.status_code, cookies.status_code] == [200, 200]


# TLS


@pytest.mark.parametrize("what", [f"{PATH}me?next=%2Fa%20b", "/hub/login?a=1", "/"])
async def test_http_leads_to_https(site: Site, what: str) -> None:
    """To the same address, with the same method."""
    async with client() as http:
        reply = await http.post(f"{site.nginx.plain_origin}{what}")

    assert (reply.status_code, reply.headers["location"]) == (308, f"https://{tls_front.HOST}{what}")


async def test_certbot_is_answered_without_tls(site: Site) -> None:
    """What certbot puts into its folder is not sent to https."""
    async with client() as http:
        reply = await http.get(f"{site.nginx.plain_origin}/.well-known/acme-challenge/none")

    assert reply.status_code == 404


@pytest.mark.parametrize(
    ("what", "status"), [(f"{PATH}health/live", 200), (f"{PATH}me", 401), (f"{PATH}nowhere", 404), ("/hub/login", 200)]
)
async def test_browsers_are_told_to_keep_to_https(site: Site, what: str, status: int) -> None:
    """Every answer has HSTS, once, and no version of nginx."""
    async with client() as http:
        reply = await http.get(f"{site.nginx.origin}{what}")

    assert reply.status_code == status
    assert reply.headers.get_list("strict-transport-security") == [HSTS]
    assert reply.headers.get_list("server") == ["nginx"]


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
    ids=lambda value: value.name if isinstance(value, ssl.TLSVersion) else "",
)
@pytest.mark.filterwarnings("ignore:.*TLSv1.* is deprecated:DeprecationWarning")
async def test_versions_of_tls(site: Site, version: ssl.TLSVersion, *, is_taken: bool) -> None:
    """1.2 and 1.3; a client that could do less, and knows old ciphers, is refused by nginx itself."""
    context = tls_front.trusting()
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    port = urlsplit(site.nginx.origin).port
    outcome = "taken"
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=tls_front.HOST)
        writer.close()
        await writer.wait_closed()
    except ssl.SSLError as error:
        outcome = error.reason or ""

    assert outcome == ("taken" if is_taken else "TLSV1_ALERT_PROTOCOL_VERSION")


def test_http_2(site: Site, tmp_path: Path) -> None:
    """Who can gets HTTP/2."""
    authority = tmp_path / "ca.pem"
    tls_front.authority().cert_pem.write_to_path(authority)
    port = urlsplit(site.nginx.origin).port
    resolve = ["--resolve", f"{tls_front.HOST}:{port}:127.0.0.1"]
    command = [
        "curl",
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_version} %{http_code}",
        "--cacert",
        str(authority),
        *resolve,
    ]

    said = subprocess.run([*command, f"{site.home}health/live"], capture_output=True, text=True, check=False)

    assert (said.stdout, said.stderr) == ("2 200", "")


# What is kept of it


async def test_the_log_has_no_secrets(site: Site) -> None:
    """Of a request it has path, status and request id, but no query, which may hold a token or a code."""
    secret = secrets.token_hex(16)
    async with client() as http:
        await http.get(f"{site.home}me?token={secret}", headers={"Referer": f"{site.home}?token={secret}"})
        await http.get(f"{site.nginx.plain_origin}{PATH}me?token={secret}")

    def logs() -> str:
        return "".join(log.read_text() for log in site.nginx.folder.glob("*log"))

    async def are_written() -> bool:  # which nginx does after it has answered
        return all(f'"GET {PATH}me HTTP/1.1" {status} ' in logs() for status in (308, 401))

    await eventually(are_written)
    assert secret not in logs()


# The side-car


async def test_sidecar(tmp_path: Path) -> None:
    """Before a service alone it ends TLS, tells whom it speaks for, and sends http to https."""
    nginx, port = Nginx("sidecar.conf"), free_port()
    told = {
        "JUPYTERHUB_API_TOKEN": secrets.token_hex(32),
        "JUPYTERHUB_SERVICE_NAME": "fastapi",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "PUBLIC_HOST": nginx.origin,
        "SERVICE_ROUTERS": "tests.support.seen_routes:router",
    }
    with ExternalService(told, directory=tmp_path), nginx.before(service=f"127.0.0.1:{port}"):
        async with client() as http:
            seen = await http.get(f"{nginx.origin}{PATH}seen", headers={"X-Forwarded-For": FORGED})
            plain = await http.get(f"{nginx.plain_origin}{PATH}me")

    assert seen.json().items() >= {"client": "127.0.0.1", "scheme": "https"}.items()
    assert seen.headers["strict-transport-security"] == HSTS
    assert (plain.status_code, plain.headers["location"]) == (308, f"https://{tls_front.HOST}{PATH}me")
