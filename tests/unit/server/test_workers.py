"""Starting, stopping and replacing workers, and TLS with several workers. This needs no Hub."""

import asyncio
import signal
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest
import trustme

from tests.support.crew import END_LIMIT, PATH, START_LIMIT, Crew
from tests.support.local_http import local_client
from tests.support.polling import eventually
from tests.support.ports import free_ports

WORKERS = 2
TOKEN = "token-of-somebody"
MODEL = '{"kind": "user", "name": "ada", "scopes": ["access:services!service=fastapi"]}'

Start = Callable[..., Crew]


@pytest.fixture
def start(start_crew: Callable[..., Crew]) -> Start:
    """Start a service with workers. The arguments are environment variables."""
    return partial(start_crew, workers=WORKERS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_a_request_under_way_is_finished(start: Start, number: signal.Signals) -> None:
    """When the service stops, each worker finishes its requests. The exit status is 0."""
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
    """If the parent is killed, the workers stop properly."""
    crew = await start().started()

    crew.process.send(signal.SIGKILL)

    assert await crew.ended() == -signal.SIGKILL
    assert crew.says("Finished server process") == WORKERS


async def test_a_parent_killed_at_once(start: Start) -> None:
    """Workers that are still starting stop as well."""
    crew = start()

    async def has_children() -> bool:
        return len(crew.process.descendants()) > WORKERS

    await eventually(has_children, within=START_LIMIT, every=0.01)
    crew.process.send(signal.SIGKILL)

    assert await crew.ended() == -signal.SIGKILL


async def test_workers_are_replaced_one_by_one(start: Start, tmp_path: Path) -> None:
    """SIGHUP replaces all workers without an interruption. They keep the settings of the start."""
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
    """Workers that cannot start are not started again. The service ends with a status that is not 0."""
    (tmp_path / "broken.py").write_text(BROKEN)
    crew = start(SERVICE_ROUTERS="broken:router")

    async def has_failed() -> bool:
        return crew.says("Application startup failed") > 0

    async def is_over() -> bool:
        return not crew.process.is_running

    await eventually(has_failed, within=START_LIMIT)
    await eventually(is_over, within=END_LIMIT)  # sooner than a worker's silence is taken for its death
    assert await crew.ended() == 3
    assert crew.says("RuntimeError at ") > 0


async def test_tls(start: Start, tmp_path: Path) -> None:
    """The workers serve https if JUPYTERHUB_SERVICE_URL is https, to clients with a certificate of the Hub's CA."""
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
