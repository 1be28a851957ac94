"""The service in the process of a test, with any application and any settings, and no network."""

import httpx
import pytest
import respx
from fastapi import APIRouter
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from service.app import create_app
from service.auth.errors import NotAdmittedError
from service.auth.guard import CurrentUser, HubAsCaller
from service.hub.models import Identity
from service.settings import Settings
from service.testing import OUTAGES, FakeHub, make_settings, open_service

router = APIRouter()


@router.get("/notes")
async def notes(user: CurrentUser) -> str:
    """Greet."""
    return user.name


@router.get("/friends")
async def friends(hub: HubAsCaller) -> list[str]:
    """Call the Hub in the caller's name."""
    return [user["name"] for user in await hub.get("users")]


async def people_only(identity: Identity, _: HTTPConnection) -> None:
    """Refuse services."""
    if identity.kind != "user":
        raise NotAdmittedError("Notes are for people.")


def own_app(settings: Settings, *, title: str = "Notes") -> ASGIApp:
    """Build an application, as a user of the package does."""
    return create_app(settings, routers=[router], admit=[people_only], title=title)


async def test_the_service_by_its_options() -> None:
    """Routers and vetoes are passed on to `create_app`."""
    async with open_service(routers=[router], admit=[people_only]) as service:
        assert (await service.user("alice").get("notes")).json() == "alice"
        assert (await service.other_service("reporter").get("notes")).json()["detail"] == "Notes are for people."


async def test_an_application_of_one_s_own() -> None:
    """Another function can build the application from settings, with its own options."""
    async with open_service(own_app, title="My notes") as service:
        assert (await service.anonymous().get("")).json()["service"] == "My notes"
        assert (await service.other_service("reporter").get("notes")).json()["code"] == "not_admitted"


async def test_settings() -> None:
    """Settings are changed by field name. URLs and cookies follow."""
    settings = make_settings(service_name="notes", public_host="https://hub.example.org")
    async with open_service(own_app, settings=settings) as service:
        alice = service.user("alice")

        assert service.url == "https://hub.example.org/services/notes/"
        assert (await alice.get("notes")).status_code == 200
        assert (await alice.browser().get("notes")).status_code == 200
        assert alice.browser().cookies.get("service-notes")


@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage_shows_at_once(outage: str) -> None:
    """An outage of the Hub, and its end, take effect at once."""
    async with open_service(own_app) as service:
        alice = service.user("alice")
        assert (await alice.get("notes")).status_code == 200
        service.hub.outage = OUTAGES[outage]

        assert (await alice.get("notes")).status_code == 503


async def test_answers_can_be_cached() -> None:
    """With the cache times of a real service, answers are cached."""
    async with open_service(own_app, settings=make_settings(cache_ttl=300, stale_grace=300)) as service:
        alice = service.user("alice")
        assert (await alice.get("notes")).status_code == 200
        service.hub.outage = OUTAGES["down"]

        assert (await alice.get("notes")).status_code == 200
        assert service.hub.count("GET", "/user") == 1


async def test_two_beside_one_hub() -> None:
    """Two services can share a Hub. The scopes of a token say for which one it is."""
    hub = FakeHub()
    async with open_service(own_app, hub=hub) as first, open_service(own_app, hub=hub) as second:
        token = first.user("alice").token
        reply = await second.anonymous().get("notes", headers={"Authorization": f"Bearer {token}"})

        assert reply.json() == "alice"
        browser = second.anonymous().browser()
        away = await browser.visit("notes")
        back = await browser.visit(hub.authorize(away.headers["Location"], user="alice"), follow=True)
        assert back.json() == "alice"


async def test_two_hubs() -> None:
    """Services with different Hubs do not share users."""
    async with open_service(own_app) as first, open_service(own_app) as second:
        token = first.user("alice").token
        reply = await second.anonymous().get("notes", headers={"Authorization": f"Bearer {token}"})

        assert reply.status_code == 401


async def test_nothing_else_is_within_reach() -> None:
    """A request to anywhere else fails at once, unless the test allows or answers it."""
    async with open_service(own_app) as service, httpx.AsyncClient() as http:
        with pytest.raises(AssertionError, match=r"elsewhere\.test"):
            await http.get("http://elsewhere.test/")
        with respx.mock() as others:
            others.get("http://elsewhere.test/").respond(204)

            assert (await http.get("http://elsewhere.test/")).status_code == 204
            assert (await service.user("alice").get("notes")).status_code == 200


async def test_what_a_route_asks_the_hub() -> None:
    """A test can set the Hub's answer to a request that only its own route sends."""
    async with open_service(own_app) as service:
        alice = service.user("alice")
        service.hub.respond("GET", "/users", json=[{"name": "bob"}])
        assert (await alice.get("friends")).json() == ["bob"]

        service.hub.respond("GET", "/users", json={"status": 403, "message": "Not today"}, status=403)
        assert (await alice.get("friends")).status_code == 403
        assert service.hub.requests[-1].headers["Authorization"] == f"token {alice.token}"


async def test_failing_to_start_is_heard() -> None:
    """If the application cannot be built, the test gets the error."""

    def broken(_: Settings) -> ASGIApp:
        raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"):
        async with open_service(broken):
            pass
