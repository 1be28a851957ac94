"""A Hub that cannot be asked, and one that does not want us: what callers see, and that it passes by itself."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import httpx
import pytest

from service.testing.callers import NAVIGATION
from tests.integration.conftest import BROKEN, MISTAKEN
from tests.support.gate import HubGate
from tests.support.hub import RealHub
from tests.support.local_http import local_client
from tests.support.polling import eventually

PAGE = "text/html; charset=utf-8"
MODEL = '{"kind": "user", "name": "testuser"}'
JSON = "application/json"

Outage = Callable[[HubGate], AbstractContextManager[None]]
OUTAGES: dict[str, Outage] = {
    "down": lambda gate: gate.down(),
    "slow": lambda gate: gate.slow(),
    "status 500": lambda gate: gate.answering(500, '{"status": 500, "message": "secret-of-the-hub"}', media_type=JSON),
    "HTML": lambda gate: gate.answering(200, "<h1>secret-of-the-hub</h1>"),
    "HTML, not found": lambda gate: gate.answering(404, "<h1>secret-of-the-hub</h1>"),
    "a firewall's 403": lambda gate: gate.answering(403, "<h1>secret-of-the-hub</h1>"),
    "a redirect": lambda gate: gate.answering(302, ""),
    "half a body": lambda gate: gate.answering(200, MODEL, media_type=JSON, missing=10),
    "half of the JSON": lambda gate: gate.answering(200, MODEL[:20], media_type=JSON),
    "JSON of another kind": lambda gate: gate.answering(200, "[]", media_type=JSON),
    "nobody": lambda gate: gate.answering(200, "{}", media_type=JSON),
}


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES.keys())
async def test_an_outage_is_never_a_refusal(varied_hub: RealHub, outage: Outage) -> None:
    """Strangers get 503, whoever was known goes on, what is open stays open; and it passes without a restart."""
    hub = varied_hub
    known, unknown = await hub.user_token("testuser"), await hub.user_token("other")
    (await hub.ask("GET", "me", token=known)).raise_for_status()

    with outage(hub.gate):
        told, shown, served, start, open_to_all = await asyncio.gather(
            hub.ask("GET", "me", token=unknown),
            hub.ask("GET", "me", token=unknown, headers=NAVIGATION),
            hub.ask("GET", "me", token=known),
            hub.ask("GET", "", token=unknown),
            hub.ask("GET", "health/live"),
        )

    problem = told.json()
    assert (told.status_code, told.headers["Content-Type"]) == (503, "application/problem+json")
    assert (problem["code"], problem["status"]) == ("hub_unavailable", 503)
    assert int(told.headers["Retry-After"]) > 0
    assert (shown.status_code, shown.headers["Content-Type"]) == (503, PAGE)
    assert (served.status_code, served.json()["name"]) == (200, "testuser")
    assert (start.status_code, start.json()["user"]) == (200, None)
    assert open_to_all.status_code == 200
    said = "".join(f"{reply.headers}{reply.text}" for reply in (told, shown, start, open_to_all))
    # A request's ID is random, and sometimes has the five digits of the port among its own.
    assert not re.findall(rf"secret-of-the-hub|\b{hub.gate.port}\b|hub/api/user", said)

    await hub.until_served(unknown)


async def test_grace_ends_with_a_no(varied_hub: RealHub) -> None:
    """A caller whom the Hub has refused is not served from memory when the Hub goes down afterwards."""
    token = await varied_hub.user_token("testuser")
    (await varied_hub.ask("GET", "me", token=token)).raise_for_status()
    await varied_hub.revoke(token)
    assert (await varied_hub.ask("GET", "me", token=token)).status_code == 401

    with varied_hub.gate.down():
        reply = await varied_hub.ask("GET", "me", token=token)
    await varied_hub.until_served(await varied_hub.user_token("other"))  # for the tests that come after

    assert reply.status_code in (401, 503)


async def test_signing_in_waits_for_the_hub(varied_hub: RealHub) -> None:
    """A sign-in that comes back while the Hub is down is not lost: the same address works once it is back."""
    async with varied_hub.session("testuser") as browser:
        begun = await browser.visit(f"{varied_hub.service_url}me", follow=False)
        back = await browser.visit(begun.headers["Location"], follow=False)
        with varied_hub.gate.down():
            failed = await browser.visit(back.headers["Location"], follow=False)
        assert (failed.status_code, failed.headers["Content-Type"]) == (503, PAGE)

        async def signed_in_at() -> str:
            reply = await browser.visit(back.headers["Location"])
            return str(reply.url) if reply.status_code == 200 else ""

        assert await eventually(signed_in_at) == f"{varied_hub.service_url}me"


async def test_token_endpoint_says_come_back(hub: RealHub) -> None:
    """A password asked for while the Hub is down is neither right nor wrong."""
    form = {"grant_type": "password", "username": "other", "password": "passwd"}
    with hub.gate.down():
        reply = await hub.ask("POST", "token", data=form)
    await hub.until_served(await hub.user_token("other"))  # for the tests that come after

    assert (reply.status_code, reply.json()["error"]) == (503, "temporarily_unavailable")
    assert int(reply.headers["Retry-After"]) > 0


async def test_readiness(varied_hub: RealHub) -> None:
    """`/health/ready` turns red with the Hub, says why, and turns green again; `/health/live` does not care."""

    async def health() -> tuple[int, str]:
        reply = await varied_hub.ask("GET", "health/ready")
        return reply.status_code, reply.json()["problem"] or ""

    async def is_green() -> bool:
        return await health() == (200, "")

    async def is_red() -> str:
        status, problem = await health()
        return problem if status == 503 else ""

    assert await eventually(is_green)
    with varied_hub.gate.down():
        problem = await eventually(is_red)
        assert (await varied_hub.ask("GET", "health/live")).json() == {"status": "alive"}
    assert problem.startswith("The Hub cannot be asked: ")
    assert "JUPYTERHUB_API_URL" in problem
    assert str(varied_hub.gate.port) not in problem
    assert await eventually(is_green)


async def test_a_service_that_the_hub_refuses(varied_hub: RealHub) -> None:
    """With a token that the Hub does not know, sign-ins end in 502, and page, probe and log say whose fault it is."""
    home = varied_hub.service_at(MISTAKEN)
    async with varied_hub.session("testuser") as browser:
        page = await browser.visit(f"{home}me")
        assert (page.status_code, page.headers["Content-Type"]) == (502, PAGE)
        assert urlsplit(str(page.url)).path.endswith(f"/services/{MISTAKEN}/oauth_callback")
        assert "hub_refused_service" in page.text
        assert "Sign in with JupyterHub" not in page.text, "it would not help"
        assert f"service-{MISTAKEN}" not in {name for name, _ in browser.cookies()}

        form = {"grant_type": "authorization_code", "code": "any", "code_verifier": "v" * 43}
        told = await browser.fetch("POST", f"{home}token", data=form)
        assert (told.status_code, told.json()["error"]) == (502, "server_error")

    ready = await varied_hub.ask("GET", "health/ready", service=MISTAKEN)
    assert ready.status_code == 503
    assert "JUPYTERHUB_API_TOKEN" in ready.json()["problem"]
    assert "The Hub refuses this service: the Hub does not accept our client id and API token" in varied_hub.log_text()
    # Whoever brings a token of their own needs none of ours.
    token = await varied_hub.user_token("testuser")
    assert (await varied_hub.ask("GET", "me", token=token, service=MISTAKEN)).status_code == 200


async def test_the_hub_is_not_asked_about_nobody(hub: RealHub) -> None:
    """A request without a credential, or with one that cannot be a token, never calls the Hub."""
    strange: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer \x7f"},
        {"Cookie": "service-fastapi=x"},
    )
    with hub.gate.recording() as asked:
        for headers in strange:
            for where in (
                "",
                "me",
                "debug",
                "docs",
                "openapi.json",
                "login",
                "logout",
                "oauth_callback",
                "health/live",
                "x",
            ):
                for kind in ({}, NAVIGATION):
                    await hub.ask("GET", where, headers=headers | kind)
            for where in ("token", "logout", "me"):
                await hub.ask("POST", where, headers=headers)

    assert asked == []


async def test_many_who_come_at_once_ask_once(hub: RealHub) -> None:
    """200 requests with a token that nobody has asked about yet are one question to the Hub."""
    token = await hub.user_token("testuser")
    limits = httpx.Limits(max_connections=200)
    async with local_client(limits=limits, headers=token.bearer) as client:
        with hub.gate.recording() as asked:
            replies = await asyncio.gather(*(client.get(f"{hub.service_url}me") for _ in range(200)))

    assert {reply.status_code for reply in replies} == {200}
    assert len(asked) == 1


async def test_a_service_that_cannot_start(varied_hub: RealHub) -> None:
    """A Hub starts with a service whose router is missing. That service answers 503; the Hub's log says why."""
    page = await varied_hub.ask("GET", "", service=BROKEN, headers=NAVIGATION)
    client = await varied_hub.ask("POST", "me", service=BROKEN, content="x" * 100_000)
    log = varied_hub.log.read_text()

    assert (page.status_code, "This service is not available" in page.text) == (503, True)
    assert (client.status_code, client.json()["code"]) == (503, "service_misconfigured")
    assert "SERVICE_ROUTERS: 'nowhere.api:router' cannot be imported: No module named 'nowhere'" in log
    assert "Until this is corrected, the service answers 503 to everybody." in log
    assert "nowhere" not in page.text + client.text
