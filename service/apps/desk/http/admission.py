"""The desk's vetoes on requests and sign-ins of the whole service: see `desk.domain.admission`."""

from collections.abc import Collection
from datetime import UTC, datetime

from starlette.requests import HTTPConnection

from service.apps.desk.domain import admission
from service.apps.desk.domain.policy import allowed, role_of
from service.apps.desk.http.access import desk_resources
from service.apps.desk.storage.desk import Desk
from service.auth.context import context_of
from service.auth.identification import identify_since
from service.hub.administration import token_created
from service.hub.models import Identity


async def admit(identity: Identity, conn: HTTPConnection) -> datetime | None:
    """Refuse disabled accounts, and new tokens of people who may not sign in. Returns when their rights last changed.

    Services are let in. For a user, the database is asked once. Raises as `domain.admission.check`.
    """
    if identity.kind != "user":
        return None
    desk = desk_resources(conn).desk
    status = await desk.accounts.status(identity.name)
    if status is None:
        return await _newcomer(identity, conn, desk) if role_of(identity.groups) else None
    hub = context_of(conn).auth.hub
    await admission.check(
        status,
        name=identity.name,
        token_id=identity.token_id,
        ask=lambda name, token_id: hub.ask(token_created(name, token_id)),
    )
    return status.rights_changed_at


async def admit_sign_in(identity: Identity, conn: HTTPConnection) -> None:
    """Refuse to sign in a person who is not allowed to. Raises LoginDeniedError."""
    if identity.kind == "user":
        admission.check_sign_in(await desk_resources(conn).desk.accounts.status(identity.name))


def entitled(identity: Identity, conn: HTTPConnection) -> Collection[str]:
    """Return the permissions of the role that the caller's groups give."""
    return allowed(identity.groups, desk_resources(conn).grants)


async def _newcomer(identity: Identity, conn: HTTPConnection, desk: Desk) -> datetime:
    """Create an account for a person who has only a role, if the Hub says that they still have it. Returns the time.

    Somebody has put the person into a group on the Hub's own page, or has just deleted their account here.
    """
    now = datetime.now(UTC)
    if role_of((await identify_since(conn, now)).groups):
        await desk.accounts.ensure(identity.name, by=identity.name)
    return now
