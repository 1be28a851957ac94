"""JupyterHub's sign-in for FastAPI applications. `Hub` brings it to any of them; docs/adopt.md shows how."""

from service.auth.errors import NotAdmittedError
from service.auth.guard import (
    CurrentUser,
    CurrentUserUnvetoed,
    HubAdmin,
    HubAsCaller,
    HubAsService,
    XsrfToken,
    require,
    visitor,
)
from service.auth.hub import Hub
from service.auth.policy import Paths
from service.auth.refusals import Refused
from service.hub.caller import CallerClient
from service.hub.models import Identity

__all__ = [
    "CallerClient",
    "CurrentUser",
    "CurrentUserUnvetoed",
    "Hub",
    "HubAdmin",
    "HubAsCaller",
    "HubAsService",
    "Identity",
    "NotAdmittedError",
    "Paths",
    "Refused",
    "XsrfToken",
    "require",
    "visitor",
]
