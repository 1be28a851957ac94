"""DESK_ADMINS: which users become administrators, and when nobody does."""

import logging
from collections.abc import Collection

import pytest

from service.apps.desk.domain.policy import Role
from service.apps.desk.first_admins import BY, making_first_admins
from tests.support.polling import eventually
from tests.unit.apps.desk.domain.test_roles import Hub, Team, open_team

SOON = 0.01  # seconds


async def administered(team: Team, names: Collection[str], *, by: Collection[str]) -> None:
    """Set DESK_ADMINS to `names`, and return once the people in `by`, and no others, administer the desk."""

    async def is_so() -> bool:
        return await team.roles.active_admins() == {*by}

    async with making_first_admins(team.roles, [*names], pause=SOON):
        await eventually(is_so)


async def test_they_are_made_administrators(database_url: str) -> None:
    """All names that are users of the Hub get the role and an account. The audit names DESK_ADMINS as the actor."""
    async with open_team(database_url, Hub()) as team:
        team.hub.put("ada")
        team.hub.put("bob", Role.SUPPORT)
        await administered(team, ["ada", "nobody", "bob"], by=["ada", "bob"])

        assert [(entry.thing, entry.who) for entry in await team.told()] == [("account/ada", BY), ("account/bob", BY)]
        assert team.hub.roles("bob") == {Role.ADMIN}


async def test_a_user_of_later(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The desk waits for a user whom the Hub does not have yet, and the log says so once."""
    async with open_team(database_url, Hub()) as team, making_first_admins(team.roles, ["ada"], pause=SOON):

        async def is_told() -> bool:
            return "none of these users yet" in caplog.text

        async def is_admin() -> bool:
            return await team.roles.active_admins() == {"ada"}

        await eventually(is_told)
        team.hub.put("ada")
        await eventually(is_admin)

    assert caplog.text.count("none of these users yet") == 1


async def test_an_outage_is_waited_for(database_url: str) -> None:
    """The desk waits for the Hub to answer: the service may start before its Hub does."""
    async with open_team(database_url, Hub()) as team:
        team.hub.put("ada")
        team.hub.broken["POST", "desk-admin"] = 2
        await administered(team, ["ada"], by=["ada"])


async def test_an_outage_between_two(database_url: str) -> None:
    """If the Hub fails after the first of them is an administrator, the others still become administrators."""
    async with open_team(database_url, Hub()) as team:
        for name in ("ada", "bob"):
            team.hub.put(name)

        async def fail_once(_method: str) -> None:
            team.hub.before_change = None
            team.hub.broken["POST", "desk-admin"] = 2  # the next two requests, which are for bob

        team.hub.before_change = fail_once
        await administered(team, ["ada", "bob"], by=["ada", "bob"])

        assert len(await team.told("account.role_changed")) == 2


async def test_nobody_is_made_where_somebody_administers(database_url: str) -> None:
    """If somebody administers the desk, nobody is made an administrator: a demotion outlasts the next start."""
    async with open_team(database_url, Hub()) as team:
        await team.account("bob", Role.ADMIN)
        team.hub.put("ada")
        await administered(team, ["ada"], by=["bob"])

        assert team.hub.roles("ada") == set()


async def test_groups_of_the_authenticator(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """If the authenticator manages groups, nobody is made an administrator, and the log says so."""
    async with open_team(database_url, Hub(), groups_are_managed=True) as team:
        team.hub.put("ada")

        async def is_told() -> bool:
            return "nobody was made an administrator" in caplog.text

        with caplog.at_level(logging.ERROR):
            async with making_first_admins(team.roles, ["ada"], pause=SOON):
                await eventually(is_told)

        assert team.hub.roles("ada") == set()


async def test_a_name_that_no_account_can_have(database_url: str) -> None:
    """A name in DESK_ADMINS that no account can have keeps nobody else from becoming an administrator."""
    async with open_team(database_url, Hub()) as team:
        for name in ("me", "ada"):
            team.hub.put(name)
        await administered(team, ["me", "ada"], by=["ada"])

        assert team.hub.roles("me") == set()
