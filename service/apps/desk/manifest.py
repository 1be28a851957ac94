"""What the support desk needs from the Hub, as plain data for `service.registration`."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from service.apps.desk.domain.policy import GRANTS, MEANINGS, Grants, Role, group_of
from service.apps.desk.domain.policy_file import read_policy

CUSTOM_SCOPES = {str(permission): {"description": meaning} for permission, meaning in MEANINGS.items()}

GROUPS = [group_of(role) for role in Role]


def _roles(grants: Grants) -> list[dict[str, Any]]:
    """Return the Hub's roles. The Hub makes their groups. The desk, and the Hub's admins, say who is in them."""
    return [
        {
            "name": group_of(role),
            "description": f"The support desk's role {role}",
            "scopes": sorted(str(permission) for permission in grants[role]),
            "groups": [group_of(role)],
        }
        for role in Role
    ]


ROLES = _roles(GRANTS)

# To read the age of tokens (for `login_denied`), and to read and change who is in these groups, and no others.
SERVICE_SCOPES = ["read:tokens", *(f"groups!group={group}" for group in GROUPS)]

# Keywords of `register()`, and the settings that they become.
OPTIONS = {"desk_admins": "DESK_ADMINS", "desk_policy": "DESK_POLICY"}

# The settings that `configured` reads.
READS = ["DESK_POLICY"]


def configured(told: Mapping[str, str]) -> SimpleNamespace:
    """Return the attributes of this module that these settings change. Raises ValueError, which names the setting."""
    if not told.get("DESK_POLICY"):
        return SimpleNamespace()
    try:
        return SimpleNamespace(ROLES=_roles(read_policy(told["DESK_POLICY"])))
    except ValueError as error:
        raise ValueError(f"DESK_POLICY: {error}") from None


# The modules that the extra `desk` installs.
NEEDS = ("aiosqlite", "alembic", "asyncpg", "email_validator", "phonenumbers", "sqlalchemy")
