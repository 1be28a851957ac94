"""How the caller stands with the desk; asked by anybody whom the service lets in, also by who is kept out elsewhere."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service.apps.desk.domain.policy import Permission, Role, role_of
from service.apps.desk.http.access import OpenDesk
from service.apps.desk.http.openapi import refusals
from service.auth.guard import CurrentUserUnvetoed

router = APIRouter()


class Status(BaseModel):
    """`role` is what the Hub's groups say, `permissions` what the token of this request may: it may be narrower."""

    name: str = Field(examples=["support"])
    role: Role | None = Field(examples=[Role.SUPPORT])
    permissions: list[Permission] = Field(examples=[[Permission.TICKETS_READ]])
    disabled: bool = Field(examples=[False])
    login_denied: bool = Field(examples=[False])


@router.get("/status", summary="How you stand with the desk", responses=refusals())
async def status(user: CurrentUserUnvetoed, desk: OpenDesk) -> Status:
    """Say which role the caller has, and what may be done with this token."""
    standing = await desk.accounts.standing(user.name) if user.kind == "user" else None
    return Status(
        name=user.name,
        role=role_of(user.groups),
        permissions=[permission for permission in Permission if user.held.covers(permission)],
        disabled=standing is not None and standing.disabled,
        login_denied=standing is not None and standing.login_denied,
    )
