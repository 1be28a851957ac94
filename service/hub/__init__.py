"""The Hub for any asyncio program: who holds a token, what may they do, and the Hub's REST API.

    from service.hub import HubAuth

What is listed in `__all__` is meant to be imported from here. It is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.errors import ConfigurationError, ServiceError, ThrottledError
    from service.hub.auth import HubAuth
    from service.hub.caller import RestReply
    from service.hub.errors import (
        HubBadRequestError,
        HubConflictError,
        HubForbiddenError,
        HubNotFoundError,
        HubRefusedServiceError,
        HubUnavailableError,
        InvalidTokenError,
    )
    from service.hub.models import Identity
    from service.hub.scopes import Mode, ScopeSet

__all__ = [
    "ConfigurationError",
    "HubAuth",
    "HubBadRequestError",
    "HubConflictError",
    "HubForbiddenError",
    "HubNotFoundError",
    "HubRefusedServiceError",
    "HubUnavailableError",
    "Identity",
    "InvalidTokenError",
    "Mode",
    "RestReply",
    "ScopeSet",
    "ServiceError",
    "ThrottledError",
]

if not TYPE_CHECKING:  # type checkers would take any name for one that is here
    _ELSEWHERE = {
        "ConfigurationError": "service.errors",
        "HubAuth": "service.hub.auth",
        "Identity": "service.hub.models",
        "Mode": "service.hub.scopes",
        "RestReply": "service.hub.caller",
        "ScopeSet": "service.hub.scopes",
        "ServiceError": "service.errors",
        "ThrottledError": "service.errors",
    }

    def __getattr__(name: str) -> object:
        """Load what is listed in `__all__` from its own module."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(_ELSEWHERE.get(name, "service.hub.errors")), name)
        globals()[name] = found
        return found
