"""An attacker's list: credentials that are good somewhere or for somebody, used elsewhere, later or by another."""

import secrets
from itertools import cycle, islice

import anyio
import pytest

from tests.conftest import MakeHub
from tests.integration.conftest import MIGHTY, PUBLIC
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.polling import eventually

COOKIE = "service-fastapi"
MANY = 200  # requests at once


async def cookies_of(hub: RealHub, user: str, service: str = "fastapi") -> dict[str, str]:
    """Sign somebody in to a service in a browser, and return the cookies that it is sent, by name."""
    home = hub.service_at(service)
    async with hub.session(user) as browser:
        (await browser.visit(f"{home}me")).raise_for_status()
        return {name: value for (name, path), value in browser.cookies().items() if "/hub" not in path}


def sent(cookies: dict[str, str], **changed: str) -> dict[str, str]:
    """Return the headers of a script that sends these cookies, some of them changed."""
    held = cookies | changed
    return {
        "Cookie": "; ".join(f"{name}={value}" for name, value in held.items()),
        "X-XSRFToken": held["_xsrf"],
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "same-origin",
    }


# Another service of the same Hub


async def test_token_of_another_service(varied_hub: RealHub) -> None:
    """A token that a person gave to service A, used by A at service B → 403, and B does not even say whose it is."""
    token = await varied_hub.user_token("testuser", scopes=[f"access:services!service={MIGHTY}"])

    at_home = await varied_hub.ask("GET", "me", token=token, service=MIGHTY)
    refused = [await varied_hub.ask("GET", "me", token=token, service=name) for name in ("fastapi", PUBLIC)]

    assert (at_home.status_code, at_home.json()["name"]) == (200, "testuser")
    assert [(reply.status_code, reply.json()["code"]) for reply in refused] == [(403, "insufficient_scope")] * 2
    assert "testuser" not in "".join(reply.text for reply in refused)


async def test_cookie_of_another_service(varied_hub: RealHub) -> None:
    """A cookie that service A sealed, renamed for service B → nobody: each seals with a key of its own."""
    cookies = await cookies_of(varied_hub, "testuser", MIGHTY)
    as_ours = {COOKIE: cookies[f"service-{MIGHTY}"]}

    reply = await varied_hub.ask("GET", "me", headers=sent(cookies, **as_ours))

    assert (reply.status_code, reply.json()["code"]) == (401, "not_signed_in")


async def test_xsrf_token_of_another(varied_hub: RealHub) -> None:
    """The XSRF token of another service, of another person, or of an earlier sign-in → 403."""
    mine = await cookies_of(varied_hub, "testuser")
    others = [
        await cookies_of(varied_hub, "testuser", MIGHTY),
        await cookies_of(varied_hub, "other"),
        await cookies_of(varied_hub, "testuser"),
    ]

    assert (await varied_hub.ask("GET", "me", headers=sent(mine))).status_code == 200
    for theirs in others:
        reply = await varied_hub.ask("GET", "me", headers=sent(mine, _xsrf=theirs["_xsrf"]))
        assert (reply.status_code, reply.json()["code"]) == (403, "xsrf")


async def test_session_of_another(hub: RealHub) -> None:
    """A stolen cookie in the thief's own session at the Hub → nobody; what is remembered of it serves no other."""
    mine, theirs = await cookies_of(hub, "testuser"), await cookies_of(hub, "other")
    session = {"jupyterhub-session-id": theirs["jupyterhub-session-id"]}

    for cookies in (sent(mine, **session), sent(theirs | session, **{COOKIE: mine[COOKIE], "_xsrf": mine["_xsrf"]})):
        reply = await hub.ask("GET", "me", headers=cookies)
        assert (reply.status_code, reply.json()["code"]) == (401, "not_signed_in")
    for cookies, name in ((mine, "testuser"), (theirs, "other")):
        assert (await hub.ask("GET", "me", headers=sent(cookies))).json()["name"] == name


# Rights that are gone


async def test_a_token_whose_owner_lost_access(make_hub: MakeHub) -> None:
    """A token kept for after its owner has left the group that is let in → refused once the answer's time is over."""
    hub = make_hub(register={"grant": ["staff"], "environment": {"HUB_CACHE_TTL": "0.5", "HUB_STALE_GRACE": "0"}})
    (await hub.api("POST", "/groups/staff/users", json={"users": ["testuser"]})).raise_for_status()
    token = await hub.user_token("testuser")
    cookies = await cookies_of(hub, "testuser")
    before = await hub.ask("GET", "me", token=token)

    (await hub.api("DELETE", "/groups/staff/users", json={"users": ["testuser"]})).raise_for_status()

    async def is_refused() -> bool:
        replies = [await hub.ask("GET", "me", token=token), await hub.ask("GET", "me", headers=sent(cookies))]
        return [(reply.status_code, reply.json().get("code")) for reply in replies] == [(403, "insufficient_scope")] * 2

    assert before.status_code == 200
    assert await eventually(is_refused)


# Many at once


async def test_everyone_is_who_they_are(hub: RealHub) -> None:
    """Hundreds of requests of several callers at once, by token and by cookie → each is told their own name."""
    tokens = {user: await hub.user_token(user) for user in ("testuser", "other", "admin")}
    callers: list[tuple[dict[str, str], str]] = [(token.bearer, user) for user, token in tokens.items()]
    callers += [(sent(await cookies_of(hub, user)), user) for user in ("testuser", "other")]
    callers += [(hub.service_token("reporter").bearer, "reporter"), (Token(secrets.token_hex(16)).bearer, "")]
    told: list[tuple[str, str]] = []

    async def ask(headers: dict[str, str], expected: str) -> None:
        reply = await hub.ask("GET", "me", headers=headers)
        told.append((expected, reply.json().get("name", "")))

    async with anyio.create_task_group() as group:
        for headers, expected in islice(cycle(callers), MANY):
            group.start_soon(ask, headers, expected)

    assert len(told) == MANY
    assert {(expected, name) for expected, name in told if expected != name} == set()


@pytest.mark.parametrize("count", [1, 2, 6])
async def test_cookies_of_the_same_name(hub: RealHub, count: int) -> None:
    """Cookies of our name with somebody else's content, before and behind one's own → none counts."""
    mine, theirs = await cookies_of(hub, "testuser"), await cookies_of(hub, "other")
    planted = "; ".join([f"{COOKIE}={theirs[COOKIE]}"] * count)
    own = sent(mine)["Cookie"]
    for cookies in (f"{planted}; {own}", f"{own}; {planted}"):
        reply = await hub.ask("GET", "me", headers=sent(mine) | {"Cookie": cookies})
        assert (reply.status_code, reply.json()["code"]) == (400, "cookie_conflict")
