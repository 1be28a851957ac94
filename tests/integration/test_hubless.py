"""The service where there is no Hub, as somebody starts it: `python -m service` with Entra ID's variables alone."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.support.entra import ALICE, API_CLIENT, TENANT, EntraIssuer
from tests.support.external import ExternalService
from tests.support.local_http import local_client
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM, eventually
from tests.support.ports import free_port
from tests.support.process import clean_environment

pytest.importorskip("fastapi_azure_auth", reason="no fastapi-azure-auth installed: pip install '.[entra]'")

ENTRA = {"ENTRA_TENANT_ID": TENANT, "ENTRA_CLIENT_ID": API_CLIENT}
HUB_TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def issuer() -> Iterator[EntraIssuer]:
    """An issuer that the tests leave as it was."""
    with EntraIssuer() as running:
        yield running


@pytest.fixture(scope="module")
def url(issuer: EntraIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service without a Hub is found."""
    url = f"http://127.0.0.1:{free_port()}/"
    environment = {**issuer.service_environment(), "JUPYTERHUB_SERVICE_URL": url, "SERVICE_APPS": "deidentify"}
    with ExternalService(environment, directory=tmp_path_factory.mktemp("hubless")) as service:
        yield url
        assert "There is no Hub" in service.log_text()
        assert "Traceback" not in service.log_text()


async def ask(where: str, token: str = "", *, method: str = "GET", **options: str) -> httpx.Response:
    """Send a request."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with local_client() as client:
        return await client.request(method, where, headers=headers | options)


async def test_entras_tokens_alone_are_good(url: str, issuer: EntraIssuer) -> None:
    """It gets ready by itself; a token of Entra ID is good, all others are bad, and it asks no Hub."""
    await eventually(lambda: is_ready(url))
    mine = (await ask(f"{url}me", issuer.access_token())).json()
    assert (mine["name"], mine["scopes"]) == (ALICE, ["access:services", "custom:deidentify:use"])
    for token in (HUB_TOKEN, issuer.access_token(exp=0), "x.y.z"):
        reply = await ask(f"{url}me", token)
        assert (reply.status_code, reply.json()["code"]) == (401, "invalid_token")
    assert (await ask(f"{url}me")).json()["code"] == "not_signed_in"


async def test_its_applications_work(url: str, issuer: EntraIssuer) -> None:
    """De-identification lets in whom ENTRA_SCOPE does."""
    await eventually(lambda: is_ready(url))  # its engine is loaded
    assert (await ask(f"{url}deidentify/rules", issuer.access_token())).status_code == 200
    assert (await ask(f"{url}deidentify/rules", issuer.access_token(scp="x"))).json()["code"] == "insufficient_scope"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "login"), ("GET", "oauth_callback"), ("GET", "logout"), ("POST", "token")]
)
async def test_nobody_signs_in_at_a_hub(url: str, method: str, path: str) -> None:
    """What belongs to the Hub's sign-in is not there."""
    assert (await ask(url + path, method=method)).status_code == 404


async def test_its_pages_lead_to_no_hub(url: str) -> None:
    """A browser gets a page, without a way to sign in that leads nowhere, and no redirect."""
    for path in ("", "me", "docs"):
        reply = await ask(url + path, Accept="text/html")
        assert reply.status_code in {200, 401, 307}
        assert "hub/" not in reply.text
        assert "login" not in reply.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({}, "JUPYTERHUB_API_TOKEN is not set", id="neither"),
        pytest.param(ENTRA | {"SERVICE_APPS": "desk"}, "SERVICE_APPS: desk needs a Hub", id="desk"),
        pytest.param(ENTRA | {"JUPYTERHUB_SERVICE_NAME": "x"}, "JUPYTERHUB_API_TOKEN is not set", id="lost token"),
    ],
)
def test_a_start_that_cannot_be_meant_is_refused(given: dict[str, str], said: str, tmp_path: Path) -> None:
    """It ends with status 2 and a sentence."""
    command = [sys.executable, "-P", "-m", "service"]
    environment = clean_environment(PYTHONPATH=str(REPOSITORY), **given)
    ended = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=PROGRAM, check=False
    )
    assert ended.returncode == 2
    assert said in ended.stderr


async def is_ready(url: str) -> bool:
    """Whether its probe is green."""
    return (await ask(f"{url}health/ready")).status_code == 200


@pytest.mark.parametrize("is_up", [True, False], ids=["answers", "gone"])
async def test_the_doctor(is_up: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    """It asks for no Hub, and says whether Entra ID's keys can be had, or which line to change."""
    with EntraIssuer() as own:
        environment = own.service_environment()
        if is_up:
            said = doctor(environment, tmp_path)
    if not is_up:
        said = doctor(environment, tmp_path)

    assert "there is none: JUPYTERHUB_API_TOKEN is not set" in said.stdout
    assert said.returncode == (0 if is_up else 1)
    assert ("ok           Entra ID: " in said.stdout) == is_up
    assert ("ENTRA_TENANT_ID, or allow connections from this machine to" in said.stdout) == (not is_up)


def doctor(environment: Mapping[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -P -m service doctor`."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "service", "doctor"],
        env=clean_environment(PYTHONPATH=str(REPOSITORY), **environment),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=False,
    )
