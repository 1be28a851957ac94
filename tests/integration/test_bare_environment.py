"""The Hub of jupyterhub_config.py, started by `jupyterhub` where only requirements.txt is installed, over https."""

import asyncio
import os
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.local_http import local_client
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.ports import free_ports_at
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says
from tests.support.session import Session

CONFIG, README = REPOSITORY / "jupyterhub_config.py", REPOSITORY / "README.md"
TLS = REPOSITORY / "docs" / "operate" / "tls.md"
START_LIMIT = 120.0  # seconds; about five on an idle machine


@pytest.fixture(scope="module")
def jupyterhub(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command `jupyterhub` of an environment with our packages, in which the checkout itself is not installed."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    # Python adds this folder to its path, and does not read the `.pth` files in it, as it does with its own.
    (packages / "ours.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    command = folder / "bin" / "jupyterhub"
    lines = (Path(sys.executable).parent / "jupyterhub").read_text().splitlines(keepends=True)
    command.write_text(f"#!{python}\n{''.join(lines[1:])}")
    command.chmod(0o755)
    return str(command)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables for a Hub with ports and a state folder of its own."""
    port = free_ports_at(0, 81, 182, 283)[0]
    return clean_environment(HUB_PORT=str(port), HUB_STATE=str(tmp_path / "state"))


def test_the_service_is_not_installed_there(jupyterhub: str, tmp_path: Path) -> None:
    """The environment of these tests has no package `service`: otherwise they would show nothing."""
    python = Path(jupyterhub).with_name("python")
    ended = subprocess.run([python, "-c", "import service"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "No module named 'service'" in ended.stderr


def test_in_the_folder(jupyterhub: str, environment: dict[str, str]) -> None:
    """The README's `jupyterhub --ip=127.0.0.1`, run in the checkout, reads the configuration, which has the service."""
    (code,) = (block.code for block in blocks(README, "sh") if "jupyterhub " in block.code)
    name, *arguments = code.splitlines()[-1].split()
    command = [jupyterhub, *arguments, f"--port={environment['HUB_PORT']}", "--show-config"]
    shown = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)

    assert (name, arguments) == ("jupyterhub", ["--ip=127.0.0.1"])

    assert shown.returncode == 0, shown.stderr
    assert "'name': 'fastapi'" in shown.stdout
    assert f"bind_url = 'http://127.0.0.1:{environment['HUB_PORT']}'" in shown.stdout


def test_a_certificate_without_its_key(jupyterhub: str, environment: dict[str, str], tmp_path: Path) -> None:
    """Before anything is started, one sentence says what is wrong with HUB_TLS_CERT and HUB_TLS_KEY."""
    command, given = [jupyterhub, "-f", str(CONFIG)], environment | {"HUB_TLS_CERT": "cert.pem"}
    ended = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, check=False)

    said = "HUB_TLS_CERT and HUB_TLS_KEY: HUB_TLS_KEY is not set."
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, said)


def test_without_a_proxy(jupyterhub: str, environment: dict[str, str], tmp_path: Path) -> None:
    """Where the Hub's proxy is missing, one sentence says how to get it."""
    copy = tmp_path / "jupyterhub_config.py"  # no node_modules beside it
    copy.write_text(CONFIG.read_text())
    path = {"PATH": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    command = [jupyterhub, "-f", str(copy)]
    ended = subprocess.run(command, cwd=tmp_path, env=environment | path, capture_output=True, text=True, check=False)

    said = ended.stderr.splitlines()[-1]
    assert ended.returncode == 1
    assert said.startswith("The Hub's proxy needs configurable-http-proxy, which is not on PATH: run `pip install -r ")
    assert said.endswith("`npm install -g configurable-http-proxy`.")


SETTINGS_OF_THE_SERVICE = """
from traitlets.config.loader import PyFileConfigLoader
from service.registration.traits import read
from service.settings import load_settings

(entry,) = read(PyFileConfigLoader({config!r}).load_config().JupyterHub, "services", [])
settings = load_settings(entry["environment"] | {{"JUPYTERHUB_API_TOKEN": entry["api_token"]}})
print(settings.has_hub, repr(settings.entra_tenant_id), repr(settings.entra_client_id))
"""
TENANT, CLIENT = "11111111-aaaa-4aaa-8aaa-111111111111", "22222222-bbbb-4bbb-8bbb-222222222222"


@pytest.mark.parametrize(
    ("more", "expected"),
    [("", "True '' ''"), (f"ENTRA_CLIENT_ID={CLIENT}\n", f"True '{TENANT}' '{CLIENT}'")],
    ids=["the Hub alone", "the service, too"],
)
def test_entra_of_the_hub_in_the_file(environment: dict[str, str], tmp_path: Path, more: str, expected: str) -> None:
    """The service reads the same `.env`. It takes Entra ID's tokens only where it has a client of its own."""
    (tmp_path / ".env").write_text(
        "HUB_AUTHENTICATOR=entra\nENTRA_HUB_CLIENT_ID=x\nENTRA_HUB_CLIENT_SECRET=y\nENTRA_AUTHORITY=https://a.example\n"
        f"ENTRA_TENANT_ID={TENANT}\n{more}"
    )
    command = [sys.executable, "-c", SETTINGS_OF_THE_SERVICE.format(config=str(CONFIG))]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert ended.stdout.strip() == expected, ended.stderr


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """The folder that the command in docs/operate/tls.md fills."""
    first, *_ = (block.code for block in blocks(TLS, "sh") if " certificates " in block.code)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = clean_environment(PYTHONPATH=str(REPOSITORY), PATH=path)
    subprocess.run(["sh", "-euc", first], cwd=tmp_path, env=environment, check=True, stdout=subprocess.DEVNULL)
    return tmp_path / "tls"


@pytest.fixture
async def hub(jupyterhub: str, environment: dict[str, str], certificates: Path, tmp_path: Path) -> AsyncIterator[str]:
    """A Hub at https, started from a folder whose `.env` says so: its address."""
    folder = certificates.parent
    (folder / ".env").write_text("HUB_TLS_CERT=tls/cert.pem\nHUB_TLS_KEY=tls/key.pem\nHUB_PORT=1\n")
    (folder / ".env").chmod(0o600)
    log = tmp_path / "hub.log"
    log.touch()
    process = KeptProcess([jupyterhub, "-f", str(CONFIG)], env=environment, cwd=folder, log=log)
    await asyncio.to_thread(
        wait_until_log_says, process, log, "JupyterHub is now running at", start=0, timeout=START_LIMIT
    )
    yield f"https://127.0.0.1:{environment['HUB_PORT']}/"
    process.close()


async def test_hub_and_service_at_https(hub: str, certificates: Path) -> None:
    """With a certificate in `.env`, people sign in to Hub and service over https. A client trusts ca.pem alone."""
    trust = ssl.create_default_context(cafile=certificates / "ca.pem")
    async with Session(hub, transport=httpx.AsyncHTTPTransport(verify=trust, trust_env=False)) as browser:
        page = await browser.visit("services/fastapi/me")
        me = await browser.sign_in("testuser", password="passwd", at=page)
        cookies = [cookie for cookie in browser.client.cookies.jar if cookie.name == "service-fastapi"]
    async with local_client() as plain:
        with pytest.raises(httpx.TransportError):
            await plain.get(hub.replace("https:", "http:"))

    assert (me.status_code, "testuser" in me.text) == (200, True)
    assert [cookie.secure for cookie in cookies] == [True]
