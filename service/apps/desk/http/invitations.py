"""Links by which new colleagues set their first password, where the Hub has passwords of its own."""

from urllib.parse import quote, urljoin

from fastapi import APIRouter, Request, Response

from service.apps.desk.domain.policy import Permission
from service.apps.desk.domain.values import Invitation
from service.apps.desk.http.access import AccountName, OpenDesk, Roles, actor, demand
from service.apps.desk.http.accounts import Creator, Member, member
from service.apps.desk.http.openapi import INVITED
from service.apps.desk.storage.desk import Desk
from service.auth.context import context_of
from service.hub.administration import invite as ask_to_invite
from service.hub.errors import InvitationRefusedError
from service.hub.models import Identity

router = APIRouter()


async def invite(request: Request, desk: Desk, account: Member, *, by: Identity) -> Invitation:
    """Have the Hub make a link for somebody who has an account here.

    Raises:
        InsufficientScopeError: the person has a role, and the caller may not give roles.
        InvitationRefusedError: the Hub has no passwords of its own, or makes no link for this person.
    """
    if account.role is not None:  # whoever opens the link has that role then
        demand(by, [Permission.ACCOUNTS_ROLE], request)
    context = context_of(request)
    if not context.settings.password_page:
        raise InvitationRefusedError
    made = await context.auth.hub.ask(ask_to_invite(account.name))
    await desk.accounts.note_invitation(account.name, by=actor(by))
    page = urljoin(str(request.url), f"{context.settings.hub_url}invitation")
    return Invitation(url=f"{page}?key={quote(made.key.get_secret_value())}", expires_at=made.expires_at)


@router.post("/accounts/{name}/invitation", summary="Invite a colleague", status_code=201, responses=INVITED)
async def create_invitation(
    user: Creator, request: Request, response: Response, desk: OpenDesk, roles: Roles, name: AccountName
) -> Invitation:
    """Make a link by which the person sets their first password. It is good once, for a day. Whoever has it can use it.

    For somebody who has a role, the caller also needs `custom:desk:accounts:role`.

    Users of the Hub who have a password, or have used the Hub before, and its administrators get none: 409.
    """
    response.headers["Cache-Control"] = "no-store"
    account = member(await desk.accounts.get(name), await roles.role_of(name))
    return await invite(request, desk, account, by=user)
