"""A route that asks the Hub in the caller's name or in the service's own, once the caller was let in."""

import logging
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, WebSocket

from service.auth.guard import HubAsCaller, HubAsService, require
from service.testing import OUTAGES
from tests.support.open_connection import OpenConnection
from tests.unit.conftest import API_TOKEN, PREFIX, SESSION_ID, Serve, Service

ACCESS = "access:services!service=fastapi"
router = APIRouter()


@router.get("/people/{name}")
async def people(name: str, hub: HubAsCaller) -> Any:  # noqa: ANN401 - the Hub's own model
    """Show what the Hub says of somebody."""
    return await hub.get("users", name)


@router.get("/scoped", dependencies=[require("custom:x")])
async def scoped(hub: HubAsCaller) -> Any:  # noqa: ANN401 - likewise
    """Need a scope beside."""
    return await hub.get("users", "testuser")


@router.get("/everybody")
async def everybody(hub: HubAsService) -> Any:  # noqa: ANN401 - likewise
    """Show what the Hub says to the service."""
    return await hub.get("users")


@router.websocket("/ws")
async def talk(websocket: WebSocket, hub: HubAsCaller) -> None:
    """Say what the Hub says."""
    await websocket.accept()
    await websocket.send_json(await hub.get("users", "testuser"))


@pytest.fixture
async def service(serve: Serve) -> Service:
    """A service whose Hub answers whether it was asked with the service's own token."""
    service = await serve(app={"routers": [router]})
    let_in(service)
    return service


def let_in(service: Service, status: int = 200) -> None:
    """Make the Hub answer everything with `status`, except the question who holds a token."""

    def answer(request: httpx.Request) -> httpx.Response:
        token = request.headers["Authorization"].removeprefix("token ")
        if request.url.path.endswith("/hub/api/user"):
            return known[token] if token in known else httpx.Response(403, json={"status": 403, "message": None})
        said = {"is_the_services": token == API_TOKEN, "path": request.url.path} if status == 200 else {}
        return httpx.Response(status, json=said or {"status": status, "message": "the Hub's words"})

    known = {
        "good": httpx.Response(200, json={"name": "testuser", "scopes": [ACCESS]}),
        "without": httpx.Response(200, json={"name": "testuser", "scopes": []}),
        "reporter": httpx.Response(200, json={"name": "reporter", "kind": "service", "scopes": [ACCESS]}),
        "cookie": httpx.Response(200, json={"name": "testuser", "scopes": [ACCESS], "session_id": SESSION_ID}),
    }
    service.hub.outage = answer


async def test_with_the_callers_own_token(service: Service) -> None:
    """The Hub is asked with the caller's token, a user's or a service's, and never with ours."""
    for token in ("good", "reporter"):
        async with service.api(token) as caller:
            reply = await caller.get("people/other")

        assert (reply.status_code, reply.json()) == (
            200,
            {"is_the_services": False, "path": f"{service.hub.api_url.path}/users/other"},
        )
        assert service.hub.requests[-1].headers["Authorization"] == f"token {token}"


@pytest.mark.parametrize(("path", "told"), [("people/other", True), ("everybody", False)])
@pytest.mark.parametrize("status", [400, 404, 409])
async def test_the_hubs_message(service: Service, path: str, status: int, told: bool) -> None:  # noqa: FBT001
    """It is for who holds the token: callers are not told what the Hub says to the service."""
    let_in(service, status)
    async with service.api("good") as caller:
        reply = await caller.get(path)

    assert (reply.status_code, "the Hub's words" in reply.text) == (status, told)


async def test_with_a_cookie(service: Service) -> None:
    """If a browser calls, the Hub is asked with the token in its cookie."""
    browser = service.browser()
    service.keep(browser, "service-fastapi", service.sealed("cookie"))
    reply = await browser.client.get(f"{service.home}people/other")

    assert reply.status_code == 200
    assert service.hub.requests[-1].headers["Authorization"] == "token cookie"


@pytest.mark.parametrize(
    ("token", "path", "status", "code"),
    [
        ("", "people/x", 401, "not_signed_in"),
        ("unknown", "people/x", 401, "invalid_token"),
        ("without", "people/x", 403, "insufficient_scope"),
        ("good", "scoped", 403, "insufficient_scope"),
    ],
)
async def test_only_for_those_who_are_let_in(service: Service, token: str, path: str, status: int, code: str) -> None:
    """With a token that a guard refuses, the Hub is asked nothing but who holds it."""
    async with service.api(token or None) as caller:
        reply = await caller.get(path)

    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert not [request for request in service.hub.requests if not request.url.path.endswith("/user")]


@pytest.mark.parametrize(
    ("at_hub", "status", "code"),
    [
        (400, 400, "hub_bad_request"),
        (403, 403, "hub_forbidden"),
        (404, 404, "hub_not_found"),
        (409, 409, "hub_conflict"),
        (500, 503, "hub_unavailable"),
    ],
    ids=str,
)
async def test_a_refusal_is_told(service: Service, at_hub: int, status: int, code: str) -> None:
    """A refusal of the Hub has a code of its own, and the Hub's words. A failure of the Hub is a 503 without them."""
    let_in(service, at_hub)
    async with service.api("good") as caller:
        reply = await caller.get("people/other")

    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert ("the Hub's words" in reply.text) is (at_hub < 500)


async def test_an_outage(service: Service) -> None:
    """If the Hub is down at that moment, the caller gets 503."""
    async with service.api("good") as caller:
        await caller.get("people/other")
        service.hub.outage = OUTAGES["down"]
        reply = await caller.get("people/other")

    assert (reply.status_code, reply.json()["code"]) == (503, "hub_unavailable")


async def test_from_a_websocket(service: Service) -> None:
    """It works on an open WebSocket too."""
    headers = {"Authorization": "Bearer good"}
    async with OpenConnection(service.app, "websocket", f"{PREFIX}ws", headers=headers) as socket:
        await socket.until(lambda: socket.said)

    assert '"path"' in socket.said


async def test_the_log_has_no_token(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the Hub answers, the token is not in our log."""
    with caplog.at_level(logging.DEBUG, logger="service"):
        for status in (200, 403, 500):
            let_in(service, status)
            async with service.api("good") as caller:
                await caller.get("people/other")

    assert "good" not in caplog.text


async def test_the_document_asks_for_one_sign_in(service: Service) -> None:
    """In the OpenAPI document such a route needs one sign-in, with the scopes of its guards."""
    async with service.api() as caller:
        paths = (await caller.get("openapi.json")).json()["paths"]

    assert paths["/people/{name}"]["get"]["security"] == [{"JupyterHub": []}, {"HubToken": []}]
    assert paths["/scoped"]["get"]["security"] == [{"JupyterHub": ["custom:x"]}, {"HubToken": []}]


@pytest.mark.parametrize(("token", "status"), [("good", 200), ("without", 403), ("unknown", 401)])
async def test_the_services_own_token(service: Service, token: str, status: int) -> None:
    """With HubAsService the Hub gets the service's own token, for callers who are let in, and for nobody else."""
    async with service.api(token) as caller:
        reply = await caller.get("everybody")
    asked = [request.url.path for request in service.hub.requests if request.url.path.endswith("/users")]

    assert reply.status_code == status
    assert len(asked) == (status == 200)
    assert status != 200 or reply.json() == {"is_the_services": True, "path": f"{service.hub.api_url.path}/users"}


async def test_what_the_service_may_not_do(service: Service) -> None:
    """A refusal of the Hub's to the service is 502: the caller can do nothing about it, and learns nothing of it."""
    let_in(service, 403)
    async with service.api("good") as caller:
        reply = await caller.get("everybody")

    assert (reply.status_code, reply.json()["code"]) == (502, "hub_refused_service")
    assert "the Hub's words" not in reply.text


async def test_a_cookie_that_the_hub_no_longer_knows(service: Service) -> None:
    """When the Hub refuses a call because a cookie's token is void, the remembered answer about that cookie ends."""
    browser = service.browser()
    service.keep(browser, "service-fastapi", service.sealed("cookie"))
    assert (await browser.client.get(f"{service.home}me")).status_code == 200
    service.hub.outage = lambda _: httpx.Response(403, json={"status": 403, "message": None})

    assert (await browser.client.get(f"{service.home}people/other")).status_code == 401
    service.keep(browser, "service-fastapi", service.sealed("cookie"))
    assert (await browser.client.get(f"{service.home}me")).status_code == 401
