"""`python -P -m service certificates`: a CA and a certificate to try https."""

import os
import stat
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography.x509 import DNSName, IPAddress, SubjectAlternativeName, load_pem_x509_certificate
from typer.testing import CliRunner, Result

from service.commands.app import app
from service.server.tls import problem_with
from tests.support.node import REPOSITORY

GUID = "8f1b7d1c-0d5c-4d0e-9d4e-2d6f3d1f7a10"


def asked(*arguments: object, **settings: str) -> Result:
    """Run the command in this process, with these settings of a service and no others."""
    unset = dict.fromkeys(name for name in os.environ if name.startswith(("JUPYTERHUB_", "ENTRA_", "SERVICE_")))
    runner = CliRunner(env={**unset, "COLUMNS": "300", "TERM": "dumb", "NO_COLOR": "1", **settings})
    return runner.invoke(app, ["certificates", *map(str, arguments)])


def test_what_it_makes(tmp_path: Path) -> None:
    """It makes a valid certificate for all hosts, signed by the CA. Only the owner can read the key."""
    made = asked(tmp_path / "new/dev", "--host", "localhost", "--host", "127.0.0.1")
    ca, certificate, key = (tmp_path / "new/dev" / name for name in ("ca.pem", "cert.pem", "key.pem"))
    leaf = load_pem_x509_certificate(certificate.read_bytes())
    names = leaf.extensions.get_extension_for_class(SubjectAlternativeName).value

    assert (made.exit_code, made.stderr) == (0, "")
    assert problem_with(str(certificate), str(key)) == ""
    assert list(names) == [DNSName("localhost"), IPAddress(IPv4Address("127.0.0.1"))]
    leaf.verify_directly_issued_by(load_pem_x509_certificate(ca.read_bytes()))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("host", "reach", "origin"),
    [
        ("localhost", "", "https://localhost:8000"),
        ("127.0.0.1", "", "https://127.0.0.1:8000"),
        ("::1", "HUB_IP=[::1] ", "https://[::1]:8000"),
        ("192.168.0.16", "HUB_IP=192.168.0.16 HUB_PASSWORD_FILE={0}/password ", "https://192.168.0.16:8000"),
        ("hub.lan", "HUB_IP=0.0.0.0 HUB_PASSWORD_FILE={0}/password ", "https://hub.lan:8000"),
    ],
)
def test_the_commands_for_a_hub(tmp_path: Path, host: str, reach: str, origin: str) -> None:
    """Without the settings of a service, it prints how to start a Hub that the host leads to, and how to call it."""
    made = asked(tmp_path, "--host", host).stdout
    commands = [line.strip() for line in made.splitlines() if line.startswith("  ")]

    started = f"HUB_TLS_CERT={tmp_path}/cert.pem HUB_TLS_KEY={tmp_path}/key.pem {REPOSITORY}/script/run"
    address = f"{origin}/services/fastapi/health/live"
    assert commands == [
        f"{reach.format(tmp_path)}{started}",
        f"curl --cacert {tmp_path}/ca.pem {address}",
        f"http --verify {tmp_path}/ca.pem {address}",
    ]


@pytest.mark.parametrize(
    ("settings", "prefix"),
    [
        ({"JUPYTERHUB_API_TOKEN": "t" * 32, "JUPYTERHUB_SERVICE_NAME": "notes"}, "/services/notes/"),
        ({"ENTRA_TENANT_ID": GUID, "ENTRA_CLIENT_ID": GUID}, "/"),
    ],
    ids=["beside a Hub", "without one"],
)
def test_the_commands_for_a_service(tmp_path: Path, settings: dict[str, str], prefix: str) -> None:
    """With the settings of a service, it prints how to start that one, and its own path."""
    made = asked(tmp_path, "--host", "localhost", **settings).stdout

    started = f"SERVICE_LISTEN=https://localhost:8443 SERVICE_TLS_CERT={tmp_path}/cert.pem"
    assert f"  {started} SERVICE_TLS_KEY={tmp_path}/key.pem python -P -m service\n" in made
    assert f"  curl --cacert {tmp_path}/ca.pem https://localhost:8443{prefix}health/live\n" in made
    assert f"  http --verify {tmp_path}/ca.pem https://localhost:8443{prefix}health/live\n" in made


def test_what_is_there_stays(tmp_path: Path) -> None:
    """Existing files are kept. With --force they are replaced, and the new key is readable for the owner only."""
    (tmp_path / "key.pem").write_text("canary")
    (tmp_path / "key.pem").chmod(0o644)
    refused = asked(tmp_path, "--host", "localhost")

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == f"{tmp_path} has key.pem already. --force replaces them.\n"
    assert [file.read_text() for file in tmp_path.iterdir()] == ["canary"]

    assert asked(tmp_path, "--host", "localhost", "--force").exit_code == 0
    assert problem_with(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")) == ""
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing option '--host'"),
        (["--host", "a b"], "The certificate could not be made: "),
        (["--host", "10.0.0.0/8"], "10.0.0.0/8 is neither a host name nor an IP address."),
    ],
    ids=["no host", "no name", "network"],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Wrong usage ends with status 2, and nothing is written."""
    refused = asked(tmp_path / "dev", *arguments)

    assert refused.exit_code == 2
    assert said in refused.stderr
    assert not (tmp_path / "dev").exists()
