"""The programs of examples/hub_auth/ and docs/hub.md beside a real Hub, each in a process of its own."""

import ast
import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType

import httpx
import pytest

from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.hub_config import ADMIN_SERVICE
from tests.support.local_http import local_client
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.ports import free_port, free_ports
from tests.support.process import KeptProcess, clean_environment

FOLDER = REPOSITORY / "examples" / "hub_auth"
PREFIX = "/services/reporter/"
SHOWN = {block.title: block.code for block in blocks(REPOSITORY / "docs" / "hub.md", "python")}
UVICORN = ("-m", "uvicorn", "--app-dir", str(FOLDER), "--port")
WEB = ("aiohttp", "litestar", "starlette")
ALL = (*WEB, "tcp")


@dataclass(frozen=True)
class Answer:
    """The answer of a program: a status, a text and, over HTTP, headers with lower-case names."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Programs:
    """The running examples: the port of each."""

    ports: Mapping[str, int]

    async def ask(self, name: str, token: str, *, scheme: str = "Bearer") -> Answer:
        """Send a token to one of them, and return its answer."""
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


def told(hub: RealHub, *, service: str = "reporter") -> dict[str, str]:
    """Return the environment that a Hub gives a service. The address is that of the gate."""
    return {
        "JUPYTERHUB_API_URL": f"{hub.gate.url}/hub/api",
        "JUPYTERHUB_API_TOKEN": hub.service_token(service).value,
        "JUPYTERHUB_SERVICE_NAME": service,
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
    }


def arguments(name: str, port: int) -> Sequence[str]:
    """Return how Python starts an example."""
    files = {"aiohttp": "aiohttp_app.py", "tcp": "tcp_server.py"}
    return (str(FOLDER / files[name]), str(port)) if name in files else (*UVICORN, str(port), f"{name}_app:app")


@pytest.fixture(scope="module")
def programs(hub: RealHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """All of them, with the environment that a Hub gives a service."""
    folder = tmp_path_factory.mktemp("programs")
    environment = clean_environment(PYTHONPATH=str(REPOSITORY), **told(hub))
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
async def test_a_token_with_access_is_greeted(name: str, started: Programs, hub: RealHub) -> None:
    """The answer contains the name of the token's owner."""
    token = await hub.user_token("admin", scopes=["access:services!service=reporter"])

    answer = await started.ask(name, token.value)

    assert answer.status == 200, answer.text
    assert "admin" in answer.text


@pytest.mark.parametrize("name", ALL)
async def test_a_token_without_access_is_refused(name: str, started: Programs, hub: RealHub) -> None:
    """The Hub knows the token, but it gives no access to the service: 403."""
    token = await hub.user_token("testuser", scopes=["access:services!service=fastapi"])

    answer = await started.ask(name, token.value)

    assert answer.status == 403
    assert "testuser" not in answer.text


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("token", ["", "unknown", "a b", "x" * 5000], ids=["none", "unknown", "two words", "long"])
async def test_an_unknown_token_is_refused(name: str, token: str, started: Programs) -> None:
    """No token and a wrong token are 401. Over HTTP there is the header that RFC 6750 requires."""
    answer = await started.ask(name, token)

    assert answer.status == 401
    assert token not in answer.text or not token
    if name in WEB:
        assert answer.headers["www-authenticate"].startswith('Bearer realm="JupyterHub"')


@pytest.mark.parametrize("name", WEB)
async def test_the_scheme_of_a_token(name: str, started: Programs, hub: RealHub) -> None:
    """`Bearer` and the Hub's own `token` work in any case. A token with another scheme is refused."""
    token = await hub.user_token("admin")
    schemes = ("bearer", "Token", "Basic")

    statuses = [(await started.ask(name, token.value, scheme=scheme)).status for scheme in schemes]

    assert statuses == [200, 200, 401]


@pytest.mark.parametrize("name", ALL)
async def test_an_outage_is_no_refusal(name: str, started: Programs, hub: RealHub) -> None:
    """An unknown token gets 503, over HTTP with Retry-After. A known one is still greeted."""
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


async def printed(name: str, *arguments: str, environment: Mapping[str, str]) -> str:
    """Run a program of docs/hub.md, and return what it prints."""
    code = SHOWN[name]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, *arguments),
        env=clean_environment(PYTHONPATH=str(REPOSITORY), **environment),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return output.decode().strip()


async def test_the_page_says_who_holds_a_token(hub: RealHub) -> None:
    """docs/hub.md, who.py, with a token with access, one without, and an unknown one."""
    admin = await hub.user_token("admin")
    narrow = await hub.user_token("testuser", scopes=["read:users:name!user"])

    assert await printed("who.py", admin.value, environment=told(hub)) == "user admin, access: True"
    assert await printed("who.py", narrow.value, environment=told(hub)) == "user testuser, access: False"
    assert await printed("who.py", "x", environment=told(hub)) == "The Hub does not know this token."


async def test_the_page_lists_users(hub: RealHub) -> None:
    """docs/hub.md, users.py, in the program's own name, and in that of callers with and without the right."""
    admin, narrow = await hub.user_token("admin"), await hub.user_token("testuser")
    environment = told(hub, service=ADMIN_SERVICE)

    assert "'testuser'" in await printed("users.py", environment=environment)
    assert "'testuser'" in await printed("users.py", admin.value, environment=environment)
    refused = await printed("users.py", environment=told(hub))
    assert refused.startswith("The Hub says no: it does not let this service do that")
    assert "list:users" in refused
    assert (await printed("users.py", narrow.value, environment=environment)).startswith("The Hub says no: ")


async def test_the_readme(hub: RealHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """README.md: the lines with HubAuth print who holds a token, and whether they have access."""
    (code,) = (block.code for block in blocks(REPOSITORY / "README.md", "python") if "HubAuth" in block.code)
    for variable, value in told(hub).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("JUPYTERHUB_OAUTH_ACCESS_SCOPES", raising=False)
    token = (await hub.user_token("admin")).value
    program = compile(code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    await FunctionType(program, {"token": token})()

    assert capsys.readouterr().out == "admin has access\n"


async def test_a_hub_starts_an_example(make_hub: MakeHub) -> None:
    """docs/hub.md, jupyterhub_config.py: the Hub starts the program with all that it needs. The role gives access."""
    config = SHOWN["jupyterhub_config.py"]
    for shown, ours in {"10101": str(free_port()), "/srv/greeter": str(FOLDER)}.items():
        assert shown in config
        config = config.replace(shown, ours)
    hub = make_hub(register=None, config=f"c.JupyterHub.load_groups = {{'staff': ['testuser']}}\n{config}")
    member, other = await hub.user_token("testuser"), await hub.user_token("other")

    async def greeting() -> httpx.Response | None:
        reply = await hub.ask("GET", "hello", token=member, service="greeter")
        return reply if reply.status_code == 200 else None

    reply = await eventually(greeting)
    assert reply is not None
    assert reply.json() == {"hello": "testuser"}
    assert (await hub.ask("GET", "hello", token=other, service="greeter")).status_code == 403
    assert (await hub.ask("GET", "hello", service="greeter")).status_code == 401


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.name)
def test_an_example_is_short(file: Path) -> None:
    """It has at most thirty lines, and is one of those that run here."""
    assert len(file.read_text().splitlines()) <= 30
    assert file.stem.partition("_")[0] in ALL
