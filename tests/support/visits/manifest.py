"""What counting visits asks of a Hub."""

CUSTOM_SCOPES = {"custom:visits:read": {"description": "See how often this was visited"}}
USER_SCOPES = ["custom:visits:read"]
GROUPS = ["visits-staff"]
OPTIONS = {"visits_at_most": "VISITS_AT_MOST"}
