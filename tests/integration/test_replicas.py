"""Several services with one API token behind a load balancer: what one has begun or given is good at the others."""

import contextlib
import secrets
from collections import Counter
from collections.abc import Iterator

import pytest
from anyio import CapacityLimiter, create_task_group

from service.testing.callers import SCRIPT
from tests.support.external import ExternalService
from tests.support.front import Front
from tests.support.hub import RealHub
from tests.support.local_http import local_client
from tests.support.ports import free_ports

LOGINS = 20
PATH = "/services/fastapi/"


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """The load balancer: each request goes to a replica by chance, unless the test says to which."""
    port, *replicas = free_ports(4)
    front = Front(port=port, ports=replicas)
    yield front
    front.close()


@pytest.fixture(scope="module")
def cluster(front: Front, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    """A Hub, and three services that somebody has started beside it, by hand."""
    api_token = secrets.token_hex(32)
    hub = RealHub(register={"managed": False, "api_token": api_token, "url": front.url})
    told = {
        "JUPYTERHUB_API_TOKEN": api_token,
        "JUPYTERHUB_API_URL": hub.api_url,
        "JUPYTERHUB_SERVICE_NAME": "fastapi",
    }
    with contextlib.ExitStack() as stack:
        for port in front.ports:
            address = {"JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}"}
            directory = tmp_path_factory.mktemp(f"replica-{port}")
            stack.enter_context(ExternalService(told | address, directory=directory))
        yield stack.enter_context(hub)


async def test_a_sign_in_wanders(cluster: RealHub, front: Front) -> None:
    """Begun by one replica, finished by another, shown by a third."""
    one, two, three = front.ports
    async with cluster.session("testuser") as browser:
        with front.turning_to(one, two, three) as served:
            page = await browser.visit(f"{cluster.service_url}me")

    assert (page.status_code, page.url.path, "testuser" in page.text) == (200, f"{PATH}me", True)
    assert [(each.name, each.port) for each in served] == [("me", one), ("oauth_callback", two), ("me", three)]


async def test_cookie_and_xsrf_token(cluster: RealHub, front: Front) -> None:
    """What one replica has given, each accepts, and none without the XSRF token."""
    one, *_ = front.ports
    async with cluster.session("testuser") as browser, local_client() as client:
        with front.turning_to(one, one, one):
            await browser.visit(f"{cluster.service_url}me")
        given = browser.signing(PATH)
        without = {**SCRIPT, "Cookie": given["Cookie"]}
        addresses = [f"http://127.0.0.1:{port}{PATH}me" for port in front.ports]

        accepted = [await client.get(address, headers=given) for address in addresses]
        refused = [await client.get(address, headers=without) for address in addresses]

    assert [(reply.status_code, reply.json()["name"]) for reply in accepted] == [(200, "testuser")] * 3
    assert [(reply.status_code, reply.json()["code"]) for reply in refused] == [(403, "xsrf")] * 3


async def test_signing_out(cluster: RealHub, front: Front) -> None:
    """A form that one replica has shown is taken by another, and a third knows that it is over."""
    one, two, three = front.ports
    async with cluster.session("testuser") as browser:
        with front.turning_to(one, one, three):
            await browser.visit(f"{cluster.service_url}me")
        with front.turning_to(one, two, three):
            await browser.submit(await browser.visit(f"{cluster.service_url}logout"))
            page = await browser.visit(f"{cluster.service_url}me", follow=False)

    assert page.status_code == 302


async def test_left_to_chance(cluster: RealHub, front: Front) -> None:
    """Many sign in at once by way of whichever replica comes first: none fails."""
    front.served.clear()
    ended: list[tuple[int, str, bool]] = []
    limit = CapacityLimiter(4)

    async def sign_in() -> None:
        async with limit, cluster.session("testuser") as browser:
            page = await browser.visit(f"{cluster.service_url}me")
            ended.append((page.status_code, page.url.path, "testuser" in page.text))

    async with create_task_group() as group:
        for _ in range(LOGINS):
            group.start_soon(sign_in)

    began = {each.begun: each.port for each in front.served if each.begun}
    finished = {each.finished: each.port for each in front.served if each.finished}
    assert Counter(ended) == {(200, f"{PATH}me", True): LOGINS}
    assert len(finished) == LOGINS
    assert {each.port for each in front.served} == set(front.ports)
    assert [state for state, port in finished.items() if began[state] != port]
