"""What the support desk needs from the Hub, as plain data for `service.registration`."""

from service.apps.desk.domain.policy import GRANTS, MEANINGS, Role, group_of

CUSTOM_SCOPES = {str(permission): {"description": meaning} for permission, meaning in MEANINGS.items()}

GROUPS = [group_of(role) for role in Role]

# The Hub makes the groups. The desk, and the Hub's admins, say who is in them.
ROLES = [
    {
        "name": group_of(role),
        "description": f"The support desk's role {role}",
        "scopes": sorted(str(permission) for permission in GRANTS[role]),
        "groups": [group_of(role)],
    }
    for role in Role
]

# To read the age of tokens (for `login_denied`), and to read and change who is in these groups, and no others.
SERVICE_SCOPES = ["read:tokens", *(f"groups!group={group}" for group in GROUPS)]

# Modules that the extra `desk` brings.
NEEDS = ("aiosqlite", "alembic", "asyncpg", "email_validator", "phonenumbers", "sqlalchemy")
