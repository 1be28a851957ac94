"""`python -m service doctor` beside a real Hub: a good set-up, and broken ones, each named with the line to change."""

import asyncio
import contextlib
import json
import secrets
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from service.commands.doctor.command import examine
from service.doctor_finding import Finding
from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM
from tests.support.ports import free_port
from tests.support.process import clean_environment

HOST = "localhost"  # it resolves
NOW = datetime.now(UTC)
TOKEN = secrets.token_hex(32)

Told = dict[str, str]


@dataclass
class Place:
    """A Hub that runs the service with the desk, and knows that browsers find it by TLS at `origin`."""

    hub: RealHub
    origin: str
    port: int
    authority: trustme.CA
    directory: Path

    @property
    def good(self) -> Told:
        """What the service was told, as an operator's `.env` has it."""
        return {
            "JUPYTERHUB_API_TOKEN": TOKEN,
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{self.hub.ports.hub}/hub/api",
            "JUPYTERHUB_SERVICE_NAME": "fastapi",
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.hub.ports.service}",
            "PUBLIC_HOST": self.origin,
            "SERVICE_APPS": "desk",
            "DATABASE_URL": f"sqlite:///{self.directory / 'desk.sqlite'}",
        }

    @contextlib.asynccontextmanager
    async def front(
        self, *, target: int | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncIterator[None]:
        """End TLS in front of the Hub's proxy, or of another port, as nginx does."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(HOST, not_before=since, not_after=until).configure_cert(tls)

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", target or self.hub.ports.public)
            await asyncio.gather(pump(reader, back), pump(there, writer))

        async with await asyncio.start_server(relay, HOST, self.port, ssl=tls):
            yield


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, to its end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture(scope="module")
def place(make_shared_hub: MakeHub, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """All that is needed."""
    directory, port = tmp_path_factory.mktemp("doctor"), free_port()
    origin = f"https://{HOST}:{port}"
    database = {"DATABASE_URL": f"sqlite:///{directory / 'desk.sqlite'}"}
    options = {"api_token": TOKEN, "public_host": origin, "apps": ["desk"], "environment": database}
    return Place(make_shared_hub(register=options), origin, port, trustme.CA(), directory)


@pytest.fixture
def _trusted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority of the certificate is one that this machine trusts."""
    file = place.directory / "authority.pem"
    place.authority.cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


async def found(told: Mapping[str, str]) -> list[Finding]:
    """What the doctor finds."""
    return [finding async for finding in examine(told)]


@pytest.mark.usefixtures("_trusted")
async def test_all_is_well(place: Place) -> None:
    """Where nothing is wrong, each check has looked, and says so."""
    async with place.front():
        findings = await found(place.good)

    assert [(finding.check, finding.said) for finding in findings if finding.state != "ok"] == []
    assert {finding.check for finding in findings} == {
        *("settings", "applications", "database", "Hub", "clock", "token", "scopes", "path", "redirect URI"),
        "PUBLIC_HOST",
    }


Break = Callable[[Place, Told], None]


def _set(**changed: str) -> Break:
    return lambda _place, told: told.update(changed)


def _without(name: str) -> Break:
    return lambda _place, told: told.update({name: ""})


def _as_reporter(place: Place, told: Told) -> None:
    told |= {"JUPYTERHUB_API_TOKEN": place.hub.service_token("reporter").value, "JUPYTERHUB_SERVICE_NAME": "reporter"}


def _no_tables(place: Place, told: Told) -> None:
    empty = place.directory / "empty.sqlite"
    empty.touch()
    told["DATABASE_URL"] = f"sqlite:///{empty}"


BROKEN: Mapping[str, tuple[Break, str, str, str]] = {
    # how it is broken; then which check says so, what it says, and what it says to change
    "no token": (_without("JUPYTERHUB_API_TOKEN"), "settings", "is not set", "JUPYTERHUB_API_TOKEN"),
    "a value of no form": (_set(PUBLIC_HOST="hub"), "settings", "must be an http", "PUBLIC_HOST"),
    "no such application": (_set(SERVICE_APPS="dask"), "applications", "no application 'dask'", "SERVICE_APPS"),
    "no Hub": (_set(JUPYTERHUB_API_URL="http://127.0.0.1:9"), "Hub", "takes no connection", "JUPYTERHUB_API_URL"),
    "not the Hub's API": (
        lambda place, told: told.update(JUPYTERHUB_API_URL=f"http://127.0.0.1:{place.hub.ports.hub}/api"),
        "Hub",
        "it answered with status 302",
        "JUPYTERHUB_API_URL",
    ),
    "another token": (_set(JUPYTERHUB_API_TOKEN="x" * 64), "token", "does not know it", "JUPYTERHUB_API_TOKEN"),
    "another service's token": (
        lambda place, told: told.update(JUPYTERHUB_API_TOKEN=place.hub.service_token("reporter").value),
        "token",
        "the token of the service reporter",
        "JUPYTERHUB_SERVICE_NAME=reporter",
    ),
    "an application that the Hub was not told of": (
        _as_reporter,
        "scopes",
        "desk needs read:tokens",
        'apps=["desk"]',
    ),
    "another path": (
        _set(JUPYTERHUB_SERVICE_PREFIX="/services/other/"),
        "path",
        "/services/other/",
        "JUPYTERHUB_SERVICE_PREFIX=/services/fastapi/",
    ),
    "no PUBLIC_HOST": (_without("PUBLIC_HOST"), "redirect URI", "the service sends /services", "PUBLIC_HOST=https://"),
    "another PUBLIC_HOST": (
        _set(PUBLIC_HOST="https://hub.example.org"),
        "redirect URI",
        "https://hub.example.org",
        "public_host='https://hub.example.org'",
    ),
    "a name that nobody has": (
        _set(PUBLIC_HOST="https://nobody.invalid"),
        "PUBLIC_HOST",
        "does not resolve",
        "PUBLIC_HOST",
    ),
    "nothing there": (
        lambda _place, told: told.update(PUBLIC_HOST=f"https://{HOST}:{free_port()}"),
        "PUBLIC_HOST",
        "accepts no https connections",
        "PUBLIC_HOST",
    ),
    "no database": (
        _set(DATABASE_URL="postgresql://desk:canary@127.0.0.1:9/desk"),
        "database",
        "cannot be used",
        "DATABASE_URL",
    ),
    "old tables": (_no_tables, "database", "earlier version", "python -P -m service migrate"),
}


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_broken(place: Place, name: str) -> None:
    """Is found by the check for it, with the line to change; no secret is told."""
    spoil, check, said, change = BROKEN[name]
    told = place.good
    spoil(place, told)
    async with place.front():
        findings = await found(told)

    failures = [finding for finding in findings if finding.state == "failed" and finding.check == check]
    assert [finding for finding in failures if said in finding.said and change in finding.change], findings
    shown = "\n".join(map(str, findings))
    assert not [secret for secret in (TOKEN, "canary", told["JUPYTERHUB_API_TOKEN"] or TOKEN) if secret in shown]


@pytest.mark.parametrize(
    ("certificate", "is_trusted", "said"),
    [
        ({}, False, "its certificate is not valid: unable to get local issuer"),
        (
            {"since": NOW - timedelta(days=9), "until": NOW - timedelta(days=1)},
            True,
            "certificate has expired",
        ),
        ({"until": NOW + timedelta(days=9)}, True, "it expires on"),
    ],
    ids=["of nobody", "expired", "about to expire"],
)
async def test_certificate(
    place: Place,
    request: pytest.FixtureRequest,
    certificate: Mapping[str, datetime],
    is_trusted: bool,  # noqa: FBT001 - a table
    said: str,
) -> None:
    """One that browsers refuse, or soon will, is told from one that they take."""
    if is_trusted:
        request.getfixturevalue("_trusted")
    async with place.front(since=certificate.get("since"), until=certificate.get("until")):
        findings = await found(place.good)

    [failure] = [finding for finding in findings if finding.state == "failed"]
    assert said in failure.said
    assert f"the certificate of {HOST}" in failure.change


@pytest.mark.usefixtures("_trusted")
async def test_somebody_else_there(place: Place) -> None:
    """A host that leads past the Hub's proxy is told from one that leads to us."""
    async with place.front(target=place.hub.ports.hub):
        [failure] = [finding for finding in await found(place.good) if finding.state == "failed"]

    assert (failure.check, failure.said) == ("PUBLIC_HOST", "/services/fastapi/health/live answers with status 302")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command, without what would make it another service."""
    command = [sys.executable, "-P", "-m", "service", "doctor", *arguments]
    env = clean_environment(PYTHONPATH=str(REPOSITORY), **environment)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PROGRAM, check=False)


@pytest.fixture
def service_pid(place: Place) -> int:
    """The process that the Hub has started."""
    [pid] = [pid for pid, line in place.hub.processes().items() if line.endswith("-m service")]
    return pid


async def test_as_the_service_that_the_hub_has_started(place: Place, service_pid: int) -> None:
    """`--pid` takes the environment of a running service, which nobody else has; the status says how it went."""

    async def ran() -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(run, "--pid", str(service_pid), SSL_CERT_FILE=str(authority))

    authority = place.directory / "authority.pem"
    place.authority.cert_pem.write_to_path(authority)
    async with place.front():
        well = await ran()
    ill = await ran()

    assert (well.returncode, well.stderr) == (0, "")
    assert "ok           token: the Hub knows the service fastapi\n" in well.stdout
    assert ill.returncode == 1
    assert "-> PUBLIC_HOST: " in ill.stdout
    assert TOKEN not in well.stdout + ill.stdout


def test_as_json() -> None:
    """`--json` is for programs: an object a line."""
    done = run("--json", JUPYTERHUB_SERVICE_NAME="x")

    assert done.returncode == 1
    assert [json.loads(line)["state"] for line in done.stdout.splitlines()] == ["failed"]


def test_no_such_process() -> None:
    """Is said in a sentence."""
    done = run("--pid", "999999999")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "--pid 999999999: No such file or directory.\n")
