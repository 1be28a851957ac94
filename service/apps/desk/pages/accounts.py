"""Pages of accounts: the team, a new member, one to read and change, their role, and the reader's own account."""

from dataclasses import replace
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from service.apps.desk.domain.policy import MEANINGS, Permission, Role
from service.apps.desk.domain.roles import RoleKeeper
from service.apps.desk.domain.values import Account
from service.apps.desk.http.access import AccountName, OpenDesk, Roles, actor
from service.apps.desk.http.accounts import (
    CHANGES,
    Asked,
    Creator,
    Editor,
    Member,
    MemberNew,
    OwnAccountEditor,
    OwnAccountReader,
    Reader,
    Remover,
    RoleChange,
    RoleGiver,
    create_member,
    member,
)
from service.apps.desk.http.invitations import invite
from service.apps.desk.pages.forms import (
    Draft,
    draft_of,
    filled,
    meant,
    patch_of,
    refused,
    stamp_of,
    submitted,
    version_of,
)
from service.apps.desk.pages.layout import counted, listing, onward, page, question
from service.apps.desk.storage.desk import Desk
from service.auth.context import context_of
from service.errors import ServiceError
from service.hub.models import Identity

router = APIRouter()

_NEW = frozenset(MemberNew.model_fields)
_OWN = ("phone", "email")
_UNSAID = "?"  # no role: the form does not say which one it was opened with


@router.get("/me")
async def read_own(user: OwnAccountReader, request: Request, desk: OpenDesk) -> Response:
    """The reader's own account, with a form for their contacts, and their permissions."""
    account = await desk.accounts.get(actor(user))
    return _own(request, user, account, draft_of(account, _OWN))


@router.post("/me")
async def change_own(user: OwnAccountEditor, request: Request, desk: OpenDesk) -> Response:
    """Change the reader's own contacts."""
    typed = await submitted(request)
    account = await desk.accounts.get(actor(user))
    try:
        patch = patch_of(typed, _OWN, since=account)
        await desk.accounts.change(account.name, patch, version=version_of(typed), by=actor(user))
    except (ValidationError, ServiceError) as error:
        return _own(request, user, account, refused(error, typed, names=_OWN, current=account))
    return onward(request, "me", done="saved")


@router.get("/accounts")
async def find(user: Reader, request: Request, desk: OpenDesk, roles: Roles, query: Asked) -> Response:
    """The team, and what narrows the list."""
    roles_by_name, found = await roles.members(), await desk.accounts.find(counted(query))
    members = [member(account, roles_by_name.get(account.name)) for account in found.items]
    listed = listing(request, query, found, path="accounts")
    return page(request, user, "accounts.html", members=members, **listed)


@router.get("/new-account")
async def new(user: Creator, request: Request) -> Response:
    """An empty form."""
    return _form(request, user, Draft({"role": Role.SUPPORT}))


@router.post("/new-account")
async def create(user: Creator, request: Request, desk: OpenDesk, roles: Roles) -> Response:
    """Create the account, with the role that the form names. Where the Hub has passwords, make a link to set one."""
    typed = await submitted(request)
    try:
        names = _NEW if user.scope_set.covers(Permission.ACCOUNTS_ROLE) else _NEW - {"role"}
        account = await create_member(roles, MemberNew(**meant(typed, names)), by=actor(user))
    except (ValidationError, ServiceError) as error:
        return _form(request, user, refused(error, typed))
    if not context_of(request).settings.password_page:
        return onward(request, _address(account.name), done="created")
    return await _invite(request, user, desk, account)


@router.post("/accounts/{name}/invitation")
async def invite_again(user: Creator, request: Request, desk: OpenDesk, roles: Roles, name: AccountName) -> Response:
    """Make another link by which the person sets their first password."""
    await submitted(request)
    return await _invite(request, user, desk, await _member(desk, roles, name))


async def _invite(request: Request, user: Identity, desk: Desk, account: Member) -> Response:
    """The page with the link, which is shown only this once. Somebody who has a password already gets none."""
    link, refusal = None, ""
    try:
        link = await invite(request, desk, account, by=user)
    except ServiceError as error:  # the account is there, whatever becomes of the link
        refusal = error.detail
    return page(request, user, "invitation.html", account=account, link=link, refusal=refusal)


@router.get("/accounts/{name}")
async def read(user: Reader, request: Request, desk: OpenDesk, roles: Roles, name: AccountName) -> Response:
    """The account; a form for the fields that the reader may change."""
    found = await _member(desk, roles, name)
    return _form(request, user, draft_of(found, tuple(CHANGES)), found=found)


@router.post("/accounts/{name}")
async def change(user: Editor, request: Request, desk: OpenDesk, roles: Roles, name: AccountName) -> Response:
    """Change what was changed in the form, among the fields that the reader may change."""
    typed, found = await submitted(request), await _member(desk, roles, name)
    names = _editable(user)
    try:
        patch = patch_of(typed, names, since=found)
        await roles.change_account(name, patch, version=version_of(typed), by=actor(user))
    except (ValidationError, ServiceError) as error:
        # What the reader may not change is on the page, and not in the form.
        shown = {field: text for field, text in filled(found).items() if field not in names} | typed
        return _form(request, user, refused(error, shown, names=names, current=found), found=found)
    return onward(request, _address(name), done="saved")


@router.post("/accounts/{name}/role")
async def change_role(user: RoleGiver, request: Request, desk: OpenDesk, roles: Roles, name: AccountName) -> Response:
    """Give the role that the form names, or take it, unless somebody else has changed it since the form was opened."""
    typed, found = await submitted(request), await _member(desk, roles, name)
    try:
        new = RoleChange(**meant(typed, {"role"} & typed.keys()))
        await roles.change(name, new.role, by=actor(user), seen=typed.get("seen", _UNSAID))
    except (ValidationError, ServiceError) as error:
        refusal = refused(error, filled(found) | typed)
        as_stored = replace(refusal, stamp=stamp_of(found, tuple(CHANGES)), is_unsaved=False)
        return _form(request, user, as_stored, found=found)
    return onward(request, "me" if name == user.name else _address(name), done="role")


@router.get("/accounts/{name}/delete")
async def ask(user: Remover, request: Request, desk: OpenDesk, name: AccountName) -> Response:
    """The question before the account is deleted."""
    account = await desk.accounts.get(name)
    return _question(request, user, name, Draft({}, stamp_of(account)))


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


def _own(request: Request, user: Identity, account: Account, draft: Draft) -> Response:
    allowed = [MEANINGS[permission] for permission in Permission if user.scope_set.covers(permission)]
    settings = context_of(request).settings
    password = settings.password_page and f"{settings.hub_url}{settings.password_page}"
    return page(request, user, "me.html", draft=draft, account=account, allowed=allowed, password=password)


async def _member(desk: Desk, roles: RoleKeeper, name: str) -> Member:
    return member(await desk.accounts.get(name), await roles.role_of(name))


def _address(name: str) -> str:
    return f"accounts/{quote(name, safe='')}"


def _question(request: Request, user: Identity, name: str, draft: Draft) -> Response:
    back = _address(name)
    warning = "Their role is removed at once. Their user at the Hub stays, and so do their tickets, under their name."
    return question(request, user, draft, noun="account", name=name, back=back, warning=warning)


def _editable(user: Identity) -> list[str]:
    """Return the fields of an account that the reader may change."""
    return [name for name, permission in CHANGES.items() if user.scope_set.covers(permission)]


def _form(request: Request, user: Identity, draft: Draft, *, found: Member | None = None) -> Response:
    address = _address(found.name) if found else "new-account"
    has_passwords = bool(context_of(request).settings.password_page)
    return page(
        request,
        user,
        "account.html",
        found=found,
        editable=_editable(user) if found else [*CHANGES],
        address=address,
        roles=Role,
        has_passwords=has_passwords,
        draft=draft,
    )
