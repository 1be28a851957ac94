"""The programs of examples/hub_auth/ beside a real Hub, each in a process of its own, and what they answer."""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.support.hub import RealHub
from tests.support.local_http import local_client
from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.ports import free_ports
from tests.support.process import KeptProcess, clean_environment

FOLDER = REPOSITORY / "examples" / "hub_auth"
PREFIX = "/services/reporter/"
UVICORN = ("-m", "uvicorn", "--app-dir", str(FOLDER), "--port")
WEB = ("aiohttp", "litestar", "starlette")
ALL = (*WEB, "tcp")


@dataclass(frozen=True)
class Answer:
    """What a program said: a status, a text, and headers where it has some (names in lower case)."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Programs:
    """The running examples: the port of each."""

    ports: Mapping[str, int]

    async def ask(self, name: str, token: str, *, scheme: str = "Bearer") -> Answer:
        """Send a token to one of them, and return what it says."""
        if name == "tcp":
            return await self._ask_tcp(token)
        headers = {"Authorization": f"{scheme} {token}"} if token else {}
        async with local_client() as client:
            reply = await client.get(f"http://127.0.0.1:{self.ports[name]}{PREFIX}hello", headers=headers)
            return Answer(reply.status_code, reply.text, dict(reply.headers))

    async def _ask_tcp(self, token: str) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["tcp"])
        with closing(writer):
            writer.write(f"{token}\n".encode())
            status, _, text = (await reader.read()).decode().partition(" ")
            return Answer(int(status), text)


def arguments(name: str, port: int) -> Sequence[str]:
    """Return how Python starts an example."""
    files = {"aiohttp": "aiohttp_app.py", "tcp": "tcp_server.py"}
    return (str(FOLDER / files[name]), str(port)) if name in files else (*UVICORN, str(port), f"{name}_app:app")


@pytest.fixture(scope="module")
def programs(hub: RealHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """All of them, with the environment that the Hub gives a service. They ask it through its gate."""
    folder = tmp_path_factory.mktemp("programs")
    environment = clean_environment(
        PYTHONPATH=str(REPOSITORY),
        JUPYTERHUB_API_URL=f"{hub.gate.url}/hub/api",
        JUPYTERHUB_API_TOKEN=hub.service_token("reporter").value,
        JUPYTERHUB_SERVICE_NAME="reporter",
        JUPYTERHUB_SERVICE_PREFIX=PREFIX,
    )
    ports = dict(zip(ALL, free_ports(len(ALL)), strict=True))
    with ExitStack() as stack:
        for name, port in ports.items():
            command = [sys.executable, *arguments(name, port)]
            process = KeptProcess(command, env=environment, cwd=folder, log=folder / f"{name}.log")
            stack.callback(process.close)
        yield Programs(ports)


@pytest.fixture
async def started(programs: Programs) -> Programs:
    """The programs, once each of them takes connections."""

    async def all_answer() -> bool:
        try:
            return all([(await programs.ask(name, "unknown")).status for name in ALL])
        except (OSError, ValueError, httpx.HTTPError):
            return False

    await eventually(all_answer)
    return programs


@pytest.mark.parametrize("name", ALL)
async def test_whom_the_hub_lets_in_is_greeted(name: str, started: Programs, hub: RealHub) -> None:
    """A token with access to the service is answered with the name of its owner."""
    token = await hub.user_token("admin", scopes=["access:services!service=reporter"])

    answer = await started.ask(name, token.value)

    assert answer.status == 200, answer.text
    assert "admin" in answer.text


@pytest.mark.parametrize("name", ALL)
async def test_a_token_without_access_is_refused(name: str, started: Programs, hub: RealHub) -> None:
    """The Hub knows it, and it gives no access: 403."""
    token = await hub.user_token("testuser", scopes=["access:services!service=fastapi"])

    answer = await started.ask(name, token.value)

    assert answer.status == 403
    assert "testuser" not in answer.text


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("token", ["", "unknown", "a b", "x" * 5000], ids=["none", "unknown", "two words", "long"])
async def test_an_unknown_token_is_refused(name: str, token: str, started: Programs) -> None:
    """No token and a wrong one are 401, and over HTTP with what RFC 6750 wants."""
    answer = await started.ask(name, token)

    assert answer.status == 401
    assert token not in answer.text or not token
    if name in WEB:
        assert answer.headers["www-authenticate"].startswith('Bearer realm="JupyterHub"')


@pytest.mark.parametrize("name", WEB)
async def test_another_scheme_is_refused(name: str, started: Programs, hub: RealHub) -> None:
    """What is no bearer token is not taken for one."""
    token = await hub.user_token("admin")

    assert (await started.ask(name, token.value, scheme="Basic")).status == 401


@pytest.mark.parametrize("name", ALL)
async def test_an_outage_is_no_refusal(name: str, started: Programs, hub: RealHub) -> None:
    """Who is unknown gets 503, over HTTP with Retry-After; who was there before is still greeted."""
    known, unknown = await hub.user_token("admin"), await hub.user_token("admin")
    await started.ask(name, known.value)

    with hub.gate.down():
        refused, greeted = await started.ask(name, unknown.value), await started.ask(name, known.value)

    assert (refused.status, greeted.status) == (503, 200)
    if name in WEB:
        assert int(refused.headers["retry-after"]) > 0

    async def is_back() -> bool:
        return (await started.ask(name, unknown.value)).status == 200

    await eventually(is_back)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.name)
def test_an_example_is_short(file: Path) -> None:
    """It fits into thirty lines; each of them is run here."""
    assert len(file.read_text().splitlines()) <= 30
    assert file.stem.partition("_")[0] in ALL
