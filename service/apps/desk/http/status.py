"""The caller's own role, permissions and flags. Anybody who can sign in may ask, even with a disabled account."""

from contextlib import suppress

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from service.apps.desk.domain.policy import Permission, Role, role_of
from service.apps.desk.http.access import OpenDesk
from service.apps.desk.http.openapi import refusals
from service.auth.guard import CurrentUserUnvetoed
from service.auth.identification import identify_since
from service.hub.errors import HubUnavailableError

router = APIRouter()


class DeskStatus(BaseModel):
    """`role` is what the Hub's groups say. `permissions` is what this request's token carries, which may be less."""

    name: str = Field(examples=["support"])
    role: Role | None = Field(examples=[Role.SUPPORT])
    permissions: list[Permission] = Field(examples=[[Permission.TICKETS_READ]])
    disabled: bool = Field(examples=[False])
    login_denied: bool = Field(examples=[False])


@router.get("/status", summary="How you stand with the desk", responses=refusals())
async def get_desk_status(user: CurrentUserUnvetoed, request: Request, desk: OpenDesk) -> DeskStatus:
    """Say which role the caller has, and what may be done with this token."""
    account = await desk.accounts.status(user.name) if user.kind == "user" else None
    # The guard does this on all other routes. This one is open to those whom the desk keeps out, too.
    if account is not None and account.rights_changed_at is not None:
        with suppress(HubUnavailableError):  # its earlier answer serves
            user = await identify_since(request, account.rights_changed_at)
    return DeskStatus(
        name=user.name,
        role=role_of(user.groups),
        permissions=[permission for permission in Permission if user.scope_set.covers(permission)],
        disabled=account is not None and account.disabled,
        login_denied=account is not None and account.login_denied,
    )
