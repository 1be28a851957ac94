"""Pages of accounts: the team, a new member, one to read and change, their role, and the reader's own account."""

from dataclasses import replace
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from service.apps.desk.domain.policy import MEANINGS, Permission, Role
from service.apps.desk.domain.roles import RoleKeeper
from service.apps.desk.http.access import AccountName, OpenDesk, Roles, actor
from service.apps.desk.http.accounts import (
    CHANGES,
    Asked,
    Creator,
    Editor,
    Member,
    MemberNew,
    OwnAccountReader,
    Reader,
    Remover,
    RoleChange,
    RoleGiver,
    create_member,
    member,
)
from service.apps.desk.pages.forms import Draft, filled, meant, patch_of, refused, submitted, version_of
from service.apps.desk.pages.layout import listing, onward, page, question
from service.apps.desk.storage.desk import Desk
from service.auth.context import context_of
from service.errors import ServiceError
from service.hub.models import Identity

router = APIRouter()

_NEW = frozenset(MemberNew.model_fields)


@router.get("/me")
async def read_own(user: OwnAccountReader, request: Request, desk: OpenDesk) -> Response:
    """The reader's own account and permissions."""
    account = await desk.accounts.get(actor(user))
    allowed = [MEANINGS[permission] for permission in Permission if user.scope_set.covers(permission)]
    settings = context_of(request).settings
    password = settings.password_page and f"{settings.hub_url}{settings.password_page}"
    return page(request, user, "me.html", account=account, allowed=allowed, password=password)


@router.get("/accounts")
async def find(user: Reader, request: Request, desk: OpenDesk, roles: Roles, query: Asked) -> Response:
    """The team, and what narrows the list."""
    held, found = await roles.members(), await desk.accounts.find(query)
    members = [member(account, held.get(account.name)) for account in found.items]
    listed = listing(request, query, found, path="accounts")
    return page(request, user, "accounts.html", members=members, **listed)


@router.get("/new-account")
async def new(user: Creator, request: Request) -> Response:
    """An empty form."""
    return _form(request, user, Draft({}))


@router.post("/new-account")
async def create(user: Creator, request: Request, roles: Roles) -> Response:
    """Create the account, with the role that the form names."""
    typed = await submitted(request)
    try:
        names = _NEW if user.scope_set.covers(Permission.ACCOUNTS_ROLE) else _NEW - {"role"}
        account = await create_member(roles, MemberNew(**meant(typed, names)), by=actor(user))
    except (ValidationError, ServiceError) as error:
        return _form(request, user, refused(error, typed))
    return onward(request, _address(account.name), done="created")


@router.get("/accounts/{name}")
async def read(user: Reader, request: Request, desk: OpenDesk, roles: Roles, name: AccountName) -> Response:
    """The account; a form for the fields that the reader may change."""
    found = await _member(desk, roles, name)
    return _form(request, user, Draft(filled(found), found.version), found=found)


@router.post("/accounts/{name}")
async def change(user: Editor, request: Request, desk: OpenDesk, roles: Roles, name: AccountName) -> Response:
    """Change what was changed in the form, among the fields that the reader may change."""
    typed, found = await submitted(request), await _member(desk, roles, name)
    names = [each for each, permission in CHANGES.items() if user.scope_set.covers(permission)]
    try:
        patch = patch_of(typed, names, since=found)
        await roles.change_account(name, patch, version=version_of(typed), by=actor(user))
    except (ValidationError, ServiceError) as error:
        return _form(request, user, refused(error, typed, names=names, current=found), found=found)
    return onward(request, _address(name), done="saved")


@router.post("/accounts/{name}/role")
async def change_role(user: RoleGiver, request: Request, desk: OpenDesk, roles: Roles, name: AccountName) -> Response:
    """Give the role that the form names, or take it."""
    typed, found = await submitted(request), await _member(desk, roles, name)
    try:
        new = RoleChange(**meant(typed, {"role"} & typed.keys()))
        await roles.change(name, new.role, by=actor(user))
    except (ValidationError, ServiceError) as error:
        refusal = refused(error, filled(found) | typed)
        return _form(request, user, replace(refusal, version=found.version), found=found)
    return onward(request, "me" if name == user.name else _address(name), done="role")


@router.get("/accounts/{name}/delete")
async def ask(user: Remover, request: Request, desk: OpenDesk, name: AccountName) -> Response:
    """The question before the account is deleted."""
    account = await desk.accounts.get(name)
    return _question(request, user, name, Draft({}, account.version))


@router.post("/accounts/{name}/delete")
async def delete(user: Remover, request: Request, desk: OpenDesk, roles: Roles, name: AccountName) -> Response:
    """Delete the version that the question was about. The role is removed first."""
    typed = await submitted(request)
    try:
        await roles.delete(name, version=version_of(typed), by=actor(user))
    except ServiceError as error:
        account = await desk.accounts.get(name)
        return _question(request, user, name, refused(error, typed, current=account))
    return onward(request, "accounts", done="deleted")


async def _member(desk: Desk, roles: RoleKeeper, name: str) -> Member:
    return member(await desk.accounts.get(name), await roles.role_of(name))


def _address(name: str) -> str:
    return f"accounts/{quote(name, safe='')}"


def _question(request: Request, user: Identity, name: str, draft: Draft) -> Response:
    back = _address(name)
    warning = "Their role is removed at once. Their user at the Hub stays, and so do their tickets, under their name."
    return question(request, user, draft, noun="account", name=name, back=back, warning=warning)


def _form(request: Request, user: Identity, draft: Draft, *, found: Member | None = None) -> Response:
    editable = [name for name, permission in CHANGES.items() if not found or user.scope_set.covers(permission)]
    address = _address(found.name) if found else "new-account"
    return page(request, user, "account.html", found=found, editable=editable, address=address, roles=Role, draft=draft)
