"""Accounts: who is on the team, with which role."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from service.apps.desk.domain.fields import OWN
from service.apps.desk.domain.policy import Permission, Role
from service.apps.desk.domain.queries import Page
from service.apps.desk.domain.roles import RoleKeeper
from service.apps.desk.domain.values import Account, AccountChange, AccountNew, OwnContact
from service.apps.desk.http.access import AccountName, OpenDesk, Roles, actor, demand
from service.apps.desk.http.conditional import ExpectedVersion, created, tagged
from service.apps.desk.http.export import Bom, as_csv
from service.apps.desk.http.lists import AccountList, linked, whole
from service.apps.desk.http.openapi import CHANGED, CREATED, CSV, DELETED, LIST, ONE, merge_patch, refusals
from service.auth.guard import require
from service.hub.models import Identity

router = APIRouter()

# The permission that a patch needs for each field.
CHANGES: Mapping[str, Permission] = {
    "first_name": Permission.ACCOUNTS_UPDATE,
    "last_name": Permission.ACCOUNTS_UPDATE,
    "phone": Permission.ACCOUNTS_CONTACT,
    "email": Permission.ACCOUNTS_CONTACT,
    "disabled": Permission.ACCOUNTS_BLOCK,
    "login_denied": Permission.ACCOUNTS_BLOCK,
}

Asked = Annotated[AccountList, Query()]
Creator = Annotated[Identity, require(Permission.ACCOUNTS_CREATE)]
Reader = Annotated[Identity, require(Permission.ACCOUNTS_READ)]
OwnAccountReader = Annotated[Identity, require(Permission.ACCOUNTS_READ_OWN)]
OwnAccountEditor = Annotated[Identity, require(Permission.ACCOUNTS_CONTACT_OWN)]
Editor = Annotated[Identity, require(*sorted(set(CHANGES.values())), mode="any")]
RoleGiver = Annotated[Identity, require(Permission.ACCOUNTS_ROLE)]
Remover = Annotated[Identity, require(Permission.ACCOUNTS_DELETE)]


class Member(Account):
    """An account, and the role that the Hub's groups give it."""

    role: Role | None = Field(examples=[Role.SUPPORT])


class MemberNew(AccountNew):
    """An account to create. Giving it a role also requires `custom:desk:accounts:role`."""

    role: Role | None = Field(None, examples=[Role.SUPPORT])

    @field_validator("name")
    @classmethod
    def _is_not_oneself(cls, name: str) -> str:
        if name == OWN:
            raise ValueError(f"must not be {OWN}, which stands for the caller's own account in addresses")
        return name


class RoleChange(BaseModel):
    """The new role of a person; null for none."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = Field(examples=[Role.MANAGER])


def member(account: Account, role: Role | None) -> Member:
    """Join what the database and the Hub say of a person."""
    return Member(**account.model_dump(), role=role)


async def create_member(roles: RoleKeeper, new: MemberNew, *, by: str) -> Member:
    """Create the account and give the role. If none is named, the person keeps the role that they have at the Hub."""
    account = AccountNew(**new.model_dump(exclude={"role"}))
    role = new.role or await roles.role_of(new.name)  # first: if the Hub fails, nothing must have been created
    return member(await roles.create(account, role=new.role, by=by), role)


@router.get("/accounts", summary="List accounts", responses=LIST)
async def list_accounts(
    _: Reader, request: Request, response: Response, desk: OpenDesk, roles: Roles, query: Asked
) -> Page[Member]:
    """List the accounts of the team, by name unless `sort` says otherwise."""
    roles_by_name, page = await roles.members(), await desk.accounts.find(query)
    members = [member(account, roles_by_name.get(account.name)) for account in page.items]
    shown = Page[Member](items=members, next=page.next, previous=page.previous, count=page.count)
    return linked(request, response, shown, query=query)


@router.get("/accounts.csv", summary="Export accounts", response_class=Response, responses=CSV)
async def export_accounts(_: Reader, desk: OpenDesk, roles: Roles, query: Asked, bom: Bom) -> Response:
    """Return all accounts that match the filter. `limit` and `cursor` are ignored."""
    roles_by_name = await roles.members()
    members = (member(account, roles_by_name.get(account.name)) async for account in desk.accounts.export(whole(query)))
    return await as_csv(members, model=Member, name="accounts.csv", bom=bom)


@router.post("/accounts", summary="Create an account", status_code=201, responses=CREATED | refusals(502))
async def create_account(user: Creator, request: Request, response: Response, roles: Roles, new: MemberNew) -> Member:
    """Create an account for a user of the Hub, and give them the role that the body names, if any."""
    if new.role is not None:
        demand(user, [Permission.ACCOUNTS_ROLE], request)
    made = await create_member(roles, new, by=actor(user))
    return created(request, response, made, key=made.name)


@router.get("/accounts/me", summary="Read your own account", responses=ONE)
async def get_own_account(user: OwnAccountReader, response: Response, desk: OpenDesk, roles: Roles) -> Member:
    """Read the caller's own account."""
    return tagged(response, member(await desk.accounts.get(actor(user)), await roles.role_of(user.name)))


@router.patch(
    "/accounts/me", summary="Change your own contacts", responses=CHANGED, openapi_extra=merge_patch("OwnContact")
)
async def update_own_account(
    user: OwnAccountEditor,
    response: Response,
    desk: OpenDesk,
    roles: Roles,
    version: ExpectedVersion,
    patch: Annotated[OwnContact, Body()],
) -> Member:
    """Change the caller's own phone and e-mail. Null clears a field."""
    role = await roles.role_of(user.name)
    return tagged(
        response, member(await desk.accounts.change(actor(user), patch, version=version, by=actor(user)), role)
    )


@router.get("/accounts/{name}", summary="Read an account", responses=ONE)
async def get_account(_: Reader, response: Response, desk: OpenDesk, roles: Roles, name: AccountName) -> Member:
    """Read an account. The `ETag` does not cover the role, which is kept at the Hub."""
    return tagged(response, member(await desk.accounts.get(name), await roles.role_of(name)))


@router.patch(
    "/accounts/{name}",
    summary="Change an account",
    responses=CHANGED | refusals(502),
    openapi_extra=merge_patch("AccountChange"),
)
async def update_account(
    user: Editor,
    request: Request,
    response: Response,
    roles: Roles,
    name: AccountName,
    version: ExpectedVersion,
    patch: Annotated[AccountChange, Body()],
) -> Member:
    """Change the fields that the patch names. Each needs its permission. Null clears a field.

    Passwords are the Hub's: people change theirs on its page `/hub/change-password`, and administrators of the Hub set
    those of others on its page `/hub/authorize`, where the Hub has accounts with passwords.
    """
    demand(user, needed_for(patch), request)
    role = await roles.role_of(name)  # first: if the Hub fails, nothing must have been changed
    account = await roles.change_account(name, patch, version=version, by=actor(user))
    return tagged(response, member(account, role))


@router.put("/accounts/{name}/role", summary="Change a role", responses=CHANGED | refusals(502))
async def set_role(
    user: RoleGiver, response: Response, desk: OpenDesk, roles: Roles, name: AccountName, new: RoleChange
) -> Member:
    """Change the person's group at the Hub. Fewer rights hold from their next request on, on every device."""
    await roles.change(name, new.role, by=actor(user))
    return tagged(response, member(await desk.accounts.get(name), new.role))


@router.delete("/accounts/{name}", summary="Delete an account", status_code=204, responses=DELETED | refusals(502))
async def delete_account(user: Remover, roles: Roles, name: AccountName, version: ExpectedVersion) -> None:
    """Take the role away and delete the account. The Hub's user stays, and so do their tickets."""
    await roles.delete(name, version=version, by=actor(user))


def needed_for(fields: Iterable[str]) -> set[Permission]:
    """Return the permissions that a change of these fields needs."""
    return {CHANGES[field] for field in fields}
