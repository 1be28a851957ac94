"""What authentication needs as long as the process lives."""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from service.hub.attempts import PasswordAttempts
from service.hub.auth import HubAuth
from service.hub.client import HubClient
from service.hub.oauth import Client
from service.hub.sealing import Sealer
from service.hub.throttle import Throttle
from service.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthContext:
    """What `context_of` finds in every request.

    `count_sign_in` counts a session or token by the way it was begun, `count_problem` an error by its code.
    """

    settings: Settings
    oauth: Client
    hub: HubClient
    auth: HubAuth
    throttle: Throttle
    passwords: PasswordAttempts
    state_sealer: Sealer
    session_sealer: Sealer
    link_sealer: Sealer
    xsrf_key: bytes = field(repr=False)
    count_sign_in: Callable[[str], None] = field(repr=False)
    count_problem: Callable[[str], None] = field(repr=False)


def context_of(conn: HTTPConnection) -> AuthContext:
    """The process's AuthContext."""
    context: AuthContext = conn.scope["state"]["context"]
    return context
