"""A path with one slash too many, or without the one that its route has."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from service.auth import CurrentUser
from tests.unit.conftest import PREFIX, Service

router = APIRouter()


@router.get("/items/")
async def items(user: CurrentUser) -> str:
    """Have a slash at the end."""
    return user.name


@router.post("/items/{item}")
async def change(item: str, user: CurrentUser) -> str:
    """Have none."""
    return f"{user.name} {item}"


@router.get("/files/{path:path}")
async def file(path: str, user: CurrentUser) -> str:
    """Match both spellings."""
    return f"{user.name} {path}"


SERVICE: Mapping[str, Any] = {"allow_token_in_url": True, "app": {"routers": [router]}}


async def asked(service: Service, where: str, method: str = "GET") -> httpx.Response:
    """Send a request, and follow no redirect."""
    return await service.api(service.hub.issue("testuser")).request(method, where)


@pytest.mark.parametrize(
    ("where", "method", "location"),
    [
        pytest.param("me/", "GET", "me", id="a route of ours"),
        pytest.param("items", "GET", "items/", id="a route with a slash"),
        pytest.param("items/4/", "POST", "items/4", id="a variable, and a body"),
        pytest.param("items?limit=3", "GET", "items/?limit=3", id="a query"),
        pytest.param("items/a%20b/", "POST", "items/a%20b", id="encoded"),
        pytest.param("me///", "GET", "me", id="several slashes"),
    ],
)
async def test_the_other_spelling(service: Service, where: str, method: str, location: str) -> None:
    """A client is sent to the spelling that is served, with the same method."""
    reply = await asked(service, where, method)

    assert (reply.status_code, reply.headers["Location"]) == (307, f"{PREFIX}{location}")


async def test_it_arrives(service: Service) -> None:
    """Clients that follow redirects, as browsers, requests and httpx do, get there with what they sent."""
    async with service.api(service.hub.issue("testuser")) as client:
        client.follow_redirects = True

        assert (await client.get("items")).json() == "testuser"
        assert (await client.post("items/4/")).json() == "testuser 4"


@pytest.mark.parametrize("query", ["token=canary", "a=1&token=canary&b=2", "%74oken=canary"])
async def test_a_token_in_the_address_is_not_repeated(service: Service, query: str) -> None:
    """It would be in the history of browsers, and in logs."""
    reply = await service.api().get(f"items?{query}")

    assert reply.status_code == 307
    assert "canary" not in str(reply.headers)


@pytest.mark.parametrize(
    "where", ["nowhere", "nowhere/", "items/4%2F", "/evil.test/", "static/nothing/", "items/4/more/"]
)
async def test_neither_spelling(service: Service, where: str) -> None:
    """A path that is not served in either spelling is not found."""
    assert (await asked(service, where)).status_code in {404, 405}


async def test_the_start_page(service: Service) -> None:
    """It is served as it is."""
    assert (await asked(service, "")).status_code == 200


async def test_a_method_that_is_not_served(service: Service) -> None:
    """A path that is served for other methods alone says so, and leads nowhere."""
    assert (await asked(service, "items/", "DELETE")).status_code == 405
    for where in ("files/a", "files/a/"):  # a route of both spellings
        assert (await asked(service, where)).json() == f"testuser {where.removeprefix('files/')}"
        assert (await asked(service, where, "POST")).status_code == 405
