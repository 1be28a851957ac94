"""`/metrics` of a service with several workers, as a Prometheus that is a service of a real Hub reads it."""

from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.local_http import local_client
from tests.support.polling import eventually
from tests.support.process import signal_all

WORKERS = 2
SCOPES = ("access:services!service=fastapi", "custom:service:metrics")
TOKENS, TIMES = 5, 8
ANSWERS = "service_request_duration_seconds_count[('method', 'GET'), ('route', '/me'), ('status', '2xx')]"
ENTRIES = "service_identity_cache[('what', 'entries')]"


@pytest.fixture(scope="module")
def hub(make_shared_hub: MakeHub) -> RealHub:
    """A Hub with that service, and one called prometheus that has been given the scope."""
    return make_shared_hub(
        register={"environment": {"SERVICE_WORKERS": str(WORKERS)}},
        services={"prometheus": SCOPES, "reporter": SCOPES[:1]},
    )


async def figures(hub: RealHub) -> Mapping[str, float]:
    """What it reads."""
    reply = await hub.ask("GET", "metrics", token=hub.service_token("prometheus"))
    assert reply.status_code == 200
    families = text_string_to_metric_families(reply.text)
    return {f"{each.name}{sorted(each.labels.items())}": each.value for family in families for each in family.samples}


async def test_only_with_the_scope(hub: RealHub) -> None:
    """Who is let in otherwise is not let in here, an admin of the Hub as little as a service."""
    for token in (hub.service_token("reporter"), await hub.user_token("admin"), await hub.user_token("testuser")):
        reply = await hub.ask("GET", "metrics", token=token)
        assert (reply.status_code, reply.json()["scopes"]) == (403, ["custom:service:metrics"])
    assert (await hub.ask("GET", "metrics")).status_code == 401


def workers(hub: RealHub) -> set[int]:
    """The processes that serve."""
    return {pid for pid, line in hub.processes().items() if "spawn_main" in line}


async def test_workers_are_counted_together(hub: RealHub) -> None:
    """Whichever answers tells what all have done. What a dead one did stays counted; what it held does not."""
    tokens = [await hub.user_token("testuser") for _ in range(TOKENS)]
    for token in tokens * TIMES:  # each by a connection of its own, which any worker may take
        async with local_client() as client:
            url = f"http://127.0.0.1:{hub.ports.service}/services/fastapi/me"
            assert (await client.get(url, headers=token.bearer)).status_code == 200

    async def all_entries() -> bool:
        return (await figures(hub))[ENTRIES] > TOKENS

    assert await eventually(all_entries)
    assert (await figures(hub))[ANSWERS] == TOKENS * TIMES

    before = workers(hub)
    signal_all(before)

    async def is_replaced() -> bool:
        return not workers(hub) & before and (await hub.ask("GET", "health/live")).status_code == 200

    await eventually(is_replaced)

    async def is_forgotten() -> bool:
        return (await figures(hub))[ENTRIES] <= WORKERS

    assert await eventually(is_forgotten)
    assert (await figures(hub))[ANSWERS] == TOKENS * TIMES
