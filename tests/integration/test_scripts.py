"""`script/run` and what it stands on, run for real, on the checkout's .venv, each with a state folder of its own."""

import json
import re
import shutil
import signal
import socket
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.ports import free_ports_at
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says
from tests.support.session import Session

RUN = REPOSITORY / "script" / "run"
START_LIMIT = 120.0  # seconds; about five on an idle machine
END_LIMIT = 60.0  # seconds for a notebook server to end its kernels
SENTENCE_LIMIT = 120.0  # seconds until a script that cannot go on says so


@pytest.fixture(scope="module", autouse=True)
def _set_up() -> None:
    """All of this is about the second start: the first one takes a minute, and the network."""
    if not (REPOSITORY / ".venv" / "stamp").exists():
        pytest.skip("no .venv in this checkout: run ./script/test")


class RunningHub:
    """What `script/run` started."""

    def __init__(self, state: Path, **environment: str) -> None:
        """Start it on ports and a state folder of its own."""
        self.environment = environment
        self.port = free_hub_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.state = state
        self.log = state.with_suffix(".log")
        self.log.touch()
        self.process = self._started()

    def restart(self) -> None:
        """Start it on the same state and ports as before, once it has ended."""
        self.process.close()
        self.process = self._started()

    def _started(self) -> KeptProcess:
        said = self.log.stat().st_size
        environment = clean_environment(HUB_PORT=str(self.port), HUB_STATE=str(self.state), **self.environment)
        process = KeptProcess([str(RUN)], env=environment, cwd=self.state.parent, log=self.log)
        wait_until_log_says(process, self.log, "Ctrl-C ends it.", start=said, timeout=START_LIMIT)
        return process

    def printed(self, pattern: str) -> str:
        """Return what it printed that matches, the first time."""
        return str(re.findall(pattern, self.log.read_text())[0])

    async def leaves_nothing(self) -> bool:
        """Whether the Hub and all that it started have ended."""
        return not self.process.descendants()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A Hub as `script/run` starts it the second time, shared by the tests that leave one running."""
    running = RunningHub(tmp_path_factory.mktemp("hub") / "state")
    yield running
    running.process.close()


@pytest.fixture
def own_hub(tmp_path: Path) -> Iterator[RunningHub]:
    """Another one, for the test alone."""
    running = RunningHub(tmp_path / "state")
    yield running
    running.process.close()


def free_hub_port() -> int:
    """Return a HUB_PORT that is free, together with those that jupyterhub_config.py derives."""
    return free_ports_at(0, 81, 182, 283)[0]


def outcome(command: Sequence[str | Path], *, cwd: Path = REPOSITORY, **environment: str) -> tuple[int, str]:
    """Run something that is to fail: its exit status, and what it says on stderr."""
    done = subprocess.run(
        command,
        env=clean_environment(**environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SENTENCE_LIMIT,
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl installed")
def test_start_prints_a_line_that_works(hub: RunningHub) -> None:
    """The curl line can be pasted once it is there: it answers a token."""
    line = hub.printed(r"curl .*")
    reply = subprocess.run(line, shell=True, capture_output=True, check=True, env=clean_environment())  # noqa: S602
    assert json.loads(reply.stdout)["token_type"] == "Bearer"


async def test_restart_signs_nobody_out(hub: RunningHub) -> None:
    """Who is signed in stays so when the Hub is ended with Ctrl-C and started again."""
    async with Session(hub.url) as browser:
        await browser.sign_in("testuser")
        await browser.visit("services/fastapi/me")
        hub.process.send(signal.SIGINT)
        await eventually(hub.leaves_nothing, within=END_LIMIT)
        hub.restart()
        page = await browser.visit("services/fastapi/me")
    assert (page.status_code, [step.url.path for step in page.history]) == (200, [])


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
async def test_leaves_no_process(own_hub: RunningHub, ending: signal.Signals) -> None:
    """However the Hub ends: proxy, service and notebook server end too."""
    async with Session(own_hub.url) as browser:
        await browser.sign_in("testuser")
        await browser.visit("hub/spawn")

        async def is_spawned() -> bool:
            return (await browser.visit("user/testuser/lab")).url.path == "/user/testuser/lab"

        await eventually(is_spawned, within=START_LIMIT)
    own_hub.process.send(ending)
    await eventually(own_hub.leaves_nothing, within=END_LIMIT)


def test_state_is_private(hub: RunningHub) -> None:
    """Nobody else on the machine can read what the Hub keeps."""
    modes = {path.name: path.stat().st_mode & 0o777 for path in (hub.state, hub.state / "api_token")}
    assert modes == {"state": 0o700, "api_token": 0o600}


@pytest.mark.parametrize(
    ("distance", "purpose"), [(0, "the Hub's public port"), (283, "the service")], ids=["public", "derived"]
)
def test_port_in_use(tmp_path: Path, distance: int, purpose: str) -> None:
    """A port that is taken gives one sentence, which names it, and nothing is started."""
    port = free_hub_port()
    with socket.create_server(("127.0.0.1", port + distance)):
        status, said = outcome([RUN], HUB_PORT=str(port), HUB_STATE=str(tmp_path / "state"))
    expected = (
        f"Port {port + distance} ({purpose}) is in use: end what listens there, or choose others with HUB_PORT.\n"
    )
    assert (status, said) == (1, expected)


@pytest.mark.parametrize("port", ["http", "65400"])
def test_port_that_cannot_be(tmp_path: Path, port: str) -> None:
    """A HUB_PORT from which the others cannot be derived gives one sentence."""
    status, said = outcome([RUN], HUB_PORT=port, HUB_STATE=str(tmp_path / "state"))
    assert (status, said) == (1, f"HUB_PORT={port}: must be a port from 1 to 65252.\n")


def test_a_folder_of_others(tmp_path: Path) -> None:
    """Its mode stays as it is: the Hub would lock out everybody else."""
    (tmp_path / "somebody's").touch()
    tmp_path.chmod(0o755)
    status, said = outcome([RUN], HUB_PORT=str(free_hub_port()), HUB_STATE=str(tmp_path))

    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith(f"HUB_STATE={tmp_path}: this folder has other files.")
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_switch_that_is_neither_on_nor_off(tmp_path: Path) -> None:
    """A word that is misread would leave on what was to be off."""
    state = str(tmp_path / "state")
    status, said = outcome([RUN], HUB_PORT=str(free_hub_port()), HUB_STATE=state, HUB_SHELL_SIGN_IN="never")

    assert (status, said) == (1, "HUB_SHELL_SIGN_IN=never: must be 0 or 1.\n")


def test_help_while_a_hub_runs(hub: RunningHub) -> None:
    """Nothing starts, so no port needs to be free."""
    status, said = outcome([RUN, "--version"], HUB_PORT=str(hub.port), HUB_STATE=str(hub.state))

    assert status == 0
    assert "is in use" not in said


def test_public_host_that_cannot_be(tmp_path: Path) -> None:
    """What registration refuses is one sentence too."""
    status, said = outcome([RUN], PUBLIC_HOST="hub.example.org", HUB_STATE=str(tmp_path / "state"))
    assert (status, said.count("\n")) == (1, 1)
    assert "public_host='hub.example.org': must be an origin" in said


REFUSAL = (
    "Others could reach this Hub at {}, and everybody knows its password: choose one with HUB_PASSWORD,"
    " or have it listen at 127.0.0.1 alone (HUB_IP) without PUBLIC_HOST.\n"
)


@pytest.mark.parametrize(
    ("environment", "at"),
    [
        pytest.param({"HUB_IP": "0.0.0.0"}, "http://0.0.0.0:{}", id="all addresses"),  # noqa: S104 - never listened at
        pytest.param({"HUB_IP": "[::]"}, "http://[::]:{}", id="all addresses of IPv6"),
        pytest.param({"HUB_IP": "::"}, "http://[::]:{}", id="all addresses of IPv6, as tools write them"),
        pytest.param({"PUBLIC_HOST": "https://hub.example.org"}, "https://hub.example.org", id="behind a proxy"),
    ],
)
def test_the_password_that_everybody_knows(tmp_path: Path, environment: dict[str, Any], at: str) -> None:
    """A Hub that others could reach does not start with it; one sentence says what to set."""
    port = str(free_hub_port())
    status, said = outcome([RUN], HUB_PORT=port, HUB_STATE=str(tmp_path / "state"), **environment)

    assert (status, said) == (1, REFUSAL.format(at.format(port)))


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("run", ["--JupyterHub.bind_url=http://:{}"]),
        ("jupyterhub", ["--JupyterHub.hub_bind_url=http://0.0.0.0:{}"]),
    ],
    ids=["run, bind_url", "jupyterhub, hub_bind_url"],
)
def test_the_password_that_everybody_knows_on_the_command_line(
    tmp_path: Path, command: str, options: list[str]
) -> None:
    """What the command line says of where to listen counts, too, with `jupyterhub` itself as with `script/run`."""
    port = str(free_hub_port())
    jupyterhub: list[str | Path] = [REPOSITORY / ".venv/bin/jupyterhub", "-f", REPOSITORY / "jupyterhub_config.py"]
    given = [option.format(port) for option in options]
    started = [*([RUN] if command == "run" else jupyterhub), *given]
    status, said = outcome(started, cwd=tmp_path, HUB_PORT=port, HUB_STATE=str(tmp_path / "state"))

    assert status == 1
    assert "and everybody knows its password: choose one with HUB_PASSWORD" in said.splitlines()[-1]
    assert "Traceback" not in said


async def test_a_password_that_was_chosen(tmp_path: Path) -> None:
    """With one of its own it starts where others reach it."""
    running = RunningHub(tmp_path / "state", HUB_IP="0.0.0.0", HUB_PASSWORD="chosen")  # noqa: S104 - see above
    try:
        async with Session(running.url) as browser:
            page = await browser.sign_in("testuser", password="chosen")
        assert page.status_code == 200
        assert "chosen" not in running.log.read_text()
    finally:
        running.process.close()


@pytest.fixture
def image_hub(tmp_path: Path) -> Iterator[RunningHub]:
    """A Hub with what the image's environment says, but for folder and port."""
    running = RunningHub(tmp_path / "state", HUB_IP="0.0.0.0", HUB_PASSWORD_FILE=str(tmp_path / "state/password"))  # noqa: S104 - see above
    yield running
    running.process.close()


async def test_a_password_that_the_image_makes(image_hub: RunningHub) -> None:
    """An image that is told none makes one at its first start, prints it once, and keeps it with its state."""
    password = image_hub.printed(r"\(Hub admin\); password: (\S+)\n")
    file = image_hub.state / "password"
    assert len(password) >= 20
    assert (file.read_text(), file.stat().st_mode & 0o777) == (password, 0o600)
    async with Session(image_hub.url) as browser:
        assert (await browser.sign_in("admin", password="passwd")).status_code == 403

    image_hub.process.send(signal.SIGINT)
    await eventually(image_hub.leaves_nothing, within=END_LIMIT)
    image_hub.restart()

    assert image_hub.log.read_text().count(password) == 1
    assert f"(Hub admin); password: the one in {file}\n" in image_hub.log.read_text()
    async with Session(image_hub.url) as browser:
        assert (await browser.sign_in("admin", password=password)).status_code == 200


def test_the_image_is_told_so() -> None:
    """The image listens at all addresses of its container, and has a file for the password it makes."""
    stage = (REPOSITORY / "Dockerfile").read_text().partition("FROM base AS hub\n")[2]

    assert "HUB_IP=0.0.0.0" in stage
    assert "HUB_PASSWORD_FILE=/state/password" in stage
    assert "HUB_PASSWORD=" not in stage


def test_second_hub_on_the_same_state(hub: RunningHub) -> None:
    """Two Hubs on one state folder would end each other's proxies: the second one is refused."""
    status, said = outcome([RUN], HUB_PORT=str(free_hub_port()), HUB_STATE=str(hub.state))
    assert (status, said.split(": ")[0]) == (1, f"A Hub is running on {hub.state} already")


def interpreter(folder: Path, *, answers: str) -> str:
    """Make a Python whose answer to each question of script/setup is a line of shell."""
    path = folder / "python3"
    path.write_text(f"#!/bin/sh\ncase $2 in {answers} *) exit 1;; esac\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("", "PYTHON={} is not a Python 3.11 or later: name another, or leave it out."),
        (
            "*ensurepip*) exit 1;; *exit*) exit 0;;",
            "{} has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv) and run this again.",
        ),
    ],
    ids=["old", "no venv"],
)
def test_python_that_does_not_do(tmp_path: Path, answers: str, expected: str) -> None:
    """A Python that is too old, or without venv, gives one sentence, and .venv stays."""
    python = interpreter(tmp_path, answers=answers)
    assert outcome([RUN], PYTHON=python) == (1, f"{expected.format(python)}\n")
    assert (REPOSITORY / ".venv" / "stamp").exists()


@pytest.fixture
def empty_checkout(tmp_path: Path) -> Path:
    """What script/setup reads, where nothing is installed yet."""
    checkout = tmp_path / "a checkout"
    shutil.copytree(REPOSITORY / "script", checkout / "script")
    for name in ("requirements.txt", "hatch_build.py", "package.json", "package-lock.json"):
        shutil.copy(REPOSITORY / name, checkout / name)
    return checkout


def test_packages_that_cannot_be_had(empty_checkout: Path) -> None:
    """Without a network there is one sentence about it, after the one that asks for patience."""
    (empty_checkout / "node_modules").symlink_to(REPOSITORY / "node_modules")
    static = Path("service") / "web" / "static"
    (empty_checkout / static).mkdir(parents=True)
    (empty_checkout / static / "swagger-ui").symlink_to(REPOSITORY / static / "swagger-ui")
    status, said = outcome([empty_checkout / "script" / "run"], PIP_NO_INDEX="1")
    expected = "Installing requirements.txt failed: check the network and run this again (.venv/install.log says more)."
    assert (status, said.splitlines()[1:]) == (1, [expected])


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm installed")
def test_node_packages_that_cannot_be_had(empty_checkout: Path) -> None:
    """The same for npm."""
    environment = {"npm_config_registry": "http://127.0.0.1:1", "npm_config_fetch_retries": "0"}
    environment["npm_config_cache"] = str(empty_checkout / "cache")
    status, said = outcome(
        [REPOSITORY / ".venv" / "bin" / "python", "hatch_build.py"], cwd=empty_checkout, **environment
    )
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("npm could not fetch the packages of package-lock.json (")


def test_wheel_is_complete(tmp_path: Path) -> None:
    """An installed service has its templates and its assets, Swagger UI's among them, and brings nothing else."""
    build: list[str | Path] = [
        REPOSITORY / ".venv" / "bin" / "python",
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--directory",
        tmp_path,
    ]
    assert outcome(build)[0] == 0
    (wheel,) = tmp_path.glob("*.whl")
    brought = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = REPOSITORY / "service"
    there = {path.relative_to(REPOSITORY) for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert brought == {str(path) for path in there}
    assert {"service/web/templates/base.html", "service/web/static/swagger-ui/swagger-ui-bundle.js"} <= brought
