"""`python -P -m service doctor`: clocks, certificate files, and Hubs that show less."""

import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
import respx
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from service.commands.doctor.command import enter_process, examine
from service.commands.doctor.hub import check_hub
from service.commands.doctor.local import check_machine
from service.commands.doctor.public import check_public_host
from service.doctor_finding import Finding, failed
from service.settings import Settings
from tests.unit.conftest import settings_of

API = "http://hub.test/hub/api"
US = {"kind": "service", "name": "fastapi", "scopes": []}
OURS = {"prefix": "/services/fastapi/", "info": {"oauth_redirect_uri": ""}}
REFUSED = httpx.Response(403, json={"status": 403, "message": "no"})


async def found(
    settings: Settings, *, registration: httpx.Response, version: str = "6.1.1", date: str | None = None
) -> dict[str, Finding]:
    """Return the findings for a Hub with these answers, by check."""
    headers = {"Date": date} if date else {}
    with respx.mock:
        respx.get(f"{API}/").respond(json={"version": version}, headers=headers)
        respx.get(f"{API}/user").respond(json=US)
        respx.get(f"{API}/services/fastapi").mock(return_value=registration)
        return {finding.check: finding async for finding in check_hub(settings)}


@pytest.mark.parametrize(("seconds", "state"), [(0, "ok"), (-20, "ok"), (20, "ok"), (-60, "failed"), (60, "failed")])
async def test_clock(seconds: int, state: str) -> None:
    """The clocks of Hub and service may differ by 30 seconds: sealed values expire by ours, tokens by the Hub's."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    findings = await found(settings_of(api_url=API), registration=httpx.Response(200, json=OURS), date=date)

    assert findings["clock"].state == state


@pytest.mark.parametrize("date", [None, "yesterday"])
async def test_no_clock(date: str | None) -> None:
    """A Hub that sends no Date is not reported as wrong."""
    findings = await found(settings_of(api_url=API), registration=REFUSED, date=date)
    assert findings["clock"].state == "not checked"


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("4.1.6", "failed"),
        ("5.0.0", "failed"),
        ("5.4.9", "failed"),
        ("5", "failed"),
        ("5.5.0", "ok"),
        ("5.10.0", "ok"),
        ("6.0.0b1", "ok"),
        ("unknown", "ok"),
    ],
)
async def test_the_hubs_version(version: str, state: str) -> None:
    """A Hub older than 5.5 is too old."""
    findings = await found(settings_of(api_url=API), registration=REFUSED, version=version)
    assert (findings["Hub"].state, "older than 5.5" in findings["Hub"].said) == (state, state == "failed")


async def test_routers_are_shown() -> None:
    """Routers that run are named beside the applications."""
    settings = settings_of(routers=("tests.support.mistakes:router",))
    findings = {finding.check: finding async for finding in check_machine(settings)}

    assert findings["applications"].said == "none; routers: tests.support.mistakes:router"


async def test_a_router_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is a finding, with type and place; its text may be a secret. The other checks go on."""
    (tmp_path / "fails_at_import.py").write_text("raise RuntimeError('canary')")
    monkeypatch.syspath_prepend(tmp_path)
    settings = settings_of(routers=("fails_at_import:router",), tls_certfile="/nope", tls_keyfile="/nope")
    findings = {finding.check: finding async for finding in check_machine(settings)}

    assert findings["applications"].state == "failed"
    assert findings["applications"].said.startswith("RuntimeError at ")
    assert findings["applications"].said.endswith("fails_at_import.py:1 <module>")
    assert findings["certificate"].state == "failed"


@pytest.mark.parametrize("kind", ["missing", "encrypted"])
async def test_tls_files_that_cannot_be_loaded(tmp_path: Path, kind: str) -> None:
    """The check of the certificate has said so. It does not ask for a passphrase, and the Hub is left unchecked."""
    key = ec.generate_private_key(ec.SECP256R1())
    secret = serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    files = {name: tmp_path / f"{name}.pem" for name in ("cert", "key")}
    if kind == "encrypted":
        trustme.CA().issue_cert("service").cert_chain_pems[0].write_to_path(files["cert"])
        files["key"].write_bytes(pem)
    settings = settings_of(api_url=API, ssl_certfile=str(files["cert"]), ssl_keyfile=str(files["key"]))
    findings = [(finding.check, finding.state) async for finding in check_hub(settings)]

    assert findings == [("Hub", "not checked")]


def test_whom_a_process_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--pid`, OpenSSL and httpx read what they read in that process; nothing else of it goes into ours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", "/ours.pem")
    monkeypatch.setenv("https_proxy", "http://ours")
    monkeypatch.setenv("SSL_CERT_DIR", "/ours")
    told = {"SSL_CERT_FILE": "/its.pem", "https_proxy": "http://its", "JUPYTERHUB_API_TOKEN": "canary"}
    with subprocess.Popen(["/bin/cat"], env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"x")
        process.stdout.read(1)  # until then its environment may not be there yet
        environment = enter_process(process.pid)
        process.communicate()

    assert environment == told
    assert {name for name in told if os.environ.get(name) == told[name]} == {"SSL_CERT_FILE", "https_proxy"}
    assert "SSL_CERT_DIR" not in os.environ


async def test_a_shell_that_is_not_the_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a shell without the service's settings it says so, and how to find the service; it blames no setting."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("JUPYTERHUB_", "ENTRA_"))]:
        monkeypatch.delenv(name)
    (finding,) = [finding async for finding in examine(None)]

    assert (finding.state, finding.said) == ("failed", f"the environment here, in {tmp_path}, is not that of a service")
    assert finding.change.startswith("--pid: python -P -m service doctor --pid ")


async def test_a_file_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.env` that cannot be read is what is wrong."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    (finding,) = [finding async for finding in examine(None)]

    assert finding.said.startswith(".env: must be text in UTF-8")
    assert finding.change == ".env"


async def test_a_shell_of_a_service_without_sign_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no variable of a Hub. What is wrong there is named all the same."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("JUPYTERHUB_", "ENTRA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SERVICE_SIGN_IN", "none")
    monkeypatch.setenv("SERVICE_WORKERS", "abc")
    (finding,) = [finding async for finding in examine(None)]

    assert (finding.state, finding.change) == ("failed", "SERVICE_WORKERS in the service's environment")


@pytest.mark.parametrize(
    ("registration", "checks"),
    [
        (REFUSED, {"registration": "not checked"}),
        (httpx.Response(404, json={"status": 404, "message": "no"}), {"registration": "not checked"}),
        (httpx.Response(500), {"registration": "not checked"}),
        (httpx.Response(200, json={}), {"path": "ok", "redirect URI": "not checked"}),
        (httpx.Response(200, json={"prefix": "/x/", "info": []}), {"path": "failed", "redirect URI": "not checked"}),
        (httpx.Response(200, json=OURS), {"path": "ok", "redirect URI": "ok"}),
    ],
    ids=["not allowed", "not there", "broken", "tells nothing", "tells something else", "tells all"],
)
async def test_what_the_hub_does_not_tell(registration: httpx.Response, checks: dict[str, str]) -> None:
    """What the Hub does not show is not checked: a service registered by hand is not reported as wrong."""
    findings = await found(settings_of(api_url=API), registration=registration)

    rest = {check: finding.state for check, finding in findings.items() if check not in {"Hub", "clock", "token"}}
    assert rest == {"scopes": "ok", **checks}


async def test_a_path_below_an_applications_host() -> None:
    """With forward-auth the service is where the Hub's proxy does not lead, and rightly so."""
    host, uri = "https://data.example.org", "https://data.example.org/_hub/oauth_callback"
    settings = settings_of(api_url=API, service_prefix="/_hub/", public_host=host, forward_auth=True)
    findings = await found(
        settings, registration=httpx.Response(200, json={**OURS, "info": {"oauth_redirect_uri": uri}})
    )

    assert (findings["path"].state, findings["redirect URI"].state) == ("ok", "ok")


async def certificate(directory: Path, **validity: datetime) -> Sequence[Finding]:
    """Return the findings for a service with this certificate."""
    leaf = trustme.CA().issue_cert("localhost", **validity)  # type: ignore[arg-type]
    leaf.private_key_and_cert_chain_pem.write_to_path(directory / "pem")
    file = str(directory / "pem")
    settings = settings_of(ssl_certfile=file, ssl_keyfile=file)
    return [finding async for finding in check_machine(settings) if finding.check == "certificate"]


async def test_a_certificate_of_our_own(tmp_path: Path) -> None:
    """A certificate, such as that of internal_ssl, is read, and its end checked."""
    assert {finding.state for finding in await certificate(tmp_path)} == {"ok"}

    [read, ends] = await certificate(tmp_path, not_after=datetime.now(UTC) + timedelta(days=3))
    assert (read.state, ends.state, ends.change) == ("ok", "failed", "JUPYTERHUB_SSL_CERTFILE: renew the certificate")


async def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    """A missing certificate is reported as at the start."""
    settings = settings_of(ssl_certfile=str(tmp_path / "gone"), ssl_keyfile="")
    [finding] = [finding async for finding in check_machine(settings) if finding.check == "certificate"]

    assert finding == failed(
        "certificate",
        "JUPYTERHUB_SSL_CERTFILE, JUPYTERHUB_SSL_KEYFILE: there is no such file for the certificate",
        "JUPYTERHUB_SSL_CERTFILE, JUPYTERHUB_SSL_KEYFILE in the service's environment",
    )


@pytest.mark.parametrize("public_host", ["", "http://localhost:1"])
async def test_without_sign_in(public_host: str) -> None:
    """Where nobody signs in, it asks no Hub, and says so; PUBLIC_HOST is checked only if there is one."""
    settings = Settings(sign_in="none", public_host=public_host)
    with respx.mock:
        [finding] = [finding async for finding in check_hub(settings)]
    findings = [finding.check async for finding in check_public_host(settings)]

    assert (finding.check, finding.state) == ("sign-in", "ok")
    assert bool(findings) is bool(public_host)
