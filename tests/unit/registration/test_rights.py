"""Who gets which rights at the Hub, and that nobody loses any."""

import concurrent.futures
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.roles import get_default_roles

from service.registration.rights import Rights, rights_of, with_rights, with_role, with_token_scopes

ACCESS = "access:services!service=fastapi"
DEFAULTS = {role["name"]: role["scopes"] for role in get_default_roles()}
SERVER = ["users:activity!user", "access:servers!server"]
NOTES = Rights(
    custom_scopes={"custom:notes:read": {"description": "Read notes"}},
    user_scopes=["custom:notes:read"],
    roles=[{"name": "editor", "scopes": ["custom:notes:write"], "groups": ["editors"]}],
    groups=["editors", "guests"],
    service_scopes=["read:groups"],
)


def decide(rights: Rights = NOTES, present: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the new configuration of a Hub 6 without any configuration, or another one."""
    nothing: dict[str, Any] = {"load_roles": [], "load_groups": {}, "custom_scopes": {}, "extra_user_scopes": set()}
    defaults: dict[str, Any] = {"name": "fastapi", "grant": None, "hub": 6, "groups_are_managed": False}
    return with_rights(nothing | (present or {}), rights, default_scopes=DEFAULTS, **(defaults | options))


def scopes(decided: dict[str, Any], role: str) -> list[str] | None:
    """Return the scopes of a role in load_roles."""
    found = [list(spec["scopes"]) for spec in decided["load_roles"] if spec["name"] == role]
    assert len(found) <= 1, "the Hub refuses a role that is there twice"
    return found[0] if found else None


@pytest.mark.parametrize(
    ("hub", "present", "user", "extra"),
    [
        pytest.param(6, {}, None, {ACCESS, "custom:notes:read"}, id="hub 6, nothing said"),
        pytest.param(
            6,
            {"extra_user_scopes": {"list:users"}},
            None,
            {"list:users", ACCESS, "custom:notes:read"},
            id="hub 6, extra scopes said",
        ),
        pytest.param(
            6,
            {"load_roles": [{"name": "user", "scopes": ["self", "list:users"]}]},
            ["self", "list:users", ACCESS, "custom:notes:read"],
            set(),
            id="hub 6, role user with scopes, which makes it ignore extra ones",
        ),
        pytest.param(
            6,
            {"load_roles": [{"name": "user", "scopes": []}]},
            [ACCESS, "custom:notes:read"],
            set(),
            id="hub 6, role user deliberately without any",
        ),
        pytest.param(5, {}, ["self", ACCESS, "custom:notes:read"], set(), id="hub 5, nothing said"),
        pytest.param(
            5,
            {"load_roles": [{"name": "user", "description": "All"}]},
            ["self", ACCESS, "custom:notes:read"],
            set(),
            id="hub 5, role user without scopes keeps the default ones",
        ),
        pytest.param(
            5,
            {"load_roles": [{"name": "user", "scopes": ["self", ACCESS]}]},
            ["self", ACCESS, "custom:notes:read"],
            set(),
            id="hub 5, role user with access already",
        ),
    ],
)
def test_all_users_get_access_and_the_applications_user_scopes(
    hub: int, present: dict[str, Any], user: list[str] | None, extra: set[str]
) -> None:
    """All users get access, in the way of their Hub's version, and keep what they had."""
    decided = decide(present=present, hub=hub)

    assert scopes(decided, "user") == user
    assert decided["extra_user_scopes"] == extra


def test_a_role_user_without_scopes_leaves_extra_scopes_in_force() -> None:
    """If the operator's role `user` sets no scopes, Hub 6 uses extra_user_scopes, so ours are there."""
    present = {"load_roles": [{"name": "user", "description": "All"}], "extra_user_scopes": {"list:users"}}

    decided = decide(Rights(), present)

    assert decided["extra_user_scopes"] == {"list:users", ACCESS}
    assert decided["load_roles"][0] == {"name": "user", "description": "All"}


@pytest.mark.parametrize("hub", [5, 6])
def test_only_the_groups_in_grant_get_access(hub: int) -> None:
    """With `grant`, a role of its own gives access to the groups. Other users get none."""
    decided = decide(grant=["staff", "guests"], hub=hub)

    users = next(role for role in decided["load_roles"] if role["name"] == "fastapi-users")
    assert users["scopes"] == [ACCESS, "custom:notes:read"]
    assert users["groups"] == ["staff", "guests"]
    assert decided["extra_user_scopes"] == set()
    assert scopes(decided, "user") is None


@pytest.mark.parametrize("grant", [None, ["staff"]], ids=["all users", "a group"])
@pytest.mark.parametrize(
    ("present", "before"),
    [
        pytest.param([], SERVER, id="default role"),
        pytest.param([{"name": "server", "description": "x"}], SERVER, id="role without scopes"),
        pytest.param([{"name": "server", "scopes": ["inherit"]}], ["inherit"], id="role with scopes"),
    ],
)
def test_a_notebooks_token_may_carry_what_its_user_has(
    present: list[dict[str, Any]], before: list[str], grant: list[str] | None
) -> None:
    """The role `server` has access and all scopes of applications. The Hub gives those that the user has."""
    decided = decide(present={"load_roles": present}, grant=grant)

    assert scopes(decided, "server") == [*before, ACCESS, "custom:notes:read", "custom:notes:write"]


def test_a_token_may_carry_a_scope_that_no_role_of_ours_has() -> None:
    """The operator may give an application's scope by a role of their own. Metrics are for programs."""
    rights = Rights(custom_scopes={"custom:service:metrics": {}, "custom:notes:audit": {}})

    assert rights.carried == ["custom:notes:audit"]
    assert scopes(decide(rights), "server") == [*SERVER, ACCESS, "custom:notes:audit"]


def test_the_applications_roles_and_scopes_are_declared() -> None:
    """The manifests define custom scopes, roles with their groups, and the scopes of the service."""
    decided = decide()

    assert decided["custom_scopes"] == {"custom:notes:read": {"description": "Read notes"}}
    assert {"name": "editor", "scopes": ["custom:notes:write"], "groups": ["editors"]} in decided["load_roles"]
    service = next(role for role in decided["load_roles"] if role["name"] == "fastapi-service")
    assert service["scopes"] == ["read:groups"]
    assert service["services"] == ["fastapi"]


def test_what_the_operator_says_about_a_scope_or_group_holds() -> None:
    """The operator's description of a scope, and members and properties of a group, are kept."""
    present = {
        "custom_scopes": {"custom:notes:read": {"description": "Lire"}, "custom:other": {"description": "Other"}},
        "load_groups": {"guests": {"users": ["mona"], "properties": {"floor": 1}}, "old": ["ada"]},
    }

    decided = decide(present=present)

    assert decided["custom_scopes"] == present["custom_scopes"]
    assert decided["load_groups"] == present["load_groups"]


@pytest.mark.parametrize(
    ("managed", "groups"),
    [
        pytest.param(False, {"guests": {"users": []}}, id="made here, without members"),
        pytest.param(True, {}, id="left to the authenticator, or the Hub would not start"),
    ],
)
def test_groups_are_made_without_members(managed: bool, groups: dict[str, Any]) -> None:  # noqa: FBT001
    """Only groups that no role names need an entry. The Hub creates the others with their role."""
    assert decide(groups_are_managed=managed)["load_groups"] == groups


def test_without_applications_only_access_is_added() -> None:
    """Without applications, no group, custom scope or role is added, except for notebooks."""
    assert decide(Rights()) == {
        "load_roles": [{"name": "server", "scopes": [*SERVER, ACCESS]}],
        "load_groups": {},
        "custom_scopes": {},
        "extra_user_scopes": {ACCESS},
    }


@pytest.mark.parametrize("hub", [5, 6])
@pytest.mark.parametrize("grant", [None, ["staff"]], ids=["all users", "a group"])
def test_deciding_twice_changes_nothing_more(hub: int, grant: list[str] | None) -> None:
    """A second call adds nothing more."""
    once = decide(hub=hub, grant=grant)

    assert decide(present=once, hub=hub, grant=grant) == once


def test_a_second_service_adds_to_the_first() -> None:
    """Each service has its own access scope. An application that runs in both has one role."""
    decided = decide(present=decide(hub=5), hub=5, name="second")

    both = [ACCESS, "access:services!service=second"]
    assert set(both) < set(scopes(decided, "user") or [])
    assert set(both) < set(scopes(decided, "server") or [])
    names = [role["name"] for role in decided["load_roles"]]
    assert sorted(names) == ["editor", "fastapi-service", "second-service", "server", "user"]


def test_a_role_gains_scopes_and_members_and_keeps_its_own() -> None:
    """A role that the operator has defined, too, gets both definitions."""
    present = [{"name": "editor", "description": "Ours", "scopes": ["list:users"], "users": ["ada"], "groups": ["x"]}]

    roles = with_role(present, {"name": "editor", "description": "Theirs", "scopes": ["read:hub"], "groups": ["y"]})

    assert roles == [
        {
            "name": "editor",
            "description": "Ours",
            "scopes": ["list:users", "read:hub"],
            "users": ["ada"],
            "groups": ["x", "y"],
        }
    ]
    assert present[0]["scopes"] == ["list:users"], "what the operator wrote was changed in place"


def test_a_manifest_may_leave_out_anything() -> None:
    """All attributes of a manifest are optional. Several manifests are combined."""
    first = SimpleNamespace(USER_SCOPES=["custom:a"], ROLES=[{"name": "one"}])
    second = SimpleNamespace(USER_SCOPES=["custom:a", "custom:b"], GROUPS=["g"], SERVICE_SCOPES=["read:hub"])

    assert rights_of([first, SimpleNamespace(), second]) == Rights(
        user_scopes=["custom:a", "custom:b"], roles=[{"name": "one"}], groups=["g"], service_scopes=["read:hub"]
    )


# Spawner.server_token_scopes


def at_once(_: object) -> list[str]:
    """Answer like a plain function."""
    return ["read:users!user"]


async def awaited(spawner: object) -> list[str]:
    """Answer like a coroutine function."""
    return at_once(spawner)


def later(spawner: object) -> "concurrent.futures.Future[list[str]]":
    """Answer from a thread."""
    with concurrent.futures.ThreadPoolExecutor() as threads:
        return threads.submit(at_once, spawner)


@pytest.mark.parametrize("asked", [at_once, awaited, later])
async def test_scopes_that_a_callable_asks_for_gain_ours(asked: Callable[[Any], Any]) -> None:
    """A callable may return a list, an awaitable or a Future, as at the Hub."""
    widened = with_token_scopes(asked, [ACCESS])

    assert callable(widened)
    assert await widened(SimpleNamespace()) == ["read:users!user", ACCESS]


async def test_a_callable_that_asks_for_nothing_still_means_the_role_server() -> None:
    """For an empty list the Hub uses the role `server`, so nothing is added to it."""
    widened = with_token_scopes(lambda _: [], [ACCESS])

    assert callable(widened)
    assert await widened(SimpleNamespace()) == []


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        pytest.param(["inherit"], ["inherit", ACCESS], id="set"),
        pytest.param(["read:users!user", ACCESS], ["read:users!user", ACCESS], id="ours among them"),
        pytest.param([], [], id="empty, so that the role server holds"),
    ],
)
def test_a_list_of_token_scopes_gains_ours(present: list[str], expected: list[str]) -> None:
    """A list replaces the role `server`, so our scopes are added to it."""
    assert with_token_scopes(present, [ACCESS]) == expected
