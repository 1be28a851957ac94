"""The unit for systemd: what systemd says to it, and the service as the unit starts it."""

import os
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import anyio
import httpx
import pytest

from tests.support import confined as confinement
from tests.support.local_http import local_client
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM, eventually
from tests.support.process import KeptProcess, clean_environment
from tests.support.variables import known_variables

DEPLOY = REPOSITORY / "deploy/systemd"
UNIT = DEPLOY / "service-fastapi.service"
EXPOSURE = 15  # tenths, of 100: what `systemd-analyze security` finds, and what a newer one may find besides

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd installed: apt-get install systemd"
)


def said(section: str) -> dict[str, list[str]]:
    """Return what the unit says in a section: values by name, in order."""
    text = UNIT.read_text().partition(f"[{section}]\n")[2].partition("\n[")[0]
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, is_said, value = line.partition("=")
        if is_said and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def template() -> dict[str, str]:
    """Return the settings of the file `environment`, as systemd reads it."""
    lines = (DEPLOY / "environment").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def analyze(unit: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze on a unit."""
    return subprocess.run(
        ["systemd-analyze", *arguments, str(unit)], capture_output=True, text=True, check=False, timeout=PROGRAM
    )


def verify(unit: Path) -> subprocess.CompletedProcess[str]:
    """Check that systemd knows all that a unit says; without these options an unknown key is no error."""
    return analyze(unit, "verify", "--man=no", "--recursive-errors=no")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    unit = tmp_path / UNIT.name
    (program, *_) = shlex.split(said("Service")["ExecStart"][0])
    unit.write_text(UNIT.read_text().replace(program, sys.executable))
    return unit


@needs_systemd
def test_systemd_knows_all_of_it(installed: Path) -> None:
    """Every section, key and value is one that systemd knows."""
    done = verify(installed)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_systemd_knows_all_of_the_hubs(tmp_path: Path) -> None:
    """So it is with the unit of the Hub."""
    unit = tmp_path / "jupyterhub.service"
    text = (DEPLOY / unit.name).read_text()
    unit.write_text(text.replace("/opt/jupyterhub/bin/python", sys.executable).replace("/opt/jupyterhub\n", "/opt\n"))

    done = verify(unit)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_hubs_folders() -> None:
    """One lasts, and one is empty at each start: the Hub ends the process whose number it finds there."""
    lines = (DEPLOY / "jupyterhub.service").read_text().splitlines()

    assert {"StateDirectory=jupyterhub", "RuntimeDirectory=jupyterhub"} <= {*lines}
    assert not [line for line in lines if line.startswith("RuntimeDirectoryPreserve=")]


def test_reloading() -> None:
    """`systemctl reload` sends what replaces workers. It ends a single process, which is started again then."""
    service = said("Service")

    assert service["ExecReload"] == ["/bin/kill -s HUP $MAINPID"]
    assert service["RestartForceExitStatus"] == ["SIGHUP"]


@needs_systemd
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("ProtectSystem=", "ProtectSytem="),
        ("ProtectSystem=strict", "ProtectSystem=very"),
        ("SystemCallFilter=setpriority", "SystemCallFilter=setprioritee"),
        ("[Install]", "[Instal]"),
    ],
    ids=["key", "value", "system call", "section"],
)
def test_a_misspelling_is_found(installed: Path, right: str, wrong: str) -> None:
    """What is spelled wrong, and would be left out at the start with a line in the log, fails the check."""
    assert installed.read_text().count(right) == 1
    installed.write_text(installed.read_text().replace(right, wrong))

    done = verify(installed)

    assert done.returncode != 0, done.stderr


@needs_systemd
def test_little_is_exposed() -> None:
    """By systemd's own measure little is left that the service could do to the machine."""
    done = analyze(UNIT, "security", "--offline=true", f"--threshold={EXPOSURE}")

    assert done.returncode == 0, done.stdout


def test_time_to_stop() -> None:
    """The workers are told by their parent, and have more time than requests in flight are given."""
    service = said("Service")

    assert service["KillMode"] == ["mixed"]
    assert int(service["TimeoutStopSec"][0]) > 30


def test_settings() -> None:
    """The service knows every setting of unit and template; the template has no secret."""
    known = known_variables()
    unit = dict(pair.split("=", 1) for line in said("Service")["Environment"] for pair in line.split())

    assert {*unit, *template()} <= known
    assert template()["JUPYTERHUB_API_TOKEN"] == ""
    assert "DATABASE_URL" not in template()


@pytest.fixture(scope="module")
def confined() -> list[str]:
    """What comes before a command, for it to be refused the system calls that the unit refuses it."""
    filters = said("Service")["SystemCallFilter"]
    return [sys.executable, confinement.__file__, ",".join(confinement.allowed_by(filters))]


@pytest.fixture
def started(tmp_path: Path, confined: list[str]) -> Iterator[Path]:
    """The socket of the service, which runs by the unit's command with its settings and folders."""
    unit = said("Service")
    run, state, log = (tmp_path / name for name in ("run", "state", "log"))
    run.mkdir(mode=int(unit["RuntimeDirectoryMode"][0], 8))
    state.mkdir(mode=int(unit["StateDirectoryMode"][0], 8))
    log.touch()
    told = dict(pair.split("=", 1) for line in unit["Environment"] for pair in line.split())
    socket = Path(told["SERVICE_LISTEN"].removeprefix("unix:"))
    assert socket.parent == Path("/run", unit["RuntimeDirectory"][0])
    environment = told | template()
    environment |= {"SERVICE_LISTEN": f"unix:{run / socket.name}", "STATE_DIRECTORY": str(state)}
    environment |= {"JUPYTERHUB_API_TOKEN": "a" * 64, "PYTHONPATH": str(REPOSITORY)}
    process = KeptProcess(
        [*confined, sys.executable, *shlex.split(unit["ExecStart"][0])[1:]],
        env=clean_environment(**environment),
        cwd=Path("/"),
        log=log,
    )
    try:
        yield run / socket.name
        assert process.stop(35) == 0, log.read_text()
    finally:
        process.close()


@needs_systemd
async def test_as_the_unit_starts_it(started: Path) -> None:
    """Several workers answer at the socket, and end in order; they make no system call that the unit refuses."""
    await eventually(anyio.Path(started).is_socket)
    async with local_client(transport=httpx.AsyncHTTPTransport(uds=str(started)), timeout=60) as client:
        reply = await client.get("http://service/services/fastapi/health/live")

    assert reply.json() == {"status": "alive"}


@needs_systemd
def test_it_de_identifies(tmp_path: Path, confined: list[str]) -> None:
    """So it is with the processes of de-identification, which the service starts like this command."""
    note, out = tmp_path / "note.txt", tmp_path / "out"
    note.write_text("Seen 12/03/2019 by Dr. Smith.")
    options = ["--out", str(out), "--replacement", "tag", "--workers", "1"]
    command = [*confined, sys.executable, "-P", "-m", "service", "deidentify", *options, str(note)]

    subprocess.run(
        command, env=clean_environment(PYTHONPATH=str(REPOSITORY)), cwd=tmp_path, timeout=PROGRAM, check=True
    )

    assert (out / "note.txt").read_text() == "Seen [DATE] by Dr. [NAME]."


@needs_systemd
def test_what_the_unit_refuses(confined: list[str]) -> None:
    """The two tests above would notice: what needs one of the other calls fails, and so does executable memory."""
    attempts = {
        "os.chroot('/')": "PermissionError",
        "os.sched_setaffinity(0, [0])": "PermissionError",
        "os.nice(1)": "",
    }
    if confinement.refuses_executable_memory():
        attempts["mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"] = "PermissionError"
    for code, expected in attempts.items():
        command = [*confined, sys.executable, "-c", f"import mmap, os; {code}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROGRAM)

        assert expected in done.stderr, code
        assert (done.returncode == 0) == (not expected), code


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """An environment in which nginx and systemctl write down what they are told."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("nginx", "systemctl"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"$SAID"\n[ "{name} $*" != "$FAILS" ]\n')
        program.chmod(0o755)
    return {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "SAID": str(tmp_path / "said"), "FAILS": ""}


def renew(lineage: Path, tools: Mapping[str, str], **more: str) -> tuple[int, list[str]]:
    """Run the hook as certbot does; return its status, and what it told others."""
    hook = [str(DEPLOY / "certbot-deploy-hook")]
    environment = {**tools, **more, "RENEWED_LINEAGE": str(lineage), "RENEWED_DOMAINS": "hub.example.org"}
    done = subprocess.run(hook, env=environment, check=False, timeout=PROGRAM, capture_output=True)
    path = Path(tools["SAID"])
    return done.returncode, path.read_text().splitlines() if path.exists() else []


def test_a_renewed_certificate(tmp_path: Path, tools: dict[str, str]) -> None:
    """Nginx is told to read its files anew, once they are right."""
    status, told = renew(tmp_path, tools, SERVICE_TLS_FOLDER=str(tmp_path / "none"))

    assert (status, told) == (0, ["systemctl --quiet is-active nginx", "nginx -t -q", "systemctl reload nginx"])


@pytest.mark.parametrize("failing", ["nginx -t -q", "systemctl reload nginx"])
def test_nginx_refuses(tmp_path: Path, tools: dict[str, str], failing: str) -> None:
    """Where nginx would not start with its files it is left as it is, and certbot says that the hook failed."""
    status, told = renew(tmp_path, tools, SERVICE_TLS_FOLDER=str(tmp_path / "none"), FAILS=failing)

    assert status != 0
    assert told[-1] == failing


def test_a_service_that_ends_tls(tmp_path: Path, tools: dict[str, str]) -> None:
    """It gets a copy that it may read and others may not, in the place of the last one; without nginx, too."""
    lineage, folder = tmp_path / "live", tmp_path / "tls"
    lineage.mkdir()
    folder.mkdir()
    for name in ("fullchain", "privkey"):
        (lineage / f"{name}.pem").write_text(f"new {name}")
    (folder / "privkey.pem").write_text("old")
    fails = {"FAILS": "systemctl --quiet is-active nginx"}

    status, told = renew(lineage, tools, SERVICE_TLS_FOLDER=str(folder), SERVICE_GROUP=str(os.getgid()), **fails)

    assert (status, told) == (0, ["systemctl --quiet is-active nginx"])
    found = {path.name: (path.read_text(), stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()}
    assert found.pop(".lineage") == (f"{lineage}\n", 0o600)
    assert found == {"fullchain.pem": ("new fullchain", 0o640), "privkey.pem": ("new privkey", 0o640)}


def test_another_certificate_of_the_machine(tmp_path: Path, tools: dict[str, str]) -> None:
    """Is none of the service's: certbot runs the hook for each that it renews."""
    folder = tmp_path / "tls"
    folder.mkdir()
    options = {"SERVICE_TLS_FOLDER": str(folder), "SERVICE_GROUP": str(os.getgid())}
    options["FAILS"] = "systemctl --quiet is-active nginx"
    for host in ("hub", "data"):
        (tmp_path / host).mkdir()
        for name in ("fullchain", "privkey"):
            (tmp_path / host / f"{name}.pem").write_text(f"{host}'s {name}")

        assert renew(tmp_path / host, tools, **options)[0] == 0

    (tmp_path / "hub" / "privkey.pem").write_text("the next")
    renew(tmp_path / "hub", tools, **options)
    found = {path.name: path.read_text() for path in folder.glob("*.pem")}
    assert found == {"fullchain.pem": "hub's fullchain", "privkey.pem": "the next"}
