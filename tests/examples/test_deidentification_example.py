"""De-identification in a container over https: what the reader of that example does, in their order.

Without a container engine, the service itself runs with what the documented command sets in the image.
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.external import ExternalService
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM
from tests.support.ports import free_ports
from tests.support.process import clean_environment

CONTAINER = REPOSITORY / "docs/operate/container.md"
DEIDENTIFY = REPOSITORY / "docs/deidentify.md"
MASKED = "Seen **/**/**** by Dr. *****."
PYTHON = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl installed: apt-get install curl")


@dataclass(frozen=True)
class Container:
    """The documented container, as it runs here: where it is found, and the CA bundle of its certificate."""

    http: str
    https: str
    ca: Path
    tls_port: int


def block_with(page: Path, text: str) -> str:
    """Return the page's shell block that has this text."""
    (found,) = (block.code for block in blocks(page, "sh") if text in block.code)
    return found


def settings_in(command: str) -> dict[str, str]:
    """Return what `docker run -e …` sets."""
    return dict(re.findall(r"-e (\w+)=(\S+)", command))


def shell(command: str, *, directory: Path = REPOSITORY, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as somebody types it."""
    path = os.pathsep.join([str(PYTHON), os.environ.get("PATH", os.defpath)])
    return subprocess.run(
        ["sh", "-eu", "-c", command],
        env=clean_environment(PATH=path, PYTHONPATH=str(REPOSITORY), **environment),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=False,
    )


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """First, make a certificate. Then start the container by http and https at once."""
    directory = tmp_path_factory.mktemp("container")
    made = shell("python -P -m service certificates tls --host localhost --host 127.0.0.1", directory=directory)
    assert made.returncode == 0, made.stderr

    http, https = free_ports(2)
    told = settings_in(block_with(CONTAINER, "8443:8443"))
    listen = told.pop("SERVICE_LISTEN")
    assert listen == "http://0.0.0.0:8080,https://0.0.0.0:8443"
    environment = {name: value.replace("/tls/", f"{directory}/tls/") for name, value in told.items()} | {
        "SERVICE_LISTEN": f"http://127.0.0.1:{http},https://127.0.0.1:{https}",
        "DEIDENTIFY_WORKERS": "1",
        "DEIDENTIFY_DEADLINE": "60",  # a busy machine is not what is tested
    }
    with ExternalService(environment, directory=directory) as service:
        ca = directory / "tls/ca.pem"
        yield Container(f"http://127.0.0.1:{http}", f"https://localhost:{https}", ca, https)
        assert "Nobody signs in" in service.log_text()
        assert "Traceback" not in service.log_text()


def test_the_service_answers(container: Container) -> None:
    """`curl http://127.0.0.1/` answers at once, without an account."""
    reply = shell(f"curl -fsS {container.http}/")

    assert reply.returncode == 0, reply.stderr
    assert '"docs":"/docs"' in reply.stdout


def test_a_note(container: Container) -> None:
    """The documented line masks a note."""
    command = block_with(CONTAINER, "http://127.0.0.1:8080/deidentify").replace("http://127.0.0.1:8080", container.http)
    reply = shell(command)

    assert (reply.returncode, reply.stdout) == (0, MASKED), reply.stderr


@pytest.mark.parametrize("client", ["http", "curl"])
def test_the_note_of_the_example(container: Container, client: str) -> None:
    """Its file, sent over https with the CA bundle, comes back masked: by HTTPie as in the example, or by curl."""
    if shutil.which(client, path=f"{PYTHON}{os.pathsep}{os.environ.get('PATH', '')}") is None:
        pytest.skip(f"no {client} installed")
    command = {
        "http": f"http --ignore-stdin --verify '{container.ca}' POST {container.https}/deidentify @examples/note.json",
        "curl": f"curl -fsS --cacert '{container.ca}' -H 'Content-Type: application/json' "
        f"--data-binary @examples/note.json {container.https}/deidentify",
    }
    reply = shell(command[client])

    assert reply.returncode == 0, reply.stderr
    assert "Mrs. [NAME], MRN: [ID], was seen on [DATE]" in reply.stdout


def test_without_the_ca_bundle(container: Container) -> None:
    """Somebody who does not trust the certificate gets no answer."""
    reply = shell(f"curl -fsS {container.https}/health/live")

    assert reply.returncode == 60  # curl: the peer's certificate cannot be authenticated
    assert reply.stdout == ""


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
    ids=["1.0", "1.1", "1.2", "1.3"],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_which_tls(container: Container, version: ssl.TLSVersion, *, is_taken: bool) -> None:
    """TLS 1.2 and 1.3 are offered, 1.0 and 1.1 are not, even to a client that would take them."""
    context = ssl.create_default_context(cafile=str(container.ca))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version

    def handshake() -> str | None:
        connection = socket.create_connection(("127.0.0.1", container.tls_port), timeout=30)
        with connection, context.wrap_socket(connection, server_hostname="localhost") as wrapped:
            return wrapped.version()

    if is_taken:
        assert handshake() == f"TLSv1.{version.name[-1]}"
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            handshake()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service as docs/deidentify.md starts it, at a free port."""
    line = block_with(DEIDENTIFY, "SERVICE_SIGN_IN=none SERVICE_APPS").splitlines()[-1]
    told: Mapping[str, str] = dict(re.findall(r"(\w+)=(\S+)", line))
    assert line.endswith(" python -P -m service")
    [port] = free_ports(1)
    environment = {**told, "SERVICE_LISTEN": f"http://127.0.0.1:{port}", "DEIDENTIFY_WORKERS": "1"}
    directory = tmp_path_factory.mktemp("alone")
    with ExternalService({**environment, "DEIDENTIFY_DEADLINE": "60"}, directory=directory):
        yield f"http://127.0.0.1:{port}"


def test_without_a_container(home: str) -> None:
    """In a checkout, two lines lead to a masked note."""
    command = block_with(DEIDENTIFY, "curl -fsS http://127.0.0.1:10101/").replace("http://127.0.0.1:10101", home)
    (shown,) = (block.code for block in blocks(DEIDENTIFY, "text") if block.code.startswith("Seen "))
    reply = shell(command)

    assert (reply.returncode, reply.stdout) == (0, shown.strip()), reply.stderr
