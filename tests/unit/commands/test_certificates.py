"""`python -P -m service certificates`: a CA and a certificate to try https."""

import stat
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography.x509 import DNSName, IPAddress, SubjectAlternativeName, load_pem_x509_certificate
from typer.testing import CliRunner, Result

from service.commands.app import app
from service.server.tls import problem_with


def asked(*arguments: object) -> Result:
    """Run the command in this process."""
    runner = CliRunner(env={"COLUMNS": "300", "TERM": "dumb", "NO_COLOR": "1"})
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
    assert f"SERVICE_TLS_CERT={certificate} SERVICE_TLS_KEY={key}" in made.stdout


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
