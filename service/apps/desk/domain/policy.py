"""Who may do what at the support desk: the one table from which the Hub's scopes, roles and groups are made.

`policy_file` reads an operator's changes to it.

A permission is a custom scope of the Hub, and a role is a role of the Hub. Members of the team have a role by being in
a group of the Hub. A request may do what its token's scopes say. Standard library only: the Hub's process imports it.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum


class Permission(StrEnum):
    """The permissions, each by the name of its scope."""

    TICKETS_CREATE = "custom:desk:tickets:create"
    TICKETS_READ = "custom:desk:tickets:read"
    TICKETS_READ_OWN = "custom:desk:tickets:read-own"
    TICKETS_UPDATE = "custom:desk:tickets:update"
    TICKETS_DELETE = "custom:desk:tickets:delete"
    EMPLOYEES_CREATE = "custom:desk:employees:create"
    EMPLOYEES_READ = "custom:desk:employees:read"
    EMPLOYEES_UPDATE = "custom:desk:employees:update"
    EMPLOYEES_DELETE = "custom:desk:employees:delete"
    ACCOUNTS_CREATE = "custom:desk:accounts:create"
    ACCOUNTS_READ = "custom:desk:accounts:read"
    ACCOUNTS_READ_OWN = "custom:desk:accounts:read-own"
    ACCOUNTS_CONTACT = "custom:desk:accounts:contact"
    ACCOUNTS_CONTACT_OWN = "custom:desk:accounts:contact-own"
    ACCOUNTS_BLOCK = "custom:desk:accounts:block"
    ACCOUNTS_UPDATE = "custom:desk:accounts:update"
    ACCOUNTS_ROLE = "custom:desk:accounts:role"
    ACCOUNTS_DELETE = "custom:desk:accounts:delete"
    AUDIT_READ = "custom:desk:audit:read"


class Role(StrEnum):
    """The roles of the team, the smallest first: each has all permissions of the one before."""

    SUPPORT = "support"
    MANAGER = "manager"
    ADMIN = "admin"


MEANINGS: Mapping[Permission, str] = {
    Permission.TICKETS_CREATE: "Create tickets",
    Permission.TICKETS_READ: "Read all tickets",
    Permission.TICKETS_READ_OWN: "Read one's own tickets",
    Permission.TICKETS_UPDATE: "Change tickets, and comment on them",
    Permission.TICKETS_DELETE: "Delete tickets",
    Permission.EMPLOYEES_CREATE: "Create employees",
    Permission.EMPLOYEES_READ: "Read employees",
    Permission.EMPLOYEES_UPDATE: "Change employees",
    Permission.EMPLOYEES_DELETE: "Delete employees",
    Permission.ACCOUNTS_CREATE: "Create accounts of the team",
    Permission.ACCOUNTS_READ: "Read the accounts of the team",
    Permission.ACCOUNTS_READ_OWN: "Read one's own account",
    Permission.ACCOUNTS_CONTACT: "Change phone and e-mail of accounts",
    Permission.ACCOUNTS_CONTACT_OWN: "Change one's own phone and e-mail",
    Permission.ACCOUNTS_BLOCK: "Disable accounts, or deny them new sign-ins",
    Permission.ACCOUNTS_UPDATE: "Change the names of accounts",
    Permission.ACCOUNTS_ROLE: "Change the role of accounts",
    Permission.ACCOUNTS_DELETE: "Delete accounts of the team",
    Permission.AUDIT_READ: "Read who changed what",
}

_SUPPORT = frozenset(
    {
        Permission.TICKETS_CREATE,
        Permission.TICKETS_READ,
        Permission.TICKETS_READ_OWN,
        Permission.TICKETS_UPDATE,
        Permission.TICKETS_DELETE,
        Permission.EMPLOYEES_CREATE,
        Permission.EMPLOYEES_READ,
        Permission.ACCOUNTS_READ_OWN,
        Permission.ACCOUNTS_CONTACT_OWN,
    }
)
_MANAGER = _SUPPORT | {
    Permission.EMPLOYEES_UPDATE,
    Permission.EMPLOYEES_DELETE,
    Permission.ACCOUNTS_READ,
    Permission.ACCOUNTS_CONTACT,
    Permission.ACCOUNTS_BLOCK,
}
_ADMIN = _MANAGER | {
    Permission.ACCOUNTS_CREATE,
    Permission.ACCOUNTS_UPDATE,
    Permission.ACCOUNTS_ROLE,
    Permission.ACCOUNTS_DELETE,
    Permission.AUDIT_READ,
}

Grants = Mapping[Role, frozenset[Permission]]
"""The permissions of each role."""

GRANTS: Grants = {Role.SUPPORT: _SUPPORT, Role.MANAGER: _MANAGER, Role.ADMIN: _ADMIN}
"""What each role may do unless the operator says otherwise: see `service.apps.desk.domain.policy_file`."""


def group_of(role: Role) -> str:
    """Return the name of the Hub's group whose members have a role. The Hub's role has the same name."""
    return f"desk-{role}"


def role_of(groups: Collection[str]) -> Role | None:
    """Return the largest role that membership in `groups` gives; None for somebody outside the team."""
    return next((role for role in reversed(Role) if group_of(role) in groups), None)


def allowed(groups: Collection[str], grants: Grants = GRANTS) -> frozenset[Permission]:
    """Return all permissions that membership in `groups` gives. A token may carry fewer."""
    role = role_of(groups)
    return frozenset() if role is None else grants[role]
