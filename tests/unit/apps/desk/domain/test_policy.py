"""Who may do what at the desk: the table of permissions, and the roles that groups of the Hub give."""

import pytest

from service.apps.desk.domain.policy import GRANTS, Permission, Role, allowed, group_of, role_of

DESK = {Role.SUPPORT, Role.MANAGER, Role.ADMIN}
LEADING = {Role.MANAGER, Role.ADMIN}
# Who has each permission.
WANTED: dict[str, set[Role]] = {
    "tickets:create": DESK,
    "tickets:read": DESK,
    "tickets:read-own": DESK,
    "tickets:update": DESK,
    "tickets:delete": DESK,
    "employees:create": DESK,
    "employees:read": DESK,
    "employees:update": LEADING,
    "employees:delete": LEADING,
    "accounts:create": {Role.ADMIN},
    "accounts:read": LEADING,
    "accounts:read-own": DESK,
    "accounts:contact": LEADING,
    "accounts:contact-own": DESK,
    "accounts:block": LEADING,
    "accounts:update": {Role.ADMIN},
    "accounts:role": {Role.ADMIN},
    "accounts:delete": {Role.ADMIN},
    "audit:read": {Role.ADMIN},
}


@pytest.mark.parametrize("permission", Permission)
def test_who_may(permission: Permission) -> None:
    """Each permission belongs to the roles in the table, and to no others."""
    name = permission.removeprefix("custom:desk:")

    assert {role for role in Role if permission in GRANTS[role]} == WANTED[name]


def test_the_table_has_no_more() -> None:
    """The table has all permissions, and nothing else."""
    assert set(WANTED) == {permission.removeprefix("custom:desk:") for permission in Permission}


def test_a_larger_role_includes_the_smaller() -> None:
    """Roles are nested, so a person in two groups has exactly the larger role."""
    assert GRANTS[Role.SUPPORT] < GRANTS[Role.MANAGER] < GRANTS[Role.ADMIN]


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ([], None),
        (["desk-support"], Role.SUPPORT),
        (["desk-manager"], Role.MANAGER),
        (["desk-admin"], Role.ADMIN),
        (["desk-support", "desk-admin"], Role.ADMIN),
        (["desk-manager", "desk-support"], Role.MANAGER),
        (["support", "admin", "desk", "desk-", "desk-Admin", "desk-admin "], None),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, list) else str(value),
)
def test_the_role_of_groups(groups: list[str], role: Role | None) -> None:
    """A role comes from the group of its name. Of several the largest counts; other groups give none."""
    assert role_of(groups) == role
    assert allowed(groups) == (GRANTS[role] if role else frozenset())


@pytest.mark.parametrize("role", Role)
def test_a_group_gives_its_role(role: Role) -> None:
    """A member of a role's group has that role."""
    assert role_of([group_of(role)]) is role
