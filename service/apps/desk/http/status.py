"""The caller's own role, permissions and flags. Anybody who can sign in may ask, even with a disabled account."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service.apps.desk.domain.policy import Permission, Role, role_of
from service.apps.desk.http.access import OpenDesk
from service.apps.desk.http.openapi import refusals
from service.auth.guard import CurrentUserUnvetoed

router = APIRouter()


class DeskStatus(BaseModel):
    """`role` is what the Hub's groups say. `permissions` is what this request's token carries, which may be less."""

    name: str = Field(examples=["support"])
    role: Role | None = Field(examples=[Role.SUPPORT])
    permissions: list[Permission] = Field(examples=[[Permission.TICKETS_READ]])
    disabled: bool = Field(examples=[False])
    login_denied: bool = Field(examples=[False])


@router.get("/status", summary="How you stand with the desk", responses=refusals())
async def get_desk_status(user: CurrentUserUnvetoed, desk: OpenDesk) -> DeskStatus:
    """Say which role the caller has, and what may be done with this token."""
    account = await desk.accounts.status(user.name) if user.kind == "user" else None
    return DeskStatus(
        name=user.name,
        role=role_of(user.groups),
        permissions=[permission for permission in Permission if user.scope_set.covers(permission)],
        disabled=account is not None and account.disabled,
        login_denied=account is not None and account.login_denied,
    )
