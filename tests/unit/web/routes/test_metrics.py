"""`/metrics`: who can read it, and what it contains."""

import re
from collections.abc import Mapping

import httpx
import pytest
from fastapi import APIRouter
from prometheus_client.parser import text_string_to_metric_families

from service.testing import OUTAGES, Caller
from service.web.routes.metrics import SCOPE
from tests.unit.conftest import API_TOKEN, HUB_HOST, Serve, Service

router = APIRouter(prefix="/inner")
outer = APIRouter(prefix="/outer")


@router.get("/{number}")
async def numbered(number: int) -> int:
    """Return the number."""
    return number


outer.include_router(router)


@pytest.fixture
async def service(serve: Serve) -> Service:
    """The service, with a route within routers."""
    return await serve(app={"routers": [outer]}, cache_ttl=300)


async def figures(service: Service, prometheus: Caller | None = None) -> Mapping[str, float]:
    """Return the metrics as Prometheus parses them: each sample by its name and labels."""
    reply = await (prometheus or service.other_service("prometheus", scopes=[SCOPE])).get("metrics")
    assert reply.status_code == httpx.codes.OK
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


def requests(found: Mapping[str, float], route: str) -> Mapping[str, float]:
    """Return the number of responses of a route, by method and status."""
    labels = rf"\('method', '(\w+)'\), \('route', '{re.escape(route)}'\), \('status', '(\w+)'\)"
    matches = {key: re.fullmatch(rf"service_request_duration_seconds_count\[{labels}\]", key) for key in found}
    return {f"{match[1]} {match[2]}": found[key] for key, match in matches.items() if match}


@pytest.mark.parametrize(
    ("scopes", "access", "status"),
    [([], True, 403), ([SCOPE], False, 403), (["custom:service:other"], True, 403), ([SCOPE], True, 200)],
    ids=["without the scope", "without access", "with another scope", "with both"],
)
async def test_who_may(service: Service, scopes: list[str], access: bool, status: int) -> None:  # noqa: FBT001
    """A caller needs the scope in addition to access. Administrators need it, too."""
    caller = service.other_service("prometheus", scopes=scopes, access=access)
    admin = service.user("admin", scopes=scopes, access=access, admin=True)

    assert [(await somebody.get("metrics")).status_code for somebody in (caller, admin)] == [status] * 2
    assert (await service.anonymous().get("metrics")).status_code == 401


async def test_routes_by_their_template(service: Service) -> None:
    """Labels contain neither paths as sent nor invented methods: their number would have no limit."""
    for number in range(3):
        await service.user("ada").get(f"outer/inner/{number}")
    await service.anonymous().head("outer/inner/1")
    await service.anonymous().get("outer/inner/x")
    for path in ("nothing/1", "nothing/2", "static/style.css", "static/nothing"):
        await service.anonymous().get(path)
    await service.anonymous().request("BREW", "me")
    await service.user("ada").get("me")

    found = await figures(service)
    assert requests(found, "/outer/inner/{number}") == {"GET 2xx": 3, "HEAD 2xx": 1, "GET 4xx": 1}
    assert requests(found, "other")["GET 4xx"] == 2
    assert requests(found, "/static/{path}") == {"GET 2xx": 1, "GET 4xx": 1}
    assert requests(found, "/me")["GET 2xx"] == 1
    assert "BREW" not in str(found)


async def test_the_hub(service: Service) -> None:
    """Requests to the Hub are counted by endpoint and status, and so are lookups in the cache."""
    caller, prometheus = service.user("ada"), service.other_service("prometheus", scopes=[SCOPE])
    await figures(service, prometheus)
    for _ in range(3):
        await caller.get("me")
    service.hub.outage = OUTAGES["down"]
    await service.user("bob").get("me")

    found = await figures(service, prometheus)
    asked = "service_hub_request_duration_seconds_count[('endpoint', 'user'), ('status', '{}')]".format
    assert (found[asked("2xx")], found[asked("none")]) == (2, 1)
    looks = "service_identity_cache_lookups_total[('result', '{}')]".format
    assert (found[looks("hits")], found[looks("misses")]) == (3, 3), "prometheus itself among them"
    assert found["service_identity_cache[('what', 'entries')]"] == 2
    assert found["service_problems_total[('code', 'hub_unavailable')]"] == 1


async def test_sign_ins_and_refusals(service: Service) -> None:
    """Sign-ins are counted, and errors by their code."""
    await service.signed_in()
    await service.api("wrong").get("me")
    await service.api().post("token", data={"grant_type": "password"})

    found = await figures(service)
    assert found["service_sign_ins_total[('way', 'browser')]"] == 1
    assert found["service_problems_total[('code', 'invalid_token')]"] == 1
    assert found["service_open_connections[('type', 'http')]"] == 1


async def test_it_tells_nothing_else(service: Service) -> None:
    """The metrics contain no token, no name of a user and no address of the Hub."""
    await service.user("ada").get("me")
    reply = await service.other_service("prometheus", scopes=[SCOPE]).get("metrics")

    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    for secret in ("ada", API_TOKEN, HUB_HOST):
        assert secret not in reply.text


async def test_without_the_hub(service: Service) -> None:
    """A caller in the cache can read the metrics while the Hub is down."""
    prometheus = service.other_service("prometheus", scopes=[SCOPE])
    await prometheus.get("metrics")
    service.hub.outage = OUTAGES["down"]

    assert (await prometheus.get("metrics")).status_code == 200
