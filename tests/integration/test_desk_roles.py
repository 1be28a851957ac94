"""Roles on a real Hub with several workers: giving and removing them, and what that means for people signed in."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from time import monotonic
from typing import Any

import httpx
import pytest

from service.apps.desk.domain.policy import Role, group_of
from service.apps.desk.manifest import SERVICE_SCOPES
from tests.conftest import MakeHub
from tests.integration.test_workers import workers_of
from tests.support.front import Front
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.local_http import local_client
from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.ports import free_ports
from tests.support.process import signal_all

WORKERS = 3
PATH = "/services/fastapi/"
OWN_TOKEN = "0123456789abcdef" * 4
USERS = ["support", "manager", "admin", "eve", "mallory"]
TEAM = {group_of(role): {"users": [role.value]} for role in Role}
CONFIG = f"c.JupyterHub.load_groups = {TEAM!r}\nc.JupyterHub.load_groups['others'] = {{'users': []}}"
# What the Hub makes of the scopes that are written out: with `groups` comes reading, with `read:tokens` nothing.
IMPLIED = ("groups", "list:groups", "read:groups", "read:groups:name")


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """A relay between the Hub's proxy and the workers, which sends each request on a new connection."""
    port, behind = free_ports(2)
    front = Front(port=port, ports=[behind])
    yield front
    front.close()


@pytest.fixture(scope="module")
def hub(make_shared_hub: MakeHub, front: Front) -> RealHub:
    """A Hub whose desk has several workers."""
    address = f"JUPYTERHUB_SERVICE_URL=http://127.0.0.1:{front.ports[0]}"
    register = {
        "url": front.url,
        "command": ["env", address, sys.executable, "-P", "-m", "service"],
        "apps": ["desk"],
        "api_token": OWN_TOKEN,
        "password_grant": True,
        "environment": {"SERVICE_STATE": "state", "SERVICE_WORKERS": str(WORKERS)},
    }
    return make_shared_hub(users=USERS, admins=(), config=CONFIG, register=register, gated=True)


class Desk:
    """The desk, as its administrator uses it."""

    def __init__(self, hub: RealHub, admin: Token) -> None:
        self.hub, self.admin = hub, admin
        self.database = hub.directory / "state" / "desk.sqlite"

    async def ask(self, method: str, path: str, *, by: Token | None = None, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Ask as a script does."""
        return await self.hub.ask(method, f"desk/{path}", token=by or self.admin, **options)

    async def give(self, name: str, role: Role | None, *, by: Token | None = None) -> httpx.Response:
        """Give a role, or take it."""
        return await self.ask("PUT", f"accounts/{name}/role", json={"role": role}, by=by)

    async def change(self, name: str, *, by: Token | None = None, **fields: Any) -> httpx.Response:  # noqa: ANN401
        """Change an account as it is now."""
        tag = (await self.ask("GET", f"accounts/{name}")).raise_for_status().headers["ETag"]
        return await self.ask("PATCH", f"accounts/{name}", json=fields, headers={"If-Match": tag}, by=by)

    async def delete(self, name: str, *, by: Token | None = None) -> httpx.Response:
        """Delete an account as it is now."""
        tag = (await self.ask("GET", f"accounts/{name}")).raise_for_status().headers["ETag"]
        return await self.ask("DELETE", f"accounts/{name}", headers={"If-Match": tag}, by=by)

    async def roles(self, name: str) -> set[str]:
        """Return the desk's groups that the Hub has somebody in."""
        model = (await self.hub.api("GET", f"/users/{name}")).raise_for_status().json()
        return {group for group in model["groups"] if group.startswith("desk-")}


@pytest.fixture
async def desk(hub: RealHub) -> Desk:
    """The desk with nobody but its administrator, the support and a manager, as at the beginning."""
    await hub.api("POST", "/users", json={"usernames": USERS})
    for role in Role:
        path = f"/groups/{group_of(role)}/users"
        (await hub.api("DELETE", path, json={"users": USERS})).raise_for_status()
        (await hub.api("POST", path, json={"users": [role]})).raise_for_status()
    desk = Desk(hub, await hub.user_token("admin"))
    with closing(sqlite3.connect(desk.database, timeout=10)) as connection, connection:
        connection.execute("DELETE FROM accounts")
    tokens = [await hub.user_token(name) for name in Role]

    for token in tokens:
        (await desk.ask("GET", "accounts/me", by=token)).raise_for_status()
    return desk


def said(reply: httpx.Response) -> tuple[int, str]:
    """Return what a refusal says."""
    return reply.status_code, reply.json().get("code", "")


# What the service may


async def test_the_hub_gives_the_service_what_is_written_out(hub: RealHub) -> None:
    """The service may read tokens and its own entry, see and change three groups; the Hub adds what these imply."""
    model = (await hub.api("GET", "/user", token=Token(OWN_TOKEN))).raise_for_status().json()

    implied = {f"{scope}!group={group_of(role)}" for scope in IMPLIED for role in Role}
    own = {f"{scope}!service=fastapi" for scope in ("read:services", "read:services:name")}
    assert set(model["scopes"]) == {"read:tokens", *implied, *own}
    assert set(SERVICE_SCOPES) <= set(model["scopes"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/groups/others", None),
        ("POST", "/groups/others/users", {"users": ["mallory"]}),
        ("DELETE", "/groups/others/users", {"users": ["mallory"]}),
        ("POST", "/groups/new", {}),
        ("DELETE", "/groups/desk-support", None),
        ("GET", "/users/admin", None),
        ("POST", "/users/new", None),
        ("DELETE", "/users/mallory", None),
        ("POST", "/users/admin/tokens", {}),
        ("POST", "/users/mallory/server", None),
    ],
)
async def test_the_service_may_touch_nothing_else(hub: RealHub, method: str, path: str, body: Any) -> None:  # noqa: ANN401
    """With the service's token no other group, no user and no server can be changed, and no token made."""
    reply = await hub.api(method, path, token=Token(OWN_TOKEN), json=body)

    assert reply.status_code in {403, 404}


# Given and taken


async def test_a_role_moves_between_the_groups_of_the_hub(desk: Desk) -> None:
    """After a change the person is in the group of the new role and no other, and the desk shows it."""
    for role in (Role.MANAGER, Role.ADMIN, None, Role.SUPPORT):
        reply = await desk.give("support", role)

        assert (reply.status_code, reply.json()["role"]) == (200, role)
        assert await desk.roles("support") == ({group_of(role)} if role else set())


async def test_of_two_roles_the_larger_counts_and_a_change_leaves_one(desk: Desk) -> None:
    """A person in two groups has the larger role. A change at the desk leaves one group."""
    (await desk.hub.api("POST", "/groups/desk-manager/users", json={"users": ["support"]})).raise_for_status()

    assert (await desk.ask("GET", "accounts/support")).json()["role"] == "manager"
    assert (await desk.give("support", Role.SUPPORT)).status_code == 200
    assert await desk.roles("support") == {"desk-support"}


async def test_a_user_whom_the_hub_does_not_have(desk: Desk) -> None:
    """An account for a user whom the Hub does not have is refused, and the answer says what to do."""
    new = {"name": "nobody", "first_name": "No", "last_name": "Body", "role": "support"}
    reply = await desk.ask("POST", "accounts", json=new)

    assert said(reply) == (409, "hub_user_missing")
    assert "admin page" in reply.json()["detail"]
    assert (await desk.ask("GET", "accounts/nobody")).status_code == 404


async def test_deleting_an_account_leaves_the_user(desk: Desk) -> None:
    """Deleting an account removes the role at once. The user of the Hub stays."""
    theirs = await desk.hub.user_token("manager")
    for _ in range(2 * WORKERS):
        assert (await desk.ask("GET", "accounts", by=theirs)).status_code == 200
    assert (await desk.delete("manager")).status_code == 204
    assert (await desk.ask("GET", "accounts/manager")).status_code == 404

    for _ in range(2 * WORKERS):
        assert said(await desk.ask("GET", "accounts", by=theirs)) == (403, "insufficient_scope")
    # Nor do they have anything of it when the account is made again, whatever a worker remembers.
    new = {"name": "manager", "first_name": "Man", "last_name": "Ager"}
    assert (await desk.ask("POST", "accounts", json=new)).status_code == 201
    for _ in range(2 * WORKERS):
        assert said(await desk.ask("GET", "accounts", by=theirs)) == (403, "insufficient_scope")
    assert await desk.roles("manager") == set()
    assert (await desk.hub.ask("GET", "me", token=theirs)).json()["name"] == "manager"


async def test_more_rights_reach_a_token_that_inherits_at_once(desk: Desk) -> None:
    """A token with all its owner's rights gets new ones as soon as the owner has them, on every worker."""
    theirs = await desk.hub.user_token("support")
    for _ in range(2 * WORKERS):
        assert (await desk.ask("GET", "accounts", by=theirs)).status_code == 403
    assert (await desk.give("support", Role.MANAGER)).status_code == 200

    for _ in range(3 * WORKERS):
        assert (await desk.ask("GET", "accounts", by=theirs)).status_code == 200


async def test_more_rights_reach_a_browser_by_way_of_the_hub(desk: Desk) -> None:
    """An older session is sent through the Hub once, without a question, and ends on the page it asked for."""
    async with desk.hub.session("support") as browser:
        page = await browser.visit(f"{PATH}desk/ui/accounts")
        assert page.status_code == 403
        assert (await desk.give("support", Role.MANAGER)).status_code == 200

        pages = []

        async def is_led_there() -> bool:
            # Until a second after a change, machines whose clocks differ are allowed for.
            pages.append(await browser.visit(f"{PATH}desk/ui/accounts"))
            return bool(pages[-1].history)

        await eventually(is_led_there)
        assert (pages[-1].status_code, pages[-1].url.path) == (200, f"{PATH}desk/ui/accounts")
        assert any("/hub/api/oauth2/authorize" in str(step.url) for step in pages[-1].history)


async def test_a_notebook_is_told_to_start_again(desk: Desk) -> None:
    """A notebook's token keeps the rights of its server's start. The answer says what is missing, and what helps."""
    async with desk.hub.notebook("support") as notebook:
        code = (
            "import json, os, urllib.request, urllib.error\n"
            f"url = {desk.hub.service_url!r} + 'desk/accounts'\n"
            "token = os.environ['JUPYTERHUB_API_TOKEN']\n"
            "request = urllib.request.Request(url, headers={'Authorization': f'Bearer {token}'})\n"
            "try:\n    print(urllib.request.urlopen(request).status)\n"
            "except urllib.error.HTTPError as error:\n    print(error.code, json.loads(error.read())['detail'])\n"
        )
        before = await notebook.run(code)
        assert (await desk.give("support", Role.MANAGER)).status_code == 200
        after = await notebook.run(code)

    assert before.startswith("403 This token lacks the scope custom:desk:accounts:read.")
    assert after.startswith("403 Your groups at the Hub allow this, but this token does not carry")
    assert "in a notebook stop its server and start it again" in after


async def test_fewer_rights_hold_under_load_on_every_worker(desk: Desk, front: Front) -> None:
    """After a demotion was acknowledged, none of the person's requests succeeds, of hundreds on all workers."""
    theirs = await desk.hub.user_token("manager")
    url = f"http://127.0.0.1:{front.ports[0]}{PATH}desk/tickets"
    answered: list[tuple[float, int]] = []  # when it was sent, and its status
    is_over = asyncio.Event()
    await front.until_each_says(200, lambda: desk.ask("GET", "tickets", by=theirs), of=WORKERS)

    async def ask_on(client: httpx.AsyncClient) -> None:
        while not is_over.is_set():
            sent = monotonic()
            # On a connection of its own, so that any worker may take it.
            reply = await client.get(url, headers=theirs.bearer | {"Connection": "close"})
            answered.append((sent, reply.status_code))

    async with local_client() as client, asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(ask_on(client))
        for _ in range(2):
            await eventually(partial(_reached, answered, 100))
            assert (await desk.give("manager", None)).status_code == 200
            demoted = monotonic()
            await eventually(partial(_reached, answered, len(answered) + 400))
            late = [status for sent, status in answered if sent > demoted]
            assert (set(late), len(late) > 300) == ({403}, True)
            assert (await desk.give("manager", Role.MANAGER)).status_code == 200
            await eventually(partial(_is_let_in, answered, monotonic()))
            answered.clear()
        is_over.set()


async def _reached(answered: list[tuple[float, int]], goal: int) -> bool:
    return len(answered) >= goal


async def _is_let_in(answered: list[tuple[float, int]], since: float) -> bool:
    return any(status == 200 for sent, status in answered if sent > since)


async def test_fewer_rights_have_no_grace(desk: Desk, front: Front) -> None:
    """After a demotion no worker serves an older answer, even if the Hub is down."""
    theirs = await desk.hub.user_token("manager")
    for _ in range(3 * WORKERS):
        assert (await desk.ask("GET", "accounts", by=theirs)).status_code == 200
    assert (await desk.give("manager", None)).status_code == 200
    with desk.hub.gate.down():
        replies = [await desk.ask("GET", "accounts", by=theirs) for _ in range(3 * WORKERS)]
    await until_all_know_that_it_is_back(desk, front)

    assert {said(reply) for reply in replies} <= {(503, "hub_unavailable"), (403, "insufficient_scope")}


async def until_all_know_that_it_is_back(desk: Desk, front: Front) -> None:
    """Wait until each worker asks the Hub again. Each remembers for a second that it was down."""
    somebody = await desk.hub.user_token("support")
    await front.until_each_says(200, lambda: desk.hub.ask("GET", "me", token=somebody), of=WORKERS)


# Cut off


async def test_killed_in_the_middle(desk: Desk, front: Front) -> None:
    """When every worker is killed during a demotion, nobody keeps what they had, and the next change tells of it."""
    theirs = await desk.hub.user_token("manager")
    for _ in range(2 * WORKERS):
        assert (await desk.ask("GET", "accounts", by=theirs)).status_code == 200
    with desk.hub.gate.slow("DELETE"):  # they are in the new group, and not yet out of the old one
        change = asyncio.create_task(desk.give("manager", Role.SUPPORT))
        await eventually(partial(_has, desk, "manager", {"desk-support", "desk-manager"}))
        signal_all(workers_of(desk.hub))
        assert (await change).status_code >= 500

    await eventually(partial(_has, desk, "manager", {"desk-support"}))  # the Hub has gone on with what it was asked
    await front.until_each_says(403, lambda: desk.ask("GET", "accounts", by=theirs), of=WORKERS)
    assert said(await desk.ask("GET", "accounts", by=theirs)) == (403, "insufficient_scope")
    assert said(await desk.give("manager", None)) == (409, "change_under_way")
    with closing(sqlite3.connect(desk.database, timeout=10)) as connection, connection:
        connection.execute("UPDATE leases SET until = '2026-01-01 00:00:00.000000'")
    assert (await desk.give("manager", None)).status_code == 200

    entries = (await desk.ask("GET", "audit", params={"thing": "account/manager"})).json()["items"][:2]
    assert [(entry["what"], entry["before"], entry["after"]) for entry in entries] == [
        ("account.role_changed", {"role": "support"}, {"role": None}),
        ("account.role_change_cut_off", {"role": "manager"}, {"role": "support"}),
    ]


async def _has(desk: Desk, name: str, groups: set[str]) -> bool:
    return await desk.roles(name) == groups


# The last administrator


@pytest.mark.parametrize("way", ["demote", "disabled", "login_denied", "delete"])
async def test_the_last_admin_stays(desk: Desk, way: str) -> None:
    """The last active administrator cannot be removed."""
    reply = await _remove(desk, "admin", way)

    assert said(reply) == (409, "last_admin")
    assert (await desk.ask("GET", "audit")).status_code == 200


@pytest.mark.parametrize("ways", [("demote", "demote"), ("demote", "disabled"), ("delete", "login_denied")], ids=str)
async def test_two_admins_at_the_same_moment(desk: Desk, ways: tuple[str, str]) -> None:
    """If two administrators remove each other at the same moment, one stays."""
    assert (await desk.ask("GET", "accounts/me", by=await desk.hub.user_token("manager"))).status_code == 200
    assert (await desk.give("manager", Role.ADMIN)).status_code == 200
    other = await desk.hub.user_token("manager")
    replies = await asyncio.gather(_remove(desk, "manager", ways[0]), _remove(desk, "admin", ways[1], by=other))

    assert sorted(reply.status_code // 100 for reply in replies) == [2, 4]
    audit = [await desk.ask("GET", "audit", by=by) for by in (desk.admin, other)]
    assert 200 in {reply.status_code for reply in audit}


async def _remove(desk: Desk, name: str, way: str, *, by: Token | None = None) -> httpx.Response:
    if way == "demote":
        return await desk.give(name, Role.SUPPORT, by=by)
    if way == "delete":
        return await desk.delete(name, by=by)
    return await desk.change(name, by=by, **{way: True})


# Who may not sign in


async def made_with_a_password(hub: RealHub, name: str) -> Token:
    """Make a token as the Hub's own API gives it to who knows a password; no service has a part in it."""
    body = {"auth": {"username": name, "password": "passwd"}, "note": "my own"}
    async with local_client() as client:
        reply = (await client.post(f"{hub.api_url}/users/{name}/tokens", json=body)).raise_for_status().json()
    return Token(reply["token"], reply["id"], name)


async def test_no_way_round_login_denied(desk: Desk) -> None:
    """A person with `login_denied` keeps older sessions and tokens, and no new ones work, wherever they come from."""
    hub = desk.hub
    before = await made_with_a_password(hub, "manager")
    async with hub.session("manager") as browser, hub.session("manager") as another:
        assert (await browser.visit(f"{PATH}desk/ui/tickets")).status_code == 200
        assert (await desk.change("manager", login_denied=True)).status_code == 200

        for _ in range(2 * WORKERS):
            assert (await desk.ask("GET", "tickets", by=before)).status_code == 200
        assert (await browser.visit(f"{PATH}desk/ui/tickets")).status_code == 200
        # Nothing new through the service …
        page = await another.visit(f"{PATH}desk/ui/tickets")
        assert (page.status_code, "login_denied" in page.text) == (403, True)
        assert another.cookie("service-fastapi") is None
        form = {"grant_type": "password", "username": "manager", "password": "passwd"}
        refused = await hub.ask("POST", "token", data=form)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        # … nor from the Hub itself: by its token page's API, by password, or with the number of a token from before.
        after = await made_with_a_password(hub, "manager")
        assert said(await desk.ask("GET", "tickets", by=after)) == (403, "login_denied")
        assert said(await hub.ask("GET", "debug", token=after)) == (403, "login_denied")
        await hub.revoke(after)
        await hub.revoke(before)
        again = await made_with_a_password(hub, "manager")
        for _ in range(2 * WORKERS):
            assert said(await desk.ask("GET", "tickets", by=again)) == (403, "login_denied")
        assert (await hub.ask("GET", "me", token=again)).status_code == 200
        # Lifted, all of it is as before.
        assert (await desk.change("manager", login_denied=False)).status_code == 200
        assert (await desk.ask("GET", "tickets", by=again)).status_code == 200


async def test_while_the_hub_cannot_say_how_old_a_token_is(desk: Desk, front: Front) -> None:
    """Meanwhile people with `login_denied` get 503 with `Retry-After`."""
    theirs = await desk.hub.user_token("manager")
    assert (await desk.change("manager", login_denied=True)).status_code == 200
    assert (await desk.ask("GET", "tickets", by=await desk.hub.user_token("support"))).status_code == 200
    for _ in range(3 * WORKERS):
        assert (await desk.ask("GET", "tickets", by=theirs)).status_code == 200
    with desk.hub.gate.down():
        replies = [await desk.ask("GET", "tickets", by=theirs) for _ in range(2 * WORKERS)]
    await until_all_know_that_it_is_back(desk, front)

    assert {said(reply) for reply in replies} == {(503, "hub_unavailable")}
    assert all("Retry-After" in reply.headers for reply in replies)


async def test_who_is_disabled_signs_in_and_is_told(desk: Desk) -> None:
    """A disabled person can sign in, and every page but their own says that they are disabled."""
    assert (await desk.change("manager", disabled=True)).status_code == 200
    async with desk.hub.session("manager") as browser:
        page = await browser.visit(f"{PATH}desk/ui/tickets")
        assert (page.status_code, "account_disabled" in page.text) == (403, True)
        assert "manager" in (await browser.visit(f"{PATH}me")).text


# The first administrator


def bootstrap(hub: RealHub, name: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as an operator does, with what the service is told."""
    told: Mapping[str, str] = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "JUPYTERHUB_API_TOKEN": OWN_TOKEN,
        "JUPYTERHUB_API_URL": hub.api_url,
        "SERVICE_STATE": str(hub.directory / "state"),
    } | environment
    command = [sys.executable, "-P", "-m", "service", "desk", "bootstrap", name]
    return subprocess.run(command, env=told, cwd=hub.directory, capture_output=True, text=True, check=False)


async def test_bootstrap_makes_the_first_admin(desk: Desk) -> None:
    """The command makes an administrator if there is none. Otherwise it says so and does nothing."""
    refused = await asyncio.to_thread(bootstrap, desk.hub, "eve")
    assert (refused.returncode, "has an active administrator" in refused.stderr) == (1, True)
    assert await desk.roles("eve") == set()
    (await desk.hub.api("DELETE", "/groups/desk-admin/users", json={"users": ["admin"]})).raise_for_status()
    made = await asyncio.to_thread(bootstrap, desk.hub, "eve")

    assert (made.returncode, made.stdout, made.stderr) == (0, "eve is an administrator of the support desk.\n", "")
    entry = (await desk.ask("GET", "audit", by=await desk.hub.user_token("eve"))).raise_for_status().json()["items"][0]
    assert (entry["who"], entry["what"], entry["after"]) == ("bootstrap", "account.role_changed", {"role": "admin"})


@pytest.mark.parametrize(
    ("environment", "status", "words"),
    [
        ({"JUPYTERHUB_API_TOKEN": ""}, 2, "JUPYTERHUB_API_TOKEN is not set"),
        ({"JUPYTERHUB_API_TOKEN": "f" * 64}, 1, "Check JUPYTERHUB_API_TOKEN"),
        ({"JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api"}, 1, "Check that it runs, and JUPYTERHUB_API_URL"),
        ({"DATABASE_URL": "mysql://x"}, 2, "DATABASE_URL"),
    ],
    ids=["no token", "wrong token", "no Hub", "wrong database"],
)
async def test_bootstrap_says_what_is_missing(
    hub: RealHub, environment: dict[str, str], status: int, words: str
) -> None:
    """The command says in a sentence what is wrong, without a traceback."""
    done = await asyncio.to_thread(bootstrap, hub, "eve", **environment)

    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


async def test_bootstrap_for_nobody(desk: Desk) -> None:
    """The command refuses a name that the Hub does not have."""
    (await desk.hub.api("DELETE", "/groups/desk-admin/users", json={"users": ["admin"]})).raise_for_status()
    done = await asyncio.to_thread(bootstrap, desk.hub, "nobody")

    assert (done.returncode, "The Hub has no user of exactly this name" in done.stderr) == (1, True)


# Where groups are the authenticator's


async def test_groups_that_the_authenticator_manages(make_hub: MakeHub) -> None:
    """If the authenticator manages groups, roles cannot be changed here, and the answer says why."""
    config = (
        "from jupyterhub.auth import DummyAuthenticator\n"
        "class Managing(DummyAuthenticator):\n"
        "    async def authenticate(self, handler, data):\n"
        "        name = await super().authenticate(handler, data)\n"
        "        return name and {'name': name, 'groups': ['desk-admin'] if name == 'admin' else ['desk-support']}\n"
        "c.JupyterHub.authenticator_class = Managing\n"
        "c.Managing.password = 'passwd'\n"
        "c.Authenticator.manage_groups = True\n"
    )
    register = {"apps": ["desk"], "environment": {"SERVICE_STATE": "state"}}
    hub = make_hub(users=("admin", "support"), admins=(), config=config, register=register)
    for name in ("admin", "support"):
        async with hub.session(name) as browser:
            assert (await browser.visit(f"{PATH}desk/ui/tickets")).status_code == 200
    desk = Desk(hub, await hub.user_token("admin"))
    reply = await desk.give("support", Role.MANAGER)

    assert said(reply) == (409, "groups_managed")
    assert "authenticator manages groups" in reply.json()["detail"]
    assert await desk.roles("support") == {"desk-support"}
