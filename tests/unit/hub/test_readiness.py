"""Whether the Hub answers and accepts the service, as a sentence, with few questions to the Hub."""

from collections.abc import AsyncIterator

import anyio
import httpx
import pytest
from pydantic import SecretStr

from service.hub.client import HubClient
from service.hub.readiness import RESULT_TTL, Health, Readiness
from service.testing import OUTAGES, FakeHub


class Clock:
    """A clock that the test moves, in seconds."""

    seconds = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """The clock of the readiness check."""
    return Clock()


@pytest.fixture
async def http(fake_hub: FakeHub) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends to the Hub in memory."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(fake_hub)) as client:
        yield client


@pytest.fixture
def readiness(http: httpx.AsyncClient, fake_hub: FakeHub, clock: Clock) -> Readiness:
    """Checks a Hub that knows the service's token."""
    return made(http, fake_hub, clock, token=fake_hub.api_token)


def made(http: httpx.AsyncClient, fake_hub: FakeHub, clock: Clock, *, token: str) -> Readiness:
    """Check the Hub in memory, with this API token of the service."""
    client = HubClient(http, api_url=str(fake_hub.api_url), api_token=SecretStr(token))
    return Readiness(client, clock=clock)


async def test_a_hub_in_good_health(readiness: Readiness) -> None:
    """The result is the Hub's version, and no problem."""
    assert await readiness.check() == Health(hub_version="6.1.1", problem="")


@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage_is_a_sentence_and_not_an_error(readiness: Readiness, fake_hub: FakeHub, outage: str) -> None:
    """It says what is wrong and what to check, without an address or a token."""
    fake_hub.outage = OUTAGES[outage]

    health = await readiness.check()

    assert health.hub_version == ""
    assert health.problem.startswith("The Hub cannot be asked: it ")
    assert "JUPYTERHUB_API_URL" in health.problem
    assert fake_hub.api_url.host not in health.problem


async def test_a_wrong_token_of_ours_is_a_problem(http: httpx.AsyncClient, fake_hub: FakeHub, clock: Clock) -> None:
    """The Hub answers, but does not accept the service."""
    health = await made(http, fake_hub, clock, token="canary").check()

    assert "The Hub does not accept this service" in health.problem
    assert "JUPYTERHUB_API_TOKEN" in health.problem
    assert "canary" not in health.problem


async def test_many_probes_ask_the_hub_once_in_two_seconds(
    readiness: Readiness, fake_hub: FakeHub, clock: Clock
) -> None:
    """Anybody may call the probe without causing load at the Hub."""
    async with anyio.create_task_group() as group:
        with fake_hub.holding():
            for _ in range(100):
                group.start_soon(readiness.check)
            await anyio.wait_all_tasks_blocked()
    clock.seconds = RESULT_TTL - 0.1
    await readiness.check()
    assert fake_hub.count("GET", "/user") == 1

    clock.seconds = RESULT_TTL
    await readiness.check()
    assert fake_hub.count("GET", "/user") == 2


async def test_a_hub_that_comes_back_is_noticed(readiness: Readiness, fake_hub: FakeHub, clock: Clock) -> None:
    """A problem is not remembered longer than good health."""
    fake_hub.outage = OUTAGES["down"]
    assert (await readiness.check()).problem
    fake_hub.outage = None
    assert (await readiness.check()).problem

    clock.seconds = RESULT_TTL
    assert (await readiness.check()).problem == ""


async def test_a_probe_that_hangs_up_blocks_nobody(readiness: Readiness, fake_hub: FakeHub) -> None:
    """The next probe asks for itself."""
    with fake_hub.holding():
        async with anyio.create_task_group() as group:
            group.start_soon(readiness.check)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()

    assert (await readiness.check()).problem == ""


@pytest.mark.parametrize(
    ("registration", "problem"),
    [
        (
            {"prefix": "/dev/services/x/"},
            "The Hub has this service at /dev/services/x/, but it serves /services/",
        ),
        ({"prefix": "/services/fast%61pi/"}, ""),
        ({"prefix": ""}, ""),
        ({}, ""),
        (None, ""),
    ],
    ids=["another base URL", "the same", "no proxy", "an old Hub", "not allowed to know"],
)
async def test_the_path_at_the_hub(registration: dict[str, str] | None, problem: str, clock: Clock) -> None:
    """A service that serves another path than the Hub has for it is not ready: nothing that is proxied reaches it."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path.endswith("/services/fastapi"):
            if registration is None:
                return httpx.Response(403, json={"status": 403, "message": "no"})
            return httpx.Response(200, json=registration)
        return httpx.Response(200, json={"version": "6.1.1", "kind": "service", "name": "fastapi"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        client = HubClient(http, api_url="http://hub.test/hub/api", api_token=SecretStr("t"))
        readiness = Readiness(client, name="fastapi", prefix="/services/fastapi/", clock=clock)
        health = await readiness.check()
        clock.seconds = RESULT_TTL
        await readiness.check()

    assert health.problem.startswith(problem) if problem else health == Health(hub_version="6.1.1")
    assert asked.count("/hub/api/services/fastapi") == (2 if problem else 1)
