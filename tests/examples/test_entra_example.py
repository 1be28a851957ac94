"""FastAPI with Entra ID on Azure: what the reader of that example does, in their order, on their own machine.

A tenant of the test's own stands in for Entra ID. What Azure itself runs is shown by tests/unit/deploy/test_azure.py.
"""

import base64
import hashlib
import re
import secrets
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.support.entra import ALICE, API_CLIENT, SWAGGER_CLIENT, TENANT, EntraIssuer
from tests.support.external import ExternalService
from tests.support.local_http import local_client
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM, eventually
from tests.support.ports import free_port
from tests.support.process import clean_environment

pytest.importorskip("fastapi_azure_auth", reason="no fastapi-azure-auth installed: pip install '.[entra]'")

PAGE = REPOSITORY / "docs/operate/entra.md"
MINE = f"api://{API_CLIENT}/user_impersonation"
READ = f"api://{API_CLIENT}/read_messages"
FRIEND = "http://localhost:3000"


def block_with(language: str, text: str) -> str:
    """Return the page's block that has this text."""
    (found,) = (block.code for block in blocks(PAGE, language) if text in block.code)
    return found


@dataclass(frozen=True)
class Running:
    """The service of the walk: where it is found, its issuer, its log."""

    url: str
    issuer: EntraIssuer
    service: ExternalService

    @property
    def redirect_uri(self) -> str:
        """What the reader has registered for Swagger UI."""
        return f"{self.url}/docs/entra/callback"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The lines of "On your own machine", with a route of the reader's own and an origin that may call."""
    directory = tmp_path_factory.mktemp("entra")
    (directory / "messages.py").write_text(block_with("python", "custom:messages:read"))
    walk = block_with("sh", "PUBLIC_HOST=http://localhost:8000")
    url = f"http://localhost:{free_port()}"
    told = dict(re.findall(r"([A-Z_]+)=(\S+)", walk.replace("http://localhost:8000", url)))
    assert (told["ENTRA_TENANT_ID"], told["ENTRA_CLIENT_ID"]) == (TENANT, API_CLIENT)
    (grants,) = re.findall(r'^ENTRA_GRANTS="(.*)"$', block_with("sh", "read_messages="))
    own = {"SERVICE_ROUTERS": "messages:router", "ENTRA_GRANTS": grants, "ALLOW_ORIGINS": FRIEND}
    with EntraIssuer() as issuer:
        issuer.redirect_uris = {SWAGGER_CLIENT: [f"{url}/docs/entra/callback"]}
        environment = {**issuer.service_environment(), **told, **own}
        with ExternalService(environment, directory=directory) as service:
            yield Running(url, issuer, service)
            assert "Traceback" not in service.log_text()


@pytest.fixture
async def client(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """The reader, once the service has Entra ID's keys."""
    async with local_client(base_url=running.url) as client:

        async def has_keys() -> bool:
            return (await client.get("/me", headers=bearer(running.issuer.access_token()))).status_code == 200

        await eventually(has_keys)
        yield client


def bearer(token: str) -> dict[str, str]:
    """Return the header."""
    return {"Authorization": f"Bearer {token}"}


def trusting(issuer: EntraIssuer) -> ssl.SSLContext:
    """Return what a client needs that trusts the issuer's certificate."""
    return ssl.create_default_context(cafile=str(issuer.ca))


async def authorized(running: Running, *scopes: str) -> str:
    """Press *Authorize*: sign in at Entra ID as Swagger UI does, with PKCE, and return the token."""
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": SWAGGER_CLIENT,
        "redirect_uri": running.redirect_uri,
        "scope": " ".join(scopes),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    async with local_client(
        base_url=f"{running.issuer.url}/{TENANT}/oauth2/v2.0", verify=trusting(running.issuer)
    ) as at:
        signed_in = await at.post("/authorize", params=asked, data={"user": ALICE})
        code = dict(parse_qsl(urlsplit(signed_in.headers["location"]).query))["code"]
        form = {"client_id": SWAGGER_CLIENT, "redirect_uri": running.redirect_uri, "code": code}
        reply = await at.post("/token", data=form | {"code_verifier": verifier}, headers={"Origin": running.url})
    return str(reply.json()["access_token"])


def test_the_old_names(tmp_path: Path) -> None:
    """With the example's `.env` it does not start. It names our variable for each of theirs."""
    file = tmp_path / ".env"
    file.write_text(f"TENANT_ID={TENANT}\nAPP_CLIENT_ID={API_CLIENT}\nOPENAPI_CLIENT_ID={SWAGGER_CLIENT}\n")
    file.chmod(0o600)
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "service"],
        env=clean_environment(PYTHONPATH=str(REPOSITORY)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=False,
    )

    assert ended.returncode == 2
    for ours in ("ENTRA_TENANT_ID", "ENTRA_CLIENT_ID", "ENTRA_OPENAPI_CLIENT_ID"):
        assert f"set {ours}." in ended.stderr


async def test_the_documentation_asks_to_sign_in(running: Running, client: httpx.AsyncClient) -> None:
    """`/docs` is Swagger UI with the reader's client, and its redirect URI is the one that was registered."""
    page = unescape((await client.get("/docs", headers={"Accept": "text/html"})).text)
    document = (await client.get("/docs/entra/openapi.json")).json()

    assert SWAGGER_CLIENT in page
    assert running.redirect_uri in page
    flow = document["components"]["securitySchemes"]["EntraID"]["flows"]["authorizationCode"]
    assert flow["authorizationUrl"].startswith(running.issuer.url)
    assert {MINE, READ} <= set(flow["scopes"])


async def test_the_old_redirect_uri(running: Running) -> None:
    """The example's own redirect URI is another: Entra ID says AADSTS50011."""
    asked = {"client_id": SWAGGER_CLIENT, "redirect_uri": f"{running.url}/oauth2-redirect"}
    async with local_client(verify=trusting(running.issuer)) as at:
        reply = await at.get(f"{running.issuer.url}/{TENANT}/oauth2/v2.0/authorize", params=asked)

    assert "AADSTS50011" in reply.text


async def test_a_call(running: Running, client: httpx.AsyncClient) -> None:
    """Without a token a route is closed. With the one of *Authorize* it says who is calling."""
    refused = await client.get("/me")
    mine = await client.get("/me", headers=bearer(await authorized(running, MINE)))

    assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")
    assert (mine.status_code, mine.json()["name"]) == (200, ALICE)
    assert "claims" not in mine.text


async def test_a_scope_of_its_own(running: Running, client: httpx.AsyncClient) -> None:
    """A route asks for `read_messages`, and reads the display name from the verified claims."""
    without = await client.get("/messages", headers=bearer(await authorized(running, MINE)))
    read = await client.get("/messages", headers=bearer(await authorized(running, MINE, READ)))

    assert (without.status_code, without.json()["scopes"]) == (403, ["custom:messages:read"])
    assert (read.status_code, read.json()) == (200, {"for": "Somebody"})


async def test_a_page_of_another_origin(client: httpx.AsyncClient) -> None:
    """Pages of ALLOW_ORIGINS may call, others may not."""
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "Authorization"}
    allowed = await client.options("/me", headers={"Origin": FRIEND, **asked})
    other = await client.options("/me", headers={"Origin": "http://localhost:4000", **asked})

    assert allowed.headers["access-control-allow-origin"] == FRIEND
    assert "access-control-allow-origin" not in other.headers


async def test_a_token_that_is_refused(running: Running, client: httpx.AsyncClient) -> None:
    """The caller is told one text. The log says which claim, and not the token."""
    token = running.issuer.access_token(aud=TENANT)
    reply = await client.get("/me", headers=bearer(token))

    assert (reply.status_code, reply.json()["code"]) == (401, "invalid_token")
    assert "aud" not in reply.text
    await eventually(lambda: says(running, "it is for another API (aud)"))
    assert token.split(".")[1] not in running.service.log_text()


async def says(running: Running, needle: str) -> bool:
    """Whether the log has it."""
    return needle in running.service.log_text()
