"""A service without sign-in (SERVICE_SIGN_IN=none): who everybody is, and what keeps such a service from starting.

It serves applications that keep nothing. A route that asks who is calling belongs to a service where people sign in.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from service.addresses import is_loopback
from service.application import Configured
from service.auth.guard import Guard
from service.hub.models import Identity
from service.settings import Settings
from service.web.middleware.bodies import calls_of

_PUBLIC = "everybody who can reach it may use it. If that is meant, set SERVICE_SIGN_IN=none-public"


def anonymous_in(settings: Settings, configured: Sequence[Configured]) -> Identity | None:
    """Return who every caller is: nobody in particular, with what the applications let all users do.

    None if people sign in.
    """
    if settings.has_sign_in:
        return None
    scopes = [scope for each in configured for scope in getattr(each.manifest, "USER_SCOPES", ())]
    return Identity(kind="anonymous", name="anonymous", scopes=(*settings.access_scopes, *scopes))


def problems_with(settings: Settings, routers: Sequence[APIRouter]) -> Iterator[str]:
    """Yield what keeps a service without sign-in from starting. `routers`: those that belong to no application."""
    if settings.has_sign_in:
        return
    if settings.sign_in == "none":
        for address in settings.listen:
            if not address.startswith("unix:") and not is_loopback(urlsplit(address).hostname or ""):
                yield f"SERVICE_SIGN_IN: nobody signs in, and at {address} {_PUBLIC}"
        if settings.public_host and not is_loopback(urlsplit(settings.public_host).hostname or ""):
            yield f"SERVICE_SIGN_IN: nobody signs in, and with PUBLIC_HOST {_PUBLIC}"
    if settings.password_grant:
        yield "SERVICE_PASSWORD_GRANT: nobody signs in here (SERVICE_SIGN_IN), so there is no token for a password"
    if settings.shell_sign_in:
        yield "SERVICE_SHELL_SIGN_IN: nobody signs in here (SERVICE_SIGN_IN), so nobody does so at a shell"
    for path in sorted({path for router in routers for path in _guarded(router)}):
        yield f"SERVICE_SIGN_IN: {path} asks who is calling, so people must sign in for it"


def _guarded(router: APIRouter) -> Iterator[str]:
    for context in iter_route_contexts(router.routes):
        if not isinstance(context.original_route, APIRoute | APIWebSocketRoute):
            continue  # `unguarded` refuses these
        if any(isinstance(call, Guard) for call in calls_of(context.dependant)):
            yield context.path or "/"
