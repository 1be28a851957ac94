"""Who has which role, how roles change, and what a change that fails leaves behind."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from service.apps.desk.domain import role_change
from service.apps.desk.domain.policy import Role, group_of
from service.apps.desk.domain.queries import AuditQuery
from service.apps.desk.domain.roles import RoleKeeper
from service.apps.desk.domain.values import AccountNew, AuditEntry
from service.apps.desk.errors import (
    AccountExistsError,
    AdminExistsError,
    ChangeUnderWayError,
    DatabaseUnavailableError,
    LastAdminError,
    LoginDeniedError,
    NotFoundError,
    PhoneTakenError,
    VersionConflictError,
)
from service.apps.desk.storage import lease
from service.apps.desk.storage.desk import Desk, open_desk
from service.apps.desk.storage.tables import leases
from service.errors import ServiceError
from service.hub.administration import has_user
from service.hub.client import HubClient
from service.hub.errors import GroupsManagedError, HubRefusedServiceError, HubUnavailableError, HubUserMissingError
from service.testing import FakeHub
from tests.support.polling import BUSY

SCOPES = ["read:tokens", *(f"groups!group={group_of(role)}" for role in Role)]
API = "http://hub.test/hub/api"


class Hub:
    """A Hub in memory that can fail in the middle of a change.

    `broken` says how many times it answers 503 to a request (method, group). `lost` are requests that it carries out
    before it answers 503. `before_change` is awaited, with the method, before each change. `after_question` is awaited
    when the Hub knows who is an administrator, before its answer arrives. `seen` are the changes that were made, in
    order, and `held` the roles of the person after each.
    """

    def __init__(self, scopes: Collection[str] = SCOPES) -> None:
        self.fake = FakeHub(API, service_scopes=scopes, groups=[group_of(role) for role in Role])
        self.broken: dict[tuple[str, str], int] = {}
        self.lost: set[tuple[str, str]] = set()
        self.before_change: Callable[[str], Awaitable[None]] | None = None
        self.after_question: Callable[[], Awaitable[None]] | None = None
        self.seen: list[tuple[str, str]] = []
        self.held: list[set[Role]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer, or fail."""
        path = request.url.path.removeprefix("/hub/api/")
        what = (request.method, path.split("/")[1]) if path.endswith("/users") else ("", "")
        if self.broken.get(what, 0) > 0:
            self.broken[what] -= 1
            return httpx.Response(503)
        if what[0] and self.before_change:
            await self.before_change(request.method)
        reply = await self.fake(request)
        if what[0]:
            self.seen.append(what)
            self.held.append(self.roles(json.loads(request.content)["users"][0]))
        if path == "groups/desk-admin" and self.after_question:
            await self.after_question()
        return httpx.Response(503) if what in self.lost else reply

    def put(self, name: str, *roles: Role) -> None:
        """Make a user who is in the groups of roles."""
        self.fake.add_user(name, groups=tuple(group_of(role) for role in roles))

    def roles(self, name: str) -> set[Role]:
        """Return the roles whose groups a user is in."""
        return {role for role in Role if name in self.fake.members(group_of(role))}


class Team:
    """The desk's database, a Hub, and the `RoleKeeper`."""

    def __init__(self, desk: Desk, hub: Hub, client: HubClient, roles: RoleKeeper) -> None:
        self.desk, self.hub, self.client, self.roles = desk, hub, client, roles

    async def account(self, name: str, *roles: Role, **flags: bool) -> int:
        """Make a user, with roles, and an account, with flags; return its version."""
        self.hub.put(name, *roles)
        account = await self.desk.accounts.ensure(name, by="tests")
        if flags:
            account = await self.desk.accounts.change(name, flags, version=account.version, by="tests")
        return account.version

    async def told(self, what: str = "account.role") -> list[AuditEntry]:
        """Return the entries of the audit that begin with `what`, the oldest first."""
        entries = (await self.desk.audit.find(AuditQuery(limit=200))).items
        return [entry for entry in reversed(entries) if entry.what.startswith(what)]

    async def changed_at(self, name: str) -> datetime | None:
        """Return the time from which on the Hub's answers about a person count."""
        status = await self.desk.accounts.status(name)
        return None if status is None else status.rights_changed_at


@asynccontextmanager
async def open_team(database_url: str, hub: Hub, **options: Any) -> AsyncIterator[Team]:  # noqa: ANN401 - passed on
    """Open a worker's view of the team."""
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(hub)) as http,
        open_desk(database_url) as desk,
    ):
        client = HubClient(http, api_url=API, api_token=SecretStr(hub.fake.api_token))
        yield Team(desk, hub, client, RoleKeeper(client, desk.database, desk.accounts, **options))


@pytest.fixture
async def team(database_url: str) -> AsyncIterator[Team]:
    """A team with two admins, "ada" and "bob", and "sue" of the support."""
    async with open_team(database_url, Hub()) as team:
        await team.account("ada", Role.ADMIN)
        await team.account("bob", Role.ADMIN)
        await team.account("sue", Role.SUPPORT)
        yield team


async def expect(error: type[ServiceError], work: Any) -> None:  # noqa: ANN401 - whatever is awaited
    """Await `work`, which must raise `error`."""
    with pytest.raises(error):
        await work


# Who has which role


async def test_the_hub_says_who_has_which_role(team: Team) -> None:
    """Roles are what the Hub's groups say now. Of several the largest counts."""
    team.hub.put("max", Role.SUPPORT, Role.MANAGER)

    expected = {"ada": Role.ADMIN, "bob": Role.ADMIN, "sue": Role.SUPPORT, "max": Role.MANAGER}
    assert await team.roles.members() == expected
    assert (await team.roles.role_of("max"), await team.roles.role_of("eve")) == (Role.MANAGER, None)


async def test_a_group_that_cannot_be_read(database_url: str) -> None:
    """A group that the service may not read is an error, and is not taken for empty."""
    async with open_team(database_url, Hub(["read:tokens", "groups!group=desk-admin"])) as team:
        await expect(HubRefusedServiceError, team.roles.members())


# Changing


@pytest.mark.parametrize("before", [(), (Role.SUPPORT,), (Role.ADMIN,), (Role.SUPPORT, Role.MANAGER), tuple(Role)])
@pytest.mark.parametrize("after", [None, *Role])
async def test_a_change(team: Team, before: tuple[Role, ...], after: Role | None) -> None:
    """After a change the person is only in the group of that role, and the audit has one entry with who did what."""
    await team.account("max", *before)

    await team.roles.change("max", after, by="ada")

    assert team.hub.roles("max") == ({after} if after else set())
    is_change = before != ((after,) if after else ())
    shown = [(entry.who, entry.what, entry.thing, entry.before, entry.after) for entry in await team.told()]
    highest = before[-1] if before else None
    told = ("ada", "account.role_changed", "account/max", {"role": highest}, {"role": after})
    assert shown == ([told] if is_change else [])


async def test_the_new_role_is_given_before_the_old_is_taken(team: Team) -> None:
    """A person keeps the old role until the new one is given."""
    await team.roles.change("sue", Role.MANAGER, by="ada")

    assert team.hub.seen == [("POST", "desk-manager"), ("DELETE", "desk-support")]


SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL would make no difference
HELD = [(), *(roles for size in (1, 2, 3) for roles in combinations(Role, size))]


@SQLITE
@pytest.mark.parametrize("before", HELD, ids=lambda roles: "+".join(roles) or "none")
@pytest.mark.parametrize("after", [None, *Role])
async def test_on_the_way_a_person_has_a_role_and_no_larger_one(
    team: Team, before: tuple[Role, ...], after: Role | None
) -> None:
    """After each request to the Hub the largest role is between the old and the new one, and never moves back."""
    await team.account("max", *before)
    await team.roles.change("max", after, by="ada")

    order = [None, *Role]
    old, new = order.index(before[-1] if before else None), order.index(after)
    sizes = [max((order.index(role) for role in held), default=0) for held in team.hub.held]
    assert all(min(old, new) <= size <= max(old, new) for size in sizes)
    assert sizes == sorted(sizes, reverse=new < old)


async def test_what_the_hub_said_before_does_not_count(team: Team) -> None:
    """From the moment that a change is acknowledged, earlier answers of the Hub about the person do not count."""
    before = datetime.now(UTC)
    await team.roles.change("sue", None, by="ada")
    after = datetime.now(UTC)
    changed = await team.changed_at("sue")

    assert changed is not None
    assert before - timedelta(seconds=1) < changed < after + timedelta(seconds=2)


async def test_while_a_change_is_under_way_no_answer_counts(team: Team) -> None:
    """While a change is under way, no answer of the Hub about the person counts, even if the process dies."""
    ahead: list[timedelta] = []

    async def look(_method: str) -> None:
        changed = await team.changed_at("sue")
        assert changed is not None
        ahead.append(changed - datetime.now(UTC))

    team.hub.before_change = look
    await team.roles.change("sue", None, by="ada")

    assert [moment > timedelta(seconds=30) for moment in ahead] == [True]


async def test_nobody_without_an_account(team: Team) -> None:
    """A user of the Hub who has neither account nor role cannot be given a role."""
    team.hub.put("eve")

    await expect(NotFoundError, team.roles.change("eve", Role.SUPPORT, by="ada"))
    assert team.hub.roles("eve") == set()


async def test_a_role_without_an_account(team: Team) -> None:
    """A person who got a role on the Hub's own page gets an account when the role is changed here."""
    team.hub.put("eve", Role.SUPPORT)
    await team.roles.change("eve", Role.MANAGER, by="ada")

    assert team.hub.roles("eve") == {Role.MANAGER}
    assert (await team.desk.accounts.get("eve")).name == "eve"


async def test_groups_are_managed(database_url: str) -> None:
    """If the authenticator manages groups, a role can neither be changed here, nor given to a new account."""
    async with open_team(database_url, Hub(), groups_are_managed=True) as team:
        await team.account("sue", Role.SUPPORT)
        await expect(GroupsManagedError, team.roles.change("sue", Role.ADMIN, by="ada"))
        team.hub.put("eve")
        await expect(GroupsManagedError, team.roles.create(new("eve"), role=Role.SUPPORT, by="ada"))
        await expect(NotFoundError, team.desk.accounts.get("eve"))
        assert team.hub.roles("sue") == {Role.SUPPORT}


async def test_an_old_hub_says_that_groups_are_managed(team: Team) -> None:
    """A Hub that itself answers that groups are managed is understood, too."""
    refusal = {"status": 400, "message": "Group management via API is disabled"}
    team.hub.fake.respond("DELETE", "/groups/desk-support/users", status=400, json=refusal)
    await expect(GroupsManagedError, team.roles.change("sue", None, by="ada"))

    assert await team.told() == []


# The last administrator


def attempt(team: Team, way: str, name: str) -> Awaitable[object]:
    """Try to end somebody's administration in some way. Their account must be at version 1."""
    match way:
        case "demote":
            return team.roles.change(name, Role.MANAGER, by="tests")
        case "take":
            return team.roles.change(name, None, by="tests")
        case "delete":
            return team.roles.delete(name, version=1, by="tests")
        case flag:
            return team.roles.change_account(name, {flag: True}, version=1, by="tests")


@pytest.mark.parametrize("way", ["demote", "take", "disabled", "login_denied", "delete"])
@pytest.mark.parametrize("other", ["absent", "disabled", "denied", "active"])
async def test_the_last_admin(team: Team, way: str, other: str) -> None:
    """The last active administrator stays one, whatever is tried. If there is another, they need not stay."""
    if other == "absent":
        await team.roles.change("bob", Role.SUPPORT, by="ada")
    elif other != "active":
        flag = "disabled" if other == "disabled" else "login_denied"
        await team.desk.accounts.change("bob", {flag: True}, version=1, by="ada")
    work = attempt(team, way, "ada")

    if other == "active":
        await work
        assert await team.roles.active_admins() == {"bob"}
    else:
        await expect(LastAdminError, work)
        assert await team.roles.active_admins() == {"ada"}


@pytest.mark.parametrize("name", ["me", ".", ".."])
async def test_an_admin_who_can_have_no_account_is_not_active(team: Team, name: str) -> None:
    """A user whose name no account can have is let in nowhere, so the last administrator beside them stays."""
    await team.roles.change("bob", None, by="ada")
    team.hub.put(name, Role.ADMIN)
    await expect(LastAdminError, team.roles.change("ada", None, by="tests"))

    assert await team.roles.active_admins() == {"ada"}


async def test_an_admin_who_is_not_active_may_go(team: Team) -> None:
    """An administrator who is disabled can be demoted, because the desk loses no active one."""
    await team.desk.accounts.change("bob", {"disabled": True}, version=1, by="ada")
    await team.roles.change("bob", None, by="ada")

    assert await team.roles.active_admins() == {"ada"}


@pytest.mark.parametrize(
    "ways", [("take", "take"), ("take", "disabled"), ("disabled", "login_denied"), ("delete", "take")], ids=str
)
async def test_two_admins_at_the_same_moment_on_two_workers(database_url: str, ways: tuple[str, str]) -> None:
    """If two administrators each take the other's rights, at once and on two workers, one of them stays."""
    hub = Hub()
    async with open_team(database_url, hub) as first, open_team(database_url, hub) as second:
        for name in ("ada", "bob"):
            await first.account(name, Role.ADMIN)

        done = await asyncio.gather(
            attempt(first, ways[0], "bob"), attempt(second, ways[1], "ada"), return_exceptions=True
        )

        assert sorted(type(each).__name__ for each in done if isinstance(each, Exception)) == ["LastAdminError"]
        assert len(await first.roles.active_admins()) == 1


async def test_changes_of_one_person_follow_one_another(database_url: str) -> None:
    """Changes of one person on two workers leave one role. In the audit, each begins where the last ended."""
    hub = Hub()
    async with open_team(database_url, hub) as first, open_team(database_url, hub) as second:
        await first.account("ada", Role.ADMIN)
        await first.account("sue", Role.SUPPORT)
        wanted = [Role.MANAGER, None, Role.ADMIN, Role.SUPPORT, None, Role.MANAGER]
        await asyncio.gather(
            *(team.roles.change("sue", role, by="ada") for team, role in zip([first, second] * 3, wanted, strict=True))
        )

        told = [((entry.before or {})["role"], (entry.after or {})["role"]) for entry in await first.told()]
        assert [before for before, _ in told] == ["support", *(after for _, after in told[:-1])]
        assert hub.roles("sue") == ({Role(told[-1][1])} if told[-1][1] else set())


# What fails


async def test_an_account_changes_while_it_is_deleted(team: Team) -> None:
    """An account that somebody else changes while it is deleted stays, with its role."""

    async def change_it(method: str) -> None:
        if method == "DELETE":
            await team.desk.accounts.change("sue", {"phone": "+442079460958"}, version=1, by="bob")

    team.hub.before_change = change_it
    await expect(VersionConflictError, team.roles.delete("sue", version=1, by="ada"))

    assert team.hub.roles("sue") == {Role.SUPPORT}
    assert [entry.after for entry in await team.told()] == [{"role": None}, {"role": "support"}]


async def test_the_new_role_fails(team: Team) -> None:
    """When the Hub does not give the new role, the old one stays, and the audit has no change."""
    team.hub.broken["POST", "desk-manager"] = 1
    await expect(HubUnavailableError, team.roles.change("sue", Role.MANAGER, by="ada"))

    assert team.hub.roles("sue") == {Role.SUPPORT}
    assert await team.told() == []
    await team.roles.change("sue", Role.MANAGER, by="ada")
    assert team.hub.roles("sue") == {Role.MANAGER}


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        pytest.param(Role.SUPPORT, Role.ADMIN, "admin", id="promotion"),
        pytest.param(Role.ADMIN, Role.SUPPORT, "admin", id="demotion"),
    ],
)
async def test_the_old_role_cannot_be_taken(team: Team, before: Role, after: Role, left: str) -> None:
    """If the old role cannot be taken, the caller gets an error, and the audit the role that is left. A retry works."""
    await team.account("max", before)
    team.hub.broken["DELETE", group_of(before)] = 1
    await expect(HubUnavailableError, team.roles.change("max", after, by="ada"))

    assert team.hub.roles("max") == {before, after}
    (entry,) = await team.told()
    assert (entry.what, entry.who, entry.thing) == ("account.role_change_failed", "ada", "account/max")
    assert (entry.before, entry.after) == ({"role": before}, {"role": left})
    async with asyncio.timeout(20):  # a lease that was not given back would last longer
        await team.roles.change("max", after, by="ada")
    assert team.hub.roles("max") == {after}
    assert [each.what for each in await team.told()] == ["account.role_change_failed", "account.role_changed"]


async def test_removing_fails_half_way(team: Team) -> None:
    """Several roles are taken from the largest on, so that a failure leaves the smaller ones."""
    await team.account("max", *Role)
    team.hub.broken["DELETE", "desk-manager"] = 1
    await expect(HubUnavailableError, team.roles.change("max", None, by="ada"))

    assert team.hub.roles("max") == {Role.SUPPORT, Role.MANAGER}
    (entry,) = await team.told()
    assert (entry.what, entry.before, entry.after) == (
        "account.role_change_failed",
        {"role": "admin"},
        {"role": "manager"},
    )


async def test_the_answer_to_the_last_request_is_lost(team: Team) -> None:
    """A change that the Hub has made counts as made, even if its answer did not arrive."""
    team.hub.lost = {("DELETE", "desk-support")}
    await team.roles.change("sue", Role.MANAGER, by="ada")

    assert team.hub.roles("sue") == {Role.MANAGER}
    assert [entry.what for entry in await team.told()] == ["account.role_changed"]


async def test_the_hub_goes_down_in_the_middle(team: Team) -> None:
    """When the Hub cannot say what came of a change, the audit says that the role is unknown."""

    async def go_down(method: str) -> None:
        if method == "DELETE":
            team.hub.fake.outage = lambda _request: httpx.Response(503)

    team.hub.before_change = go_down
    await expect(HubUnavailableError, team.roles.change("sue", Role.MANAGER, by="ada"))

    (entry,) = await team.told()
    assert (entry.what, entry.after) == ("account.role_change_failed", {"role": "unknown"})
    assert team.hub.roles("sue") == {Role.SUPPORT, Role.MANAGER}


@pytest.mark.parametrize("role", [None, Role.MANAGER, Role.ADMIN])
async def test_after_a_failure_no_answer_counts_for_a_while(team: Team, role: Role | None) -> None:
    """After a failed change the Hub is asked at each request: it may still carry out what it did not answer."""
    team.hub.broken |= {("POST", group_of(each)): 1 for each in Role} | {("DELETE", "desk-support"): 1}
    await expect(HubUnavailableError, team.roles.change("sue", role, by="ada"))
    changed = await team.changed_at("sue")

    assert changed is not None
    assert changed - datetime.now(UTC) > timedelta(seconds=30)


async def cut_off(team: Team, name: str, role: Role | None) -> None:
    """Begin a change, cancel it when the first old role is about to be taken, and let its lease run out."""
    is_half_way = asyncio.Event()

    async def hang(method: str) -> None:
        if method == "DELETE":
            is_half_way.set()
            await asyncio.Event().wait()

    team.hub.before_change = hang
    change = asyncio.create_task(team.roles.change(name, role, by="bob"))
    await is_half_way.wait()
    change.cancel()
    await asyncio.wait([change])
    team.hub.before_change = None
    async with team.desk.database.write() as connection:
        await connection.execute(update(leases).values(until=datetime.now(UTC)))


async def test_a_change_that_was_cut_off(team: Team) -> None:
    """The next change writes one that was cut off into the audit. Earlier answers about its person do not count."""
    await cut_off(team, "sue", Role.MANAGER)
    before = datetime.now(UTC)
    await team.roles.change("bob", Role.MANAGER, by="ada")

    cut, changed = await team.told()
    assert (cut.what, cut.who, cut.thing) == ("account.role_change_cut_off", "bob", "account/sue")
    assert (cut.before, cut.after) == ({"role": "support"}, {"role": "manager"})
    assert changed.what == "account.role_changed"
    moment = await team.changed_at("sue")
    assert moment is not None
    assert moment > before


async def test_a_demotion_that_was_cut_off(team: Team) -> None:
    """A demotion that was cut off leaves the old role, which the desk shows. It is in the audit, and a retry works."""
    await cut_off(team, "bob", Role.SUPPORT)
    assert (await team.roles.role_of("bob"), team.hub.roles("bob")) == (Role.ADMIN, {Role.SUPPORT, Role.ADMIN})
    assert await team.roles.active_admins() == {"ada", "bob"}

    await team.roles.change("bob", Role.SUPPORT, by="ada")
    assert team.hub.roles("bob") == {Role.SUPPORT}
    assert [(entry.what, entry.before, entry.after) for entry in await team.told()] == [
        ("account.role_change_cut_off", {"role": "admin"}, {"role": "support"}),
        ("account.role_changed", {"role": "admin"}, {"role": "support"}),
    ]


async def test_a_change_that_outlives_its_lease(team: Team) -> None:
    """A change that loses its lease is refused, even if the Hub made it. The next change writes it into the audit."""

    async def lose_lease(method: str) -> None:
        if method == "DELETE":
            async with team.desk.database.write() as connection:
                await connection.execute(update(leases).values(holder="another", until=datetime.now(UTC)))

    team.hub.before_change = lose_lease
    await expect(ChangeUnderWayError, team.roles.change("sue", Role.MANAGER, by="ada"))
    team.hub.before_change = None
    assert team.hub.roles("sue") == {Role.MANAGER}

    await team.roles.change("bob", Role.MANAGER, by="ada")
    assert [entry.what for entry in await team.told()] == ["account.role_change_cut_off", "account.role_changed"]


async def end_lease(team: Team) -> None:
    """Let a lease that is held run out."""
    async with team.desk.database.write() as connection:
        await connection.execute(update(leases).values(until=datetime.now(UTC)))


WAYS = pytest.mark.parametrize("way", ["demote", "take", "disabled", "login_denied", "delete"])


@WAYS
async def test_a_lease_that_runs_out_while_the_hub_is_asked(team: Team, way: str) -> None:
    """A change does not begin once its lease has run out, because others may begin theirs. It can be repeated."""
    team.hub.after_question = lambda: end_lease(team)
    await expect(ChangeUnderWayError, attempt(team, way, "ada"))
    team.hub.after_question = None

    assert await team.roles.active_admins() == {"ada", "bob"}
    assert await team.told() == []
    await attempt(team, way, "ada")
    assert await team.roles.active_admins() == {"bob"}


@WAYS
async def test_another_changes_the_team_while_the_hub_is_asked(database_url: str, way: str) -> None:
    """A change is refused if another has been made since the Hub was asked: the last administrator stays."""
    hub = Hub()
    async with open_team(database_url, hub) as first, open_team(database_url, hub) as second:
        for name in ("ada", "bob"):
            await first.account(name, Role.ADMIN)

        async def let_another_go_first() -> None:
            hub.after_question = None
            await end_lease(first)
            await second.roles.change("bob", None, by="tests")

        hub.after_question = let_another_go_first
        await expect(ChangeUnderWayError, attempt(first, way, "ada"))

        assert await first.roles.active_admins() == {"ada"}
        assert await first.told("account.role_change_cut_off") == []


async def test_another_may_have_given_a_role_while_the_hub_was_asked(team: Team) -> None:
    """An account without a role is not deleted after the lease has run out: nobody would see its new role."""
    version = await team.account("max")
    team.hub.after_question = lambda: end_lease(team)
    await expect(ChangeUnderWayError, team.roles.delete("max", version=version, by="ada"))

    assert (await team.desk.accounts.get("max")).name == "max"


async def test_a_change_begins_with_a_new_lease(team: Team) -> None:
    """However long the Hub was asked, a change has all of the lease's time. No answer of the Hub counts until then."""
    ends: list[datetime] = []

    async def end_sooner() -> None:
        async with team.desk.database.write() as connection:
            ends.append((await connection.execute(select(leases.c.until))).scalar_one() - timedelta(seconds=1))
            await connection.execute(update(leases).values(until=ends[0]))

    async def look(_method: str) -> None:
        async with team.desk.database.read() as connection:
            ends.append((await connection.execute(select(leases.c.until))).scalar_one())
        assert await team.changed_at("bob") == ends[-1]

    team.hub.after_question, team.hub.before_change = end_sooner, look
    await team.roles.change("bob", None, by="ada")

    before, after = ends
    assert after - before >= timedelta(seconds=1)


async def test_a_change_gives_up_waiting_for_another(team: Team) -> None:
    """A change waits for another one, and is refused if that holds the lease for too long."""
    async with lease.hold_lease(team.desk.database, role_change.tell_cut_off):
        with pytest.raises(ChangeUnderWayError):
            async with lease.hold_lease(team.desk.database, role_change.tell_cut_off, wait=0.3):
                pass


# Accounts


def new(name: str) -> AccountNew:
    """Return an account to create."""
    return AccountNew(name=name, first_name="Eve", last_name="Example")


@pytest.mark.parametrize("role", [None, Role.MANAGER])
async def test_an_account_for_a_user_of_the_hub(team: Team, role: Role | None) -> None:
    """An account is made for a user whom the Hub has, with a role if one is named."""
    team.hub.put("eve")
    account = await team.roles.create(new("eve"), role=role, by="ada")

    assert (account.name, account.first_name) == ("eve", "Eve")
    assert team.hub.roles("eve") == ({role} if role else set())


async def test_an_account_for_nobody(team: Team) -> None:
    """No account is made for a name that is not a user of the Hub, if the service may not make users either."""
    await expect(HubUserMissingError, team.roles.create(new("eve"), role=Role.SUPPORT, by="ada"))
    await expect(NotFoundError, team.desk.accounts.get("eve"))


async def test_the_service_may_make_users(database_url: str) -> None:
    """With `admin:users` the user is made together with the account."""
    async with open_team(database_url, Hub([*SCOPES, "admin:users"])) as team:
        await team.roles.create(new("eve"), role=Role.SUPPORT, by="ada")

        assert team.hub.roles("eve") == {Role.SUPPORT}


async def test_a_user_is_made_after_the_account(database_url: str) -> None:
    """If the account is refused, no user is made at the Hub."""
    async with open_team(database_url, Hub([*SCOPES, "admin:users"])) as team:
        await team.account("sue")
        await team.desk.accounts.change("sue", {"phone": "+442079460958"}, version=1, by="tests")
        taken = AccountNew(name="eve", first_name="Eve", last_name="Example", phone="+442079460958")
        await expect(PhoneTakenError, team.roles.create(taken, role=Role.SUPPORT, by="ada"))

        assert not await team.client.ask(has_user("eve"))


async def test_a_name_that_the_hub_writes_differently(database_url: str) -> None:
    """A name that the Hub writes differently, in lower case, is refused: the account would be nobody's."""
    async with open_team(database_url, Hub([*SCOPES, "admin:users"])) as team:
        await expect(HubUserMissingError, team.roles.create(new("Eve"), role=Role.SUPPORT, by="ada"))
        await expect(NotFoundError, team.desk.accounts.get("Eve"))


async def test_the_role_of_a_new_account_fails(team: Team) -> None:
    """If the role cannot be given, there is no account either."""
    team.hub.put("eve")
    team.hub.broken["POST", "desk-manager"] = 9
    await expect(HubUnavailableError, team.roles.create(new("eve"), role=Role.MANAGER, by="ada"))

    await expect(NotFoundError, team.desk.accounts.get("eve"))


async def test_the_role_of_a_new_account_may_have_been_given(team: Team) -> None:
    """If the Hub may have given the role, the account stays, so that the team's page shows whoever has one."""
    team.hub.put("eve", Role.SUPPORT)
    team.hub.broken["DELETE", "desk-support"] = 1
    await expect(HubUnavailableError, team.roles.create(new("eve"), role=Role.MANAGER, by="ada"))

    assert (await team.desk.accounts.get("eve")).name == "eve"
    assert await team.roles.role_of("eve") is Role.MANAGER


async def test_the_hub_gives_the_role_to_another_spelling(team: Team) -> None:
    """A role that the Hub gave to somebody with another spelling of the name is taken away again."""
    team.hub.put("eve")
    team.hub.put("Eve")
    await expect(HubUserMissingError, team.roles.create(new("Eve"), role=Role.ADMIN, by="ada"))

    assert (team.hub.roles("eve"), team.hub.roles("Eve")) == (set(), set())
    await expect(NotFoundError, team.desk.accounts.get("Eve"))


async def ada_and_her(team: Team, *roles: Role, hers: Collection[Role] = ()) -> None:
    """Make `Ada`, with roles and an account, at a Hub that takes `Ada` for `ada`, who has `hers`."""
    await team.account("Ada", *roles)
    team.hub.put("ada", *hers)


@pytest.mark.parametrize("hers", [(), (Role.MANAGER,), (Role.SUPPORT, Role.MANAGER)])
@pytest.mark.parametrize("role", [None, Role.SUPPORT, Role.ADMIN])
async def test_the_hub_changes_the_role_of_another_spelling(team: Team, hers: tuple[Role, ...], role: Role) -> None:
    """A role that cannot be changed is an error, and the person with the other spelling keeps what they had."""
    await ada_and_her(team, Role.MANAGER, hers=hers)
    await expect(HubUserMissingError, team.roles.change("Ada", role, by="bob"))

    assert (team.hub.roles("Ada"), team.hub.roles("ada")) == ({Role.MANAGER}, {*hers})
    assert await team.told() == []


async def test_another_spelling_keeps_the_role_that_is_given(team: Team) -> None:
    """Somebody with another spelling of the name, who has the role that is given, keeps it."""
    await ada_and_her(team, hers=[Role.MANAGER])
    await expect(HubUserMissingError, team.roles.change("Ada", Role.MANAGER, by="bob"))

    assert (team.hub.roles("Ada"), team.hub.roles("ada")) == (set(), {Role.MANAGER})


async def test_nobody_is_deleted_who_keeps_a_role(team: Team) -> None:
    """An account whose role cannot be taken away is not deleted. The Hub may have no user of the other spelling."""
    version = await team.account("Max", Role.MANAGER)
    await expect(HubUserMissingError, team.roles.delete("Max", version=version, by="ada"))

    assert (await team.desk.accounts.get("Max")).name == "Max"
    assert team.hub.roles("Max") == {Role.MANAGER}


async def test_an_account_is_made_once(team: Team) -> None:
    """A second account of the same name is refused, and the first keeps its role."""
    await expect(AccountExistsError, team.roles.create(new("sue"), role=Role.ADMIN, by="ada"))

    assert team.hub.roles("sue") == {Role.SUPPORT}


async def test_deleting_takes_the_role(team: Team) -> None:
    """Deleting an account takes the role away first."""
    await team.roles.delete("sue", version=1, by="ada")

    await expect(NotFoundError, team.desk.accounts.get("sue"))
    assert team.hub.roles("sue") == set()
    assert [entry.what for entry in await team.told("account.")][-2:] == ["account.role_changed", "account.deleted"]


async def test_nobody_lifts_a_flag_by_deleting_their_own_account(team: Team) -> None:
    """Somebody who may not sign in cannot delete their own account, and sign in as if new."""
    version = await team.account("bob", Role.ADMIN, login_denied=True)
    await expect(LoginDeniedError, team.roles.delete("bob", version=version, by="bob"))
    assert team.hub.roles("bob") == {Role.ADMIN}
    await team.roles.delete("bob", version=version, by="ada")


async def test_an_account_that_comes_back(team: Team) -> None:
    """A deleted account can be made again, as the Hub's user stays. Earlier answers of the Hub do not count then."""
    await team.roles.delete("sue", version=1, by="ada")
    await team.roles.create(new("sue"), by="ada")
    changed = await team.changed_at("sue")

    assert changed is not None
    assert changed > datetime.now(UTC)


async def test_deleting_what_has_changed(team: Team) -> None:
    """An account that somebody else has changed meanwhile is not deleted, and keeps its role."""
    await expect(VersionConflictError, team.roles.delete("sue", version=7, by="ada"))

    assert team.hub.roles("sue") == {Role.SUPPORT}


async def test_a_change_that_blocks_nobody(team: Team) -> None:
    """Names and contacts can be changed, and flags cleared, while the Hub is down: that needs no Hub."""
    team.hub.fake.outage = lambda _request: httpx.Response(503)
    account = await team.roles.change_account("ada", {"first_name": "Ada", "disabled": False}, version=1, by="bob")

    assert account.first_name == "Ada"


# The first administrator


async def test_the_first_admin(database_url: str) -> None:
    """If nobody can administer the desk, a person can be made an administrator, even one with both flags."""
    async with open_team(database_url, Hub()) as team:
        await team.account("ada", Role.SUPPORT, disabled=True, login_denied=True)
        await team.roles.make_first_admin("ada", by="bootstrap")

        assert await team.roles.active_admins() == {"ada"}
        assert [(entry.who, entry.after) for entry in await team.told()] == [("bootstrap", {"role": "admin"})]


async def test_no_first_admin_is_made_up(database_url: str) -> None:
    """A name that the Hub does not have may be misspelt. No user is made of it, even if the service may make users."""
    async with open_team(database_url, Hub([*SCOPES, "admin:users"])) as team:
        await expect(HubUserMissingError, team.roles.make_first_admin("adda", by="bootstrap"))

        assert not await team.client.ask(has_user("adda"))
        assert await team.told("account.") == []


async def test_there_is_an_admin(team: Team) -> None:
    """If somebody can administer the desk, nobody is made its first administrator."""
    await expect(AdminExistsError, team.roles.make_first_admin("sue", by="bootstrap"))

    assert team.hub.roles("sue") == {Role.SUPPORT}


async def test_an_admin_without_an_account_counts(team: Team) -> None:
    """Somebody who became an administrator on the Hub's own page counts before their first visit, and then stays."""
    await team.roles.change("bob", None, by="ada")
    team.hub.put("eve", Role.ADMIN)
    assert await team.roles.active_admins() == {"ada", "eve"}

    await team.roles.change("ada", None, by="eve")
    await expect(LastAdminError, team.roles.change("eve", None, by="tests"))


async def test_a_stale_deletion_takes_no_role_for_a_moment(team: Team) -> None:
    """A deletion for another version is refused before the Hub is asked for any change, and the audit has none."""
    await expect(VersionConflictError, team.roles.delete("sue", version=7, by="ada"))

    assert team.hub.seen == []
    assert await team.told() == []


async def test_a_change_that_the_database_does_not_record(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the database fails after the Hub has made a change, the next change writes it into the audit."""
    with monkeypatch.context() as patched:
        patched.setattr(role_change, "record", AsyncMock(side_effect=DatabaseUnavailableError(reason="gone")))
        await expect(DatabaseUnavailableError, team.roles.change("sue", Role.ADMIN, by="ada"))
    assert team.hub.roles("sue") == {Role.ADMIN}
    assert await team.told() == []

    await end_lease(team)
    await team.roles.change("bob", Role.MANAGER, by="ada")
    assert [(entry.what, entry.thing) for entry in await team.told()] == [
        ("account.role_change_cut_off", "account/sue"),
        ("account.role_changed", "account/bob"),
    ]


def test_a_change_ends_before_its_lease() -> None:
    """A change that has begun ends before its lease: nobody else changes the team while its groups are moved."""
    assert timedelta(seconds=role_change._CHANGE + role_change._READ) < lease.LIFETIME  # noqa: SLF001


async def test_clocks_that_differ_leave_no_right(team: Team) -> None:
    """After a change, answers of the Hub do not count for a second more: another worker's clock may be ahead."""
    await team.roles.change("sue", None, by="ada")
    changed = await team.changed_at("sue")

    assert changed is not None
    assert changed > datetime.now(UTC)


async def test_no_user_is_made_where_groups_are_managed(database_url: str) -> None:
    """If the authenticator manages groups, an account with a role is refused before the Hub's user is made."""
    hub = Hub([*SCOPES, "admin:users"])
    async with open_team(database_url, hub, groups_are_managed=True) as team:
        await expect(GroupsManagedError, team.roles.create(new("eve"), role=Role.SUPPORT, by="ada"))

        assert not await team.client.ask(has_user("eve"))
        assert await team.told("account.") == []


@pytest.mark.parametrize("flag", ["disabled", "login_denied"])
async def test_the_first_admin_has_no_flag(database_url: str, flag: str) -> None:
    """Making the first administrator lifts either flag by itself."""
    async with open_team(database_url, Hub()) as team:
        await team.account("ada", Role.ADMIN, **{flag: True})
        await team.roles.make_first_admin("ada", by="bootstrap")

        assert await team.roles.active_admins() == {"ada"}


async def test_the_first_admin_after_the_lease_has_run_out(database_url: str) -> None:
    """Once the lease has run out, no flag is lifted: somebody else may have become an administrator meanwhile."""
    async with open_team(database_url, Hub()) as team:
        await team.account("ada", Role.ADMIN, disabled=True)
        team.hub.after_question = lambda: end_lease(team)
        await expect(ChangeUnderWayError, team.roles.make_first_admin("ada", by="bootstrap"))

        assert (await team.desk.accounts.get("ada")).disabled


async def test_a_hub_that_hangs_ends_a_change(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that the Hub does not answer ends in time, long before its lease, and the next one need not wait."""
    monkeypatch.setattr(role_change, "_CHANGE", 0.2)

    async def hang(_method: str) -> None:
        await asyncio.Event().wait()

    team.hub.before_change = hang
    async with asyncio.timeout(BUSY):
        await expect(HubUnavailableError, team.roles.change("sue", Role.MANAGER, by="ada"))
    team.hub.before_change = None

    await team.roles.change("sue", Role.MANAGER, by="ada")
    assert team.hub.roles("sue") == {Role.MANAGER}


async def test_others_wait_for_whoever_has_looked_at_the_lease(team: Team) -> None:
    """Once its holder has looked at the lease in a transaction, nobody takes it before that transaction ends."""
    async with lease.hold_lease(team.desk.database, role_change.tell_cut_off) as held:
        async with team.desk.database.write() as connection:
            await held.check(connection)
            another = asyncio.create_task(end_lease(team))
            await asyncio.sleep(0.3)
            is_waiting = not another.done()
        await another

    assert is_waiting
