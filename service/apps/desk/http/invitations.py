"""Links by which new colleagues set their first password, where the Hub has passwords of its own."""

from urllib.parse import quote, urljoin

from fastapi import APIRouter, Request, Response

from service.apps.desk.domain.values import Invitation
from service.apps.desk.http.access import AccountName, OpenDesk, actor
from service.apps.desk.http.accounts import Creator
from service.apps.desk.http.openapi import INVITED
from service.apps.desk.storage.desk import Desk
from service.auth.context import context_of
from service.hub.administration import invite as ask_to_invite
from service.hub.errors import InvitationRefusedError

router = APIRouter()


async def invite(request: Request, desk: Desk, name: str, *, by: str) -> Invitation:
    """Have the Hub make a link for somebody who has an account here.

    Raises:
        NotFoundError: there is no such account.
        InvitationRefusedError: the Hub has no passwords of its own, or makes no link for this person.
    """
    await desk.accounts.get(name)
    context = context_of(request)
    if not context.settings.password_page:
        raise InvitationRefusedError
    made = await context.auth.hub.ask(ask_to_invite(name))
    await desk.accounts.note_invitation(name, by=by)
    page = urljoin(str(request.url), f"{context.settings.hub_url}invitation")
    return Invitation(url=f"{page}?key={quote(made.key.get_secret_value())}", expires_at=made.expires_at)


@router.post("/accounts/{name}/invitation", summary="Invite a colleague", status_code=201, responses=INVITED)
async def create_invitation(
    user: Creator, request: Request, response: Response, desk: OpenDesk, name: AccountName
) -> Invitation:
    """Make a link by which the person sets their first password. It is good once, for a day. Whoever has it can use it.

    Users of the Hub who have a password, or have used the Hub before, and its administrators get none: 409.
    """
    response.headers["Cache-Control"] = "no-store"
    return await invite(request, desk, name, by=actor(user))
