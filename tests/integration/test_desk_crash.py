"""The service is killed while many clients write. Nothing acknowledged is lost or overwritten; the audit matches."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from service.apps.desk.domain.policy import Role, group_of
from tests.support.desk_load import Load
from tests.support.external import ExternalService
from tests.support.hub import RealHub
from tests.support.local_http import local_client
from tests.support.polling import eventually
from tests.support.ports import free_port

CLIENTS, TICKETS = 50, 300
KILLED_AFTER = (90, 200)  # tickets that have been acknowledged
PATIENCE = 240.0  # seconds for all; half a minute on a machine that does nothing else
API_TOKEN = secrets.token_hex(32)
PORT = free_port()
CONFIG = f"c.JupyterHub.load_groups = {{{group_of(Role.ADMIN)!r}: {{'users': ['admin']}}}}"


class Killable:
    """The service with two workers, which can be killed and started again."""

    def __init__(self, told: dict[str, str], *, directory: Path) -> None:
        self._told = told
        self._directory = directory
        self._running = ExitStack()

    def start(self) -> None:
        """Start it."""
        self._running.enter_context(ExternalService(self._told, directory=self._directory))

    def kill(self) -> None:
        """Send SIGKILL to it and to all its workers."""
        self._running.close()


def service_of(hub: RealHub, database_url: str, *, directory: Path) -> Killable:
    """The service beside a Hub, on a database; not started."""
    told = {
        "JUPYTERHUB_API_TOKEN": API_TOKEN,
        "JUPYTERHUB_API_URL": hub.api_url,
        "JUPYTERHUB_SERVICE_NAME": "fastapi",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{PORT}",
        "SERVICE_APPS": "desk",
        "SERVICE_WORKERS": "2",
        "DATABASE_URL": database_url,
    }
    return Killable(told, directory=directory)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    """A Hub with an administrator of the desk, and a service that it does not start."""
    register = {"managed": False, "api_token": API_TOKEN, "url": f"http://127.0.0.1:{PORT}", "apps": ["desk"]}
    hub = RealHub(register=register, config=CONFIG)
    directory = tmp_path_factory.mktemp("first")
    first = service_of(hub, f"sqlite:///{directory / 'desk.sqlite'}", directory=directory)
    first.start()  # the Hub waits for it
    with hub:
        first.kill()
        yield hub


@pytest.fixture
def service(hub: RealHub, database_url: str, tmp_path: Path) -> Iterator[Killable]:
    """The service, on an empty database."""
    killable = service_of(hub, database_url, directory=tmp_path)
    killable.start()
    yield killable
    killable.kill()


async def has(load: Load, number: int) -> bool:
    """Say whether this number of tickets has been acknowledged."""
    return len(load.acknowledged) >= number


async def test_what_was_acknowledged_outlives_the_process(hub: RealHub, service: Killable, database_url: str) -> None:
    """Hundreds of tickets, created and changed by fifty clients, survive killing the service twice."""
    token = await hub.user_token("admin")
    desk = f"http://127.0.0.1:{PORT}{hub.service_path}desk/"
    async with local_client(headers=token.bearer, limits=httpx.Limits(max_connections=CLIENTS)) as client:

        async def send(method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
            return await client.request(method, desk + path, **options)

        load = Load(send)

        async def kill_now_and_then() -> None:
            for number in KILLED_AFTER:
                await eventually(partial(has, load, number), within=PATIENCE)
                service.kill()
                await anyio.to_thread.run_sync(service.start)

        with anyio.fail_after(PATIENCE):
            await load.begin()
            async with anyio.create_task_group() as group:
                group.start_soon(kill_now_and_then)
                await load.run(CLIENTS, is_over=lambda: len(load.acknowledged) >= TICKETS)
    service.kill()

    assert len(load.acknowledged) >= TICKETS
    await load.check(database_url)
