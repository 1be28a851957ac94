"""What the application needs from the Hub."""

CUSTOM_SCOPES = {
    "custom:visits:read": {"description": "See how often this was visited"},
    "custom:visits:count": {"description": "Count visits of others"},
    "custom:visits:reset": {"description": "Start counting again"},
}
ROLES = [
    {"name": "visits-lead", "scopes": ["custom:visits:read", "custom:visits:count", "custom:visits:reset"]},
    {"name": "visits-clerk", "scopes": ["custom:visits:read", "custom:visits:count"]},
]
USER_SCOPES = ["custom:visits:read"]
GROUPS = ["visits-staff"]
OPTIONS = {"visits_at_most": "VISITS_AT_MOST"}
