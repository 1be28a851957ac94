"""Several workers: how they start, end, and are served by TLS; no Hub is needed for that."""

import asyncio
import signal
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
import trustme

from tests.support.gate import HubGate
from tests.support.local_http import local_client
from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.ports import free_ports
from tests.support.process import KeptProcess, clean_environment

WORKERS = 3
PATH = "/services/fastapi/"
TOKEN = "token-of-somebody"
MODEL = '{"kind": "user", "name": "ada", "scopes": ["access:services!service=fastapi"]}'
START_LIMIT = 60.0  # seconds; about three on an idle machine
END_LIMIT = 20.0  # seconds; less than one on an idle machine

Start = Callable[..., "Crew"]


class Crew:
    """A service with workers, and its log."""

    def __init__(self, directory: Path, ports: tuple[int, int], told: Mapping[str, str]) -> None:
        self.gate = HubGate(port=ports[0], hub_port=0)
        self.log = directory / "service.log"
        self.log.touch()
        self.origin = f"http://127.0.0.1:{ports[1]}"
        default = {
            "PYTHONPATH": f"{REPOSITORY}:{directory}",
            "JUPYTERHUB_API_TOKEN": "token-of-the-service-0123456789ab",
            "JUPYTERHUB_API_URL": f"{self.gate.url}/hub/api",
            "JUPYTERHUB_SERVICE_NAME": "fastapi",
            "JUPYTERHUB_SERVICE_URL": self.origin,
            "SERVICE_WORKERS": str(WORKERS),
        }
        environment = clean_environment(**{**default, **told})
        command = [sys.executable, "-m", "service"]
        self.process = KeptProcess(command, env=environment, cwd=directory, log=self.log)

    def close(self) -> None:
        """End it at once."""
        self.process.close()
        self.gate.close()

    def says(self, needle: str) -> int:
        """Return how often the log has it."""
        return self.log.read_text().count(needle)

    async def started(self) -> "Crew":
        """Return once all workers serve."""

        async def serving() -> bool:
            assert self.process.is_running, self.log.read_text()
            return self.says("Application startup complete") == WORKERS

        await eventually(serving, within=START_LIMIT)
        return self

    async def ended(self) -> int | None:
        """Return the exit status once no process is left."""

        async def gone() -> bool:
            return not self.process.descendants()

        await eventually(gone, within=END_LIMIT)
        return self.process.wait(0)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a service with workers; arguments are environment variables."""
    crews: list[Crew] = []

    def start(**told: str) -> Crew:
        crews.append(Crew(tmp_path, free_ports(2), told))  # type: ignore[arg-type]
        return crews[-1]

    yield start
    for crew in crews:
        crew.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_a_request_under_way_is_finished(start: Start, number: signal.Signals) -> None:
    """Told to stop, each worker answers what it was asked before it ends; the exit status says that all is well."""
    crew = await start().started()
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    async with local_client(base_url=crew.origin) as client:
        with crew.gate.answering(200, MODEL, media_type="application/json"):
            with crew.gate.slow():
                asked = asyncio.ensure_future(client.get(f"{PATH}me", headers=bearer))

                async def is_asked() -> bool:
                    return bool(crew.gate.passed)

                await eventually(is_asked)
                crew.process.send(number)

                async def are_told() -> bool:
                    return crew.says("Shutting down") == WORKERS

                await eventually(are_told)
            reply = await asked

    assert (reply.status_code, reply.json()["name"]) == (200, "ada")
    assert await crew.ended() == 0
    assert crew.says("Finished server process") == WORKERS


async def test_no_worker_outlives_its_parent(start: Start) -> None:
    """Where the parent is killed, the workers notice and end, in good order."""
    crew = await start().started()

    crew.process.send(signal.SIGKILL)

    assert await crew.ended() == -signal.SIGKILL
    assert crew.says("Finished server process") == WORKERS


async def test_a_parent_killed_at_once(start: Start) -> None:
    """Also those that had not come to serving yet."""
    crew = start()

    async def has_children() -> bool:
        return len(crew.process.descendants()) > WORKERS

    await eventually(has_children, within=START_LIMIT, every=0.01)
    crew.process.send(signal.SIGKILL)

    assert await crew.ended() == -signal.SIGKILL


async def test_workers_are_replaced_one_by_one(start: Start, tmp_path: Path) -> None:
    """SIGHUP replaces all workers; somebody answers all the time. They keep the settings of the start."""
    crew = await start().started()
    (tmp_path / ".env").write_text("an .env that no new service would start with")
    statuses: set[int] = set()
    crew.process.send(signal.SIGHUP)

    async def are_replaced() -> bool:
        # Each on a new connection, as one that is kept may be closed just then.
        async with local_client() as client:
            statuses.add((await client.get(f"{crew.origin}{PATH}health/live")).status_code)
        return crew.says("Finished server process") == WORKERS

    await eventually(are_replaced, within=START_LIMIT)

    assert statuses == {200}
    assert crew.says("Application startup complete") == 2 * WORKERS
    assert crew.process.is_running


BROKEN = '''
"""A router whose application cannot start."""
from contextlib import asynccontextmanager
from fastapi import APIRouter

@asynccontextmanager
async def lifespan(app):
    raise RuntimeError("no database")
    yield

router = APIRouter(lifespan=lifespan)
'''


async def test_workers_that_cannot_start(start: Start, tmp_path: Path) -> None:
    """They are not started again and again: the service ends, with a status that says so."""
    (tmp_path / "broken.py").write_text(BROKEN)
    crew = start(SERVICE_ROUTERS="broken:router")

    async def has_failed() -> bool:
        return crew.says("Application startup failed") > 0

    async def is_over() -> bool:
        return not crew.process.is_running

    await eventually(has_failed, within=START_LIMIT)
    await eventually(is_over, within=END_LIMIT)  # sooner than a worker's silence is taken for its death
    assert await crew.ended() == 3
    assert crew.says("RuntimeError: no database") > 0


async def test_tls(start: Start, tmp_path: Path) -> None:
    """The workers serve https where JUPYTERHUB_SERVICE_URL says so, to those whom the Hub's CA knows."""
    authority = trustme.CA()
    service, caller = authority.issue_cert("127.0.0.1"), authority.issue_cert("hub")
    files = {name: str(tmp_path / name) for name in ("key", "cert", "ca", "caller")}
    service.private_key_pem.write_to_path(files["key"])
    service.cert_chain_pems[0].write_to_path(files["cert"])
    authority.cert_pem.write_to_path(files["ca"])
    caller.private_key_and_cert_chain_pem.write_to_path(files["caller"])
    (port,) = free_ports(1)
    url = f"https://127.0.0.1:{port}"
    await start(
        JUPYTERHUB_SERVICE_URL=url,
        JUPYTERHUB_SSL_KEYFILE=files["key"],
        JUPYTERHUB_SSL_CERTFILE=files["cert"],
        JUPYTERHUB_SSL_CLIENT_CA=files["ca"],
    ).started()
    stranger, known = ssl.create_default_context(cafile=files["ca"]), ssl.create_default_context(cafile=files["ca"])
    known.load_cert_chain(files["caller"])

    async with local_client(verify=known) as client:
        reply = await client.get(f"{url}{PATH}health/live")
    async with local_client(verify=stranger) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"{url}{PATH}health/live")

    assert reply.status_code == 200
