"""FastAPI by https, CORS, HTML or JSON: what the reader of that example does, in their order."""

import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.external import ExternalService
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.local_http import local_client
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM
from tests.support.ports import free_ports
from tests.support.process import clean_environment

NAME = "reporter"  # a service of the shared Hub that nobody has started
FRIEND = "https://localhost:9001"
STRANGER = "https://localhost:9002"
HTML, JSON = {"Accept": "text/html"}, {"Accept": "application/json"}


@dataclass(frozen=True)
class Served:
    """Where the service is found by https, and the CA that its certificate is of."""

    url: str
    ca: Path


@pytest.fixture(scope="module")
def served(hub: RealHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """First, make a certificate. Then start the service with it, at an address of its own, beside a Hub."""
    directory = tmp_path_factory.mktemp("https")
    subprocess.run(
        [sys.executable, "-P", "-m", "service", "certificates", "tls", "--host", "localhost", "--host", "127.0.0.1"],
        env=clean_environment(PYTHONPATH=str(REPOSITORY)),
        cwd=directory,
        capture_output=True,
        timeout=PROGRAM,
        check=True,
    )
    [port] = free_ports(1)
    told = {
        "JUPYTERHUB_API_TOKEN": hub.service_token(NAME).value,
        "JUPYTERHUB_API_URL": hub.api_url,
        "JUPYTERHUB_SERVICE_NAME": NAME,
        "SERVICE_LISTEN": f"https://localhost:{port}",
        "SERVICE_TLS_CERT": "tls/cert.pem",
        "SERVICE_TLS_KEY": "tls/key.pem",
        "ALLOW_ORIGINS": FRIEND,
        "HUB_CACHE_TTL": "0.001",
    }
    with ExternalService(told, directory=directory) as service:
        yield Served(f"https://localhost:{port}/services/{NAME}/", directory / "tls/ca.pem")
        assert "Traceback" not in service.log_text()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """The reader, whose machine trusts the CA."""
    context = ssl.create_default_context(cafile=str(served.ca))
    async with local_client(base_url=served.url, verify=context) as client:
        yield client


@pytest.fixture
async def token(hub: RealHub) -> Token:
    """A token of the Hub's token page, of somebody who may use this service."""
    return await hub.user_token("admin")


async def test_who_does_not_trust_it(served: Served) -> None:
    """Without the CA there is no answer, as with a browser that warns."""
    async with local_client(verify=ssl.create_default_context()) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(served.url)


async def test_the_start_page(client: httpx.AsyncClient) -> None:
    """The same address is a page for a browser, and JSON for a program."""
    page, told = await client.get("", headers=HTML), await client.get("", headers=JSON)

    assert page.headers["content-type"].startswith("text/html")
    assert "Sign in with JupyterHub" in page.text
    assert told.json()["user"] is None


async def test_without_a_sign_in(client: httpx.AsyncClient) -> None:
    """A browser is led to the Hub to sign in. A program is told so."""
    page, told = await client.get("me", headers=HTML), await client.get("me", headers=JSON)

    assert page.status_code == 302
    assert "/hub/api/oauth2/authorize" in page.headers["location"]
    assert (told.status_code, told.json()["code"]) == (401, "not_signed_in")
    assert told.headers["content-type"] == "application/problem+json"


async def test_html_or_json(client: httpx.AsyncClient, token: Token) -> None:
    """With a token, too, `Accept` decides: a page or JSON. The header of the example decides nothing."""
    page = await client.get("me", headers=HTML | token.bearer)
    told = await client.get("me", headers=JSON | token.bearer)
    old = await client.get("me", headers=HTML | token.bearer | {"x-expected-format": "application/json"})

    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert "admin" in page.text
    assert told.json()["name"] == "admin"
    assert old.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("origin", "header", "is_allowed"),
    [
        pytest.param(FRIEND, "authorization", True, id="a page of ALLOW_ORIGINS"),
        pytest.param(STRANGER, "authorization", False, id="another page"),
        pytest.param(FRIEND, "x-expected-format", False, id="with the header of the example"),
    ],
)
async def test_ajax(client: httpx.AsyncClient, token: Token, origin: str, header: str, *, is_allowed: bool) -> None:
    """A page of an origin that is named may call, and read the answer; the browser stops all others."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": header}
    preflight = await client.options("me", headers=asked)
    answer = await client.get("me", headers={"Origin": origin, **token.bearer})

    assert (preflight.status_code == 200) is is_allowed
    assert (answer.headers.get("access-control-allow-origin") == origin) is (origin == FRIEND)


async def test_a_password_from_another_origin(client: httpx.AsyncClient) -> None:
    """The example's page sends a name and a password. Here a page of another origin gets no token for them."""
    form = {"grant_type": "password", "username": "testuser", "password": "passwd"}
    reply = await client.post("token", data=form, headers={"Origin": FRIEND})

    assert reply.status_code in {400, 403}
    assert "access_token" not in reply.text


async def test_signing_out(client: httpx.AsyncClient, token: Token) -> None:
    """A program signs out by POST, which ends its token. GET is for people."""
    by_get = await client.get("logout", headers=JSON | token.bearer)
    by_post = await client.post("logout", headers=JSON | token.bearer)
    after = await client.get("me", headers=token.bearer)

    assert (by_get.status_code, by_get.headers["allow"]) == (405, "POST")
    assert by_post.is_success
    assert (after.status_code, after.json()["code"]) == (401, "invalid_token")
