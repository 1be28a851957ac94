"""The probes `/health/live` and `/health/ready`."""

import anyio
import httpx
import pytest
from anyio.lowlevel import checkpoint

from service.testing import OUTAGES
from tests.support.polling import eventually
from tests.unit.conftest import API_TOKEN, HUB_HOST, Serve


async def test_live_needs_nobody(serve: Serve) -> None:
    """The process is alive whatever the Hub does. The Hub is not asked."""
    service = await serve()
    service.hub.outage = OUTAGES["down"]
    reply = await service.api().get("health/live")

    assert (reply.status_code, reply.json()) == (200, {"status": "alive"})
    assert service.hub.requests == []


async def test_ready(serve: Serve) -> None:
    """The service is ready if the Hub answers and knows it."""
    reply = await (await serve()).api().get("health/ready")

    assert (reply.status_code, reply.json()) == (200, {"status": "ready", "hub_version": "6.1.1", "problem": None})


@pytest.mark.parametrize("outage", OUTAGES)
async def test_not_ready_without_the_hub(serve: Serve, outage: str) -> None:
    """If the Hub does not answer, that is named as the problem, without its address."""
    service = await serve()
    service.hub.outage = OUTAGES[outage]
    reply = await service.api().get("health/ready")

    assert (reply.status_code, reply.json()["status"]) == (503, "not ready")
    assert reply.json()["problem"].startswith("The Hub cannot be asked: ")
    assert HUB_HOST not in reply.text


async def test_not_ready_where_the_hub_does_not_know_us(serve: Serve) -> None:
    """If the Hub does not know our token, the service is not ready, and says what to check."""
    service = await serve(hub=(await serve()).hub, api_token="not-the-one-the-hub-knows")
    reply = await service.api().get("health/ready")

    assert (reply.status_code, reply.json()["problem"]) == (
        503,
        "The Hub does not accept this service: the Hub does not know JUPYTERHUB_API_TOKEN. Check how it is registered.",
    )
    assert API_TOKEN not in reply.text


async def test_many_probes_are_one_question(serve: Serve) -> None:
    """Many probes at once ask the Hub once."""
    service = await serve()
    api = service.api()
    replies: list[httpx.Response] = []

    async def probe() -> None:
        replies.append(await api.get("health/ready"))

    async with anyio.create_task_group() as probes:
        with service.hub.holding():
            for _ in range(20):
                probes.start_soon(probe)
            while not service.hub.requests:
                await checkpoint()
    await probe()

    assert [reply.status_code for reply in replies] == [200] * 21
    assert (service.hub.count("GET", "/"), service.hub.count("GET", "/user")) == (1, 1)


async def test_not_ready_while_no_engine_is_loaded(serve: Serve) -> None:
    """With de-identification, the service is ready when the engine is loaded. It is alive before."""
    service = await serve(apps=("deidentify",))
    api = service.api()
    first = await api.get("health/ready")

    assert (first.status_code, first.json()["problem"]) == (503, "The engine of de-identification is being loaded.")
    assert (await api.get("health/live")).status_code == 200

    async def is_ready() -> bool:
        return (await api.get("health/ready")).status_code == 200

    await eventually(is_ready)


async def test_the_hub_is_named_first(serve: Serve) -> None:
    """If two things are wrong, the Hub is named."""
    service = await serve(apps=("deidentify",))
    service.hub.outage = OUTAGES["down"]

    assert (await service.api().get("health/ready")).json()["problem"].startswith("The Hub cannot be asked: ")
