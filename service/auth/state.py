"""What is known of one request while it is judged.

It is kept in the request's ASGI scope, under a key of our own. The scope's `state` is not used. It belongs to the
application, and not every server makes a copy of it for each request, so one request could see another's.
"""

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import HTTPConnection

    from service.auth.context import AuthContext
    from service.auth.credentials import Credential
    from service.auth.guard import Guard
    from service.auth.policy import Policy
    from service.auth.refusals import Refused
    from service.hub.models import Identity

STATE_KEY = "service.auth"
HEAD_KEY = "service.head"  # of a HEAD request that is served as a GET: the scope that is served, and True in that
_OTHERS_KEY = "service.auth.others"  # where one request has to do with two Hubs


class AuthState:
    """The state of one request at one Hub. `bind` makes it.

    `identity`: who calls, once the Hub or Entra ID has said so. `sender`: who sends a body whose XSRF token is still to
    be read. `is_admitted`: whether the vetoes have been asked. `rights_changed_at`: the moment that they named.
    `guards`: those that let the request in; they are asked again while a connection stays open. `set_cookies`:
    Set-Cookie values for the answer. `refusal`: the last that was raised. `returns_form`: whether a refused form is
    shown to its sender again. `ignores_header`: whether the token in the Authorization header is not the Hub's, so that
    a cookie counts. `spoken`: what `identification.speaking` has returned, if the answer must stay.
    `is_by_cookie`: whether a cookie says who calls. `gives_token`: whether the answer may contain the XSRF token.
    `is_wrapped`: whether our middleware completes the answer.
    """

    __slots__ = (
        "context",
        "gives_token",
        "guards",
        "identity",
        "ignores_header",
        "is_admitted",
        "is_by_cookie",
        "is_wrapped",
        "policy",
        "refusal",
        "returns_form",
        "rights_changed_at",
        "sender",
        "set_cookies",
        "spoken",
    )

    def __init__(self, context: "AuthContext", policy: "Policy") -> None:
        self.context = context
        self.policy = policy
        self.identity: Identity | None = None
        self.sender: Identity | None = None
        self.ignores_header = False
        self.spoken: tuple[Credential | None, Identity | None] | None = None
        self.is_admitted = False
        self.rights_changed_at: datetime | None = None
        self.guards: list[Guard] = []
        self.set_cookies: list[str] = []
        self.refusal: Refused | None = None
        self.returns_form = False
        self.is_by_cookie = False
        self.gives_token = False
        self.is_wrapped = False


def bind(scope: MutableMapping[str, Any], context: "AuthContext", policy: "Policy") -> AuthState:
    """Return the state of a request at one Hub; it is made where there is none yet."""
    current: AuthState | None = scope.get(STATE_KEY)
    if current is None:
        state = scope[STATE_KEY] = AuthState(context, policy)
        return state
    if current.context is context:
        return current
    others: dict[int, AuthState] = scope.setdefault(_OTHERS_KEY, {})
    others[id(current.context)] = current
    state = scope[STATE_KEY] = others.get(id(context)) or AuthState(context, policy)
    return state


def find_state(scope: MutableMapping[str, Any]) -> AuthState | None:
    """Return the state of a request, or None before `bind`."""
    state: AuthState | None = scope.get(STATE_KEY)
    return state


def served_scope(scope: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return the scope that the application serves, with its route and state: another one for a HEAD request."""
    served: MutableMapping[str, Any] = scope.get(HEAD_KEY, scope)
    return served


def state_of(conn: "HTTPConnection") -> AuthState:
    """Return the state of a request.

    Raises:
        RuntimeError: no Hub has anything to do with this application.
    """
    state: AuthState | None = conn.scope.get(STATE_KEY)
    if state is None:
        raise RuntimeError("No Hub is installed in this application: call hub.install(app), or use Depends(hub.user).")
    return state
