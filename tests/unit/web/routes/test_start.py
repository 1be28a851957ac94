"""The start page, `/me` and `/debug`."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from service.testing import OUTAGES
from service.testing.callers import NAVIGATION
from tests.unit.conftest import API_TOKEN, HUB_HOST, PREFIX, SESSION_ID, Serve, Service

SERVICE: Mapping[str, Any] = {}


async def test_start_says_what_this_is(service: Service) -> None:
    """The start page tells an API client the name of the service, the caller and some links."""
    reply = await service.api(service.hub.issue("testuser")).get("")
    body = reply.json()

    assert (reply.status_code, body["service"], body["user"]) == (200, "FastAPI service", "testuser")
    assert body["links"] == {name: f"{PREFIX}{name}" for name in ("me", "docs", "openapi.json", "login", "logout")}


@pytest.mark.parametrize("kind", [{}, NAVIGATION], ids=["script", "browser"])
@pytest.mark.parametrize("outage", [None, "down"], ids=["Hub up", "Hub down"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic x"},
        {"Authorization": ""},
        {"Cookie": "service-fastapi={sealed}"},
        {"Cookie": "service-fastapi={sealed}", "Sec-Fetch-Mode": "cors"},
        {"Host": "["},
    ],
    ids=["nobody", "bad token", "Basic", "empty", "cookie", "cookie without XSRF token", "broken host"],
)
async def test_start_never_refuses(
    serve: Serve, headers: dict[str, str], outage: str | None, kind: dict[str, str]
) -> None:
    """With a bad token, a refused cookie or a failing Hub, the caller is unknown, but gets the start page."""
    service = await serve()
    service.hub.outage = OUTAGES[outage] if outage else None
    sent = {name: value.format(sealed=service.sealed("unknown")) for name, value in headers.items()}
    reply = await service.api(headers=kind | sent).get("")

    assert reply.status_code == 200
    if "Sec-Fetch-Mode" in sent or not kind:
        assert reply.json()["user"] is None
    else:
        assert "Sign in with JupyterHub" in reply.text


async def test_three_kinds_of_visitors(serve: Serve) -> None:
    """A stranger is shown the way in, a user their account, and an administrator of the Hub its own pages as well."""
    service = await serve()
    service.hub.add_user("admin", admin=True)
    stranger = (await service.browser().visit("")).text
    user = (await (await service.signed_in()).visit("")).text
    admin = (await (await service.signed_in("admin")).visit("")).text
    account, state, users = f'href="{PREFIX}me">Your account', f'href="{PREFIX}debug">State', 'href="/hub/admin">Users'

    assert [account in page for page in (stranger, user, admin)] == [False, True, True]
    assert [state in page for page in (stranger, user, admin)] == [False, False, True]
    assert [users in page for page in (stranger, user, admin)] == [False, False, True]
    assert ["Sign in with JupyterHub" in page for page in (stranger, user, admin)] == [True, False, False]
    assert "You are signed in as <strong>admin</strong>, an administrator of the Hub." in admin


async def test_the_scope_that_a_token_needs(service: Service) -> None:
    """The start page names the scope without which a token from the Hub's page cannot enter the service."""
    page = (await (await service.signed_in()).visit("")).text

    assert "<code>access:services!service=fastapi</code>" in page


KINDS: dict[str, dict[str, Any]] = {
    "a user's token with all rights": {"name": "testuser"},
    "an OAuth token, which says little": {"name": "testuser", "scopes": ["access:services!service=fastapi"]},
    "a user without any access scope's detail": {"name": "testuser", "scopes": ["access:services"]},
    "a user with running servers": {"name": "busy"},
    "a service": {"name": "reporter"},
}


@pytest.mark.parametrize("asked", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("kind", [{}, NAVIGATION], ids=["script", "browser"])
async def test_me_whoever_it_is(service: Service, asked: dict[str, Any], kind: dict[str, str]) -> None:
    """`/me` works for users and services, whatever the Hub says about them."""
    server = {"name": "", "ready": True, "pending": None, "state": {"pid": 1}, "url": "/user/busy/", "started": "now"}
    service.hub.add_user("busy", servers={"": server})
    service.hub.add_service("reporter", scopes=["access:services"])
    reply = await service.api(service.hub.issue(**asked), headers=kind).get("me")

    assert (reply.status_code, asked["name"] in reply.text) == (200, True)
    if not kind:
        assert reply.json()["kind"] == ("service" if asked["name"] == "reporter" else "user")
        assert {"name", "admin", "groups", "scopes"} <= set(reply.json())
        assert asked["name"] != "busy" or reply.json()["servers"][""] == server


async def test_me_is_the_hubs_model_without_what_names_the_credential(service: Service) -> None:
    """Everything that the Hub says is passed on, except for the ids of session and token."""
    token = service.hub.issue("testuser", session_id=SESSION_ID)
    said = await _hub_says(service, token)
    body = (await service.api(token).get("me")).json()

    assert {said.pop(name) for name in ("session_id", "token_id")} >= {SESSION_ID}
    assert {**body, "scopes": sorted(body["scopes"])} == {**said, "scopes": sorted(said["scopes"])}


async def _hub_says(service: Service, token: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as http:
        reply = await http.get(f"{service.settings.api_url}/user", headers={"Authorization": f"token {token}"})
    return dict(reply.json())


async def test_debug_is_for_hub_admins(service: Service) -> None:
    """Only administrators can see `/debug`."""
    service.hub.add_user("admin", admin=True)
    mine, admins = (service.api(service.hub.issue(name)) for name in ("testuser", "admin"))
    refused = await mine.get("debug")

    assert (refused.status_code, refused.json()["code"]) == (403, "admin_required")
    assert (await admins.get("debug")).status_code == 200
    assert (await service.api().get("debug")).status_code == 401


async def test_debug_is_an_allow_list(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """`/debug` has a fixed list of values: no environment, no internal address, no secret."""
    monkeypatch.setenv("SOMEBODYS_SECRET", "canary-environment")
    service.hub.add_user("admin", admin=True)
    token = service.hub.issue("admin")
    headers = {
        "Cookie": "session=canary-cookie",
        "X-Api-Key": "canary-key",
        "X-XSRFToken": "canary-xsrf",
        "X-Forwarded-For": "192.0.2.7",
        "Referer": "http://jupyter.example.org/x?token=canary-referer&a=1",
    }
    reply = await service.api(token, headers=headers).get("debug")
    shown = reply.json()["request_headers"]

    assert set(reply.json()) == {"configuration", "versions", "cache", "hub", "request_headers"}
    assert {name: shown[name] for name in ("cookie", "x-api-key", "x-xsrftoken", "authorization")} == dict.fromkeys(
        ("cookie", "x-api-key", "x-xsrftoken", "authorization"), "[secret]"
    )
    assert shown["x-forwarded-for"] == "192.0.2.7"
    assert shown["referer"] == "http://jupyter.example.org/x?token=[secret]&a=1"
    assert [text for text in ("canary", token, API_TOKEN, HUB_HOST) if text in reply.text] == []


async def test_debug_tells_how_things_are(serve: Serve) -> None:
    """An administrator sees the configuration, versions, cache statistics and the state of the Hub."""
    service = await serve(allow_token_in_url=True)
    service.hub.add_user("admin", admin=True)
    api = service.api(service.hub.issue("admin"))
    await api.get("me")
    inside = (await api.get("debug")).json()

    assert inside["configuration"]["allow_token_in_url"] is True
    assert inside["configuration"]["redirect_uri"] == f"{PREFIX}oauth_callback"
    assert (inside["cache"]["entries"], inside["cache"]["hits"], inside["cache"]["misses"]) == (1, 1, 1)
    assert inside["hub"] == {"version": "6.1.1", "problem": ""}
    assert {"service", "python", "fastapi"} <= set(inside["versions"])
