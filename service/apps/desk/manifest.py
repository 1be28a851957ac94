"""What the support desk asks of the Hub, as plain data for `service.registration`."""

from service.apps.desk.domain.policy import GRANTS, MEANINGS, Role, group_of

CUSTOM_SCOPES = {str(permission): {"description": meaning} for permission, meaning in MEANINGS.items()}

GROUPS = [group_of(role) for role in Role]

# The Hub makes the groups; who is in them is for the desk, and for the Hub's admins, to say.
ROLES = [
    {
        "name": group_of(role),
        "description": f"The support desk's role {role}",
        "scopes": sorted(str(permission) for permission in GRANTS[role]),
        "groups": [group_of(role)],
    }
    for role in Role
]

# Since when a token exists (for `login_denied`), and these groups: who is in them, and changing that. No others.
SERVICE_SCOPES = ["read:tokens", *(f"groups!group={group}" for group in GROUPS)]

# Modules that the extra `desk` brings.
NEEDS = ("aiosqlite", "alembic", "asyncpg", "email_validator", "phonenumbers", "sqlalchemy")
