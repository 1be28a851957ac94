"""deploy/container: what compose.yaml says is right and careful, and what it starts works, here without containers."""

import json
import re
import secrets
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import tls_front
from tests.support.external import ExternalService
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.polling import BUSY, eventually
from tests.support.ports import free_port, free_ports_at
from tests.support.postgres import Postgres
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says
from tests.support.session import Session
from tests.support.variables import known_variables

FOLDER = REPOSITORY / "deploy" / "container"
COMPOSE = FOLDER / "compose.yaml"
PASSWORD = "correct horse battery staple"
SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]


def judged(file: Path) -> subprocess.CompletedProcess[str]:
    """Let Compose's own schema judge a file."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_compose_takes_it() -> None:
    """The file is what Compose expects."""
    assert judged(COMPOSE).returncode == 0


def test_a_mistake_is_found(tmp_path: Path) -> None:
    """The check fails for a misspelled word."""
    mistaken = tmp_path / "compose.yaml"
    mistaken.write_text(COMPOSE.read_text().replace("cap_drop", "cap_dropped"))

    verdict = judged(mistaken)

    assert (verdict.returncode, "cap_dropped" in verdict.stdout) == (1, True)


@pytest.mark.parametrize("name", SERVICES)
def test_each_container_is_locked(name: str) -> None:
    """It can write to volumes and memory alone, has no rights beyond its user's, and cannot get any."""
    service = SERVICES[name]

    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("user", "the image's") != "root"


def test_only_the_proxy_is_published() -> None:
    """On this machine; PostgreSQL and the Hub have no network in common, and neither's has a way out."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    networks = yaml.safe_load(COMPOSE.read_text())["networks"]

    assert published == {"hub": ["127.0.0.1:8000:8000"]}
    assert not set(SERVICES["hub"]["networks"]) & set(SERVICES["database"]["networks"])
    assert {name for name, network in networks.items() if not network.get("internal")} == {"front"}


def test_no_secret_is_in_the_file() -> None:
    """Passwords and tokens are variables, and the lines of the docs set all there are, each time anew, for us alone."""
    values = [value for each in SERVICES.values() for name, value in each["environment"].items() if is_secret(name)]
    assert len(values) == 5
    assert all("${" in value for value in values)


def is_secret(name: str) -> bool:
    """Whether a variable's value is one."""
    return name.endswith(("TOKEN", "PASSWORD", "DATABASE_URL"))


def test_the_lines_that_make_the_secrets(tmp_path: Path) -> None:
    """They set all that the file asks for, each time anew, for oneself alone, and never over what is there."""
    page = REPOSITORY / "docs" / "operate" / "container.md"
    (code,) = (block.code for block in blocks(page, "sh") if "> .env" in block.code)
    lines = code.partition("\ndocker compose")[0].replace("cd deploy/container", "")

    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        subprocess.run(["sh", "-euc", lines], cwd=tmp_path / folder, check=True)
    made = [dict(line.split("=", 1) for line in file.read_text().split()) for file in tmp_path.glob("*/.env")]
    again = subprocess.run(["sh", "-euc", lines], cwd=tmp_path / "one", capture_output=True, check=False)

    assert set(made[0]) == set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert {name for name in made[0] if made[0][name] == made[1][name]} == {"PUBLIC_HOST"}
    assert {file.stat().st_mode & 0o777 for file in tmp_path.glob("*/.env")} == {0o600}
    assert again.returncode != 0


def test_the_service_knows_its_settings() -> None:
    """No variable is misspelled."""
    known = known_variables()

    assert set(SERVICES["service"]["environment"]) <= known


@pytest.fixture
def site(postgresql: Postgres, tmp_path: Path) -> Iterator[str]:
    """What compose.yaml starts, with its variables, as processes; gives the Hub's address."""
    port, _, hub_port = free_ports_at(0, 1, 81)
    service_port = free_port()
    hosts = {
        "database/desk": postgresql.database().partition("@")[2],
        "desk:": f"{postgresql.url('x').partition('//')[2].partition('@')[0]}:",
        "http://service:10101": f"http://127.0.0.1:{service_port}",
        "http://hub:8081": f"http://127.0.0.1:{hub_port}",
        "172.31.251.2": "127.0.0.1",
    }
    chosen = {
        "API_TOKEN": secrets.token_hex(32),
        "HUB_PASSWORD": PASSWORD,
        "POSTGRES_PASSWORD": secrets.token_hex(8),
        "PUBLIC_HOST": f"http://127.0.0.1:{port}",
    }
    of_image = {"SERVICE_LISTEN": f"http://127.0.0.1:{service_port}", "SERVICE_STATE": str(tmp_path / "none")}
    told = environment("service", chosen, hosts) | of_image
    state, run = tmp_path / "state", tmp_path / "run"
    state.mkdir()
    run.mkdir()
    hub = {"HUB_STATE": str(state), "HUB_PORT": str(port)} | environment("hub", chosen, hosts)
    assert hub["RUNTIME_DIRECTORY"] in SERVICES["hub"]["tmpfs"]
    hub["RUNTIME_DIRECTORY"] = str(run)
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    with ExternalService(told, directory=tmp_path):
        log = tmp_path / "hub.log"
        process = KeptProcess(
            [sys.executable, "-P", "-m", "jupyterhub", "-f", str(FOLDER / "jupyterhub_config.py")],
            env=clean_environment(PATH=path, PYTHONPATH=str(REPOSITORY), **hub),
            cwd=REPOSITORY,
            log=log,
        )
        try:
            wait_until_log_says(process, log, "JupyterHub is now running", start=0, timeout=BUSY)
            # After a reset the number of the proxy's process is another's, so it is in no folder that lasts.
            assert [*tmp_path.rglob("proxy.pid")] == [run / "proxy.pid"]
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.close()


def environment(name: str, chosen: dict[str, str], hosts: dict[str, str]) -> dict[str, str]:
    """Return the variables that compose.yaml gives a container, where its names of hosts are ours."""
    given: dict[str, Any] = SERVICES[name]["environment"]
    said = {}
    for variable, value in given.items():
        text = re.sub(r"\$\{(\w+)[^}]*\}", lambda match: chosen[match[1]], value)
        for old, new in hosts.items():
            text = text.replace(old, new)
        said[variable] = text
    return said


async def test_what_it_starts_works(site: str) -> None:
    """The first administrator signs in and reaches the service, which has Hub and database; a notebook is refused."""
    async with Session(site) as browser:
        await browser.sign_in("admin", password=PASSWORD)
        page = await browser.visit("services/fastapi/me")
        assert (page.status_code, "admin" in page.text) == (200, True)

        async def is_ready() -> bool:
            return (await browser.visit("services/fastapi/health/ready")).status_code == 200

        assert await eventually(is_ready)
        await browser.visit("hub/spawn")

        async def is_refused() -> bool:
            return "Spawn failed" in (await browser.visit("hub/spawn-pending/admin")).text

        assert await eventually(is_refused)


@pytest.mark.parametrize("kind", ["http", "https", "unix"])
def test_the_health_check_follows_where_the_service_listens(kind: str, tmp_path: Path) -> None:
    """It asks the first address of SERVICE_LISTEN, whatever certificate is there, and fails when nobody answers."""
    address = f"unix:{tmp_path}/service.sock" if kind == "unix" else f"{kind}://127.0.0.1:{free_port()}"
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    tls_front.certificate().private_key_pem.write_to_path(key)
    tls_front.certificate().cert_chain_pems[0].write_to_path(certificate)
    told = {
        "JUPYTERHUB_API_TOKEN": secrets.token_hex(32),
        "JUPYTERHUB_SERVICE_NAME": "fastapi",
        "SERVICE_LISTEN": address,
    }
    if kind == "https":
        told |= {"SERVICE_TLS_CERT": str(certificate), "SERVICE_TLS_KEY": str(key)}

    def check() -> int:
        environment = clean_environment(PYTHONPATH=str(REPOSITORY), **told)
        command = [sys.executable, str(FOLDER / "healthcheck.py")]
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    with ExternalService(told, directory=tmp_path):
        while_it_runs = check()

    assert (while_it_runs, check()) == (0, 1)


@pytest.mark.parametrize("kind", ["http", "https"])
@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1)])
def test_the_health_check_of_the_hub(kind: str, status: int, expected: int, tmp_path: Path) -> None:
    """The image of the Hub is healthy when its service is ready, also with a certificate."""

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/services/fastapi/health/ready" else 404)
            self.end_headers()

    stage = (REPOSITORY / "Dockerfile").read_text().partition("FROM base AS hub\n")[2].replace("\\\n", "")
    (command,) = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", stage, re.MULTILINE)
    program, *arguments = json.loads(command)
    assert program == "python"
    with ThreadingHTTPServer(("127.0.0.1", 0), Ready) as server:
        told = {"HUB_PORT": str(server.server_port)}
        if kind == "https":
            key, chain = tls_front.write_certificate(tmp_path)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(chain, key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            told |= {"HUB_TLS_CERT": str(chain), "HUB_TLS_KEY": str(key)}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run([sys.executable, *arguments], env=clean_environment(**told), check=False, timeout=BUSY)
        server.shutdown()

    assert done.returncode == expected


def test_the_build_has_all_that_it_copies() -> None:
    """What the Dockerfile copies is there, and .dockerignore lets it pass."""
    lines = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE)
    copied = {name for line in lines for name in line.split()}
    passing = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line[:1] == "!"}

    assert copied == passing - {"Dockerfile", "deploy/azure/build.yaml"}
    assert all((REPOSITORY / name).exists() for name in copied)
