"""What the desk's routes take from a request: the open desk, the caller's name, the key of a thing."""

import re
from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Path
from pydantic import BeforeValidator
from starlette.requests import HTTPConnection

from service.application import opened
from service.apps.desk.domain.fields import MAX_ID, SERVICE, can_have_account
from service.apps.desk.domain.policy import Permission
from service.apps.desk.domain.roles import RoleKeeper
from service.apps.desk.errors import NotFoundError
from service.apps.desk.resources import DeskResources
from service.apps.desk.storage.desk import Desk
from service.auth.guard import Guard
from service.hub.models import Identity

_ID = re.compile(r"[1-9][0-9]{0,18}")


def desk_resources(conn: HTTPConnection) -> DeskResources:
    """Return the open desk: its tables, its `RoleKeeper`, and what each role may do."""
    found: DeskResources = opened(conn, "desk")
    return found


async def _desk(conn: HTTPConnection) -> Desk:
    return desk_resources(conn).desk


async def _roles(conn: HTTPConnection) -> RoleKeeper:
    return desk_resources(conn).roles


OpenDesk = Annotated[Desk, Depends(_desk)]
Roles = Annotated[RoleKeeper, Depends(_roles)]


def id_in(text: str) -> int | None:
    """Return the id in a text; None if the text is not an id."""
    return int(text) if _ID.fullmatch(text) and int(text) <= MAX_ID else None


def _possible_id(text: str) -> int:
    """Return the id. Raises NotFoundError, so that what cannot be an id gets 404 and not 422."""
    found = id_in(text)
    if found is None:
        raise NotFoundError
    return found


def _possible_name(value: str) -> str:
    if not can_have_account(value):
        raise NotFoundError
    return value


ThingId = Annotated[int, Path(ge=1, le=MAX_ID, examples=[1]), BeforeValidator(_possible_id)]
AccountName = Annotated[str, Path(examples=["support"]), BeforeValidator(_possible_name)]


def actor(identity: Identity) -> str:
    """Return the caller's name for the audit. A service's has a prefix, so that it is not taken for a user's."""
    return identity.name if identity.kind == "user" else f"{SERVICE}{identity.name}"


def demand(identity: Identity, permissions: Iterable[Permission], conn: HTTPConnection) -> None:
    """Check permissions that depend on the body of a request. Raises InsufficientScopeError as `require` does."""
    Guard(*permissions).check_rights(identity, conn)
