"""Pages of tickets: the list, a new one, one with its comments, and the question before one is deleted."""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from service.apps.desk.domain.policy import Permission
from service.apps.desk.domain.queries import CommentQuery, EmployeeQuery, Page
from service.apps.desk.domain.transitions import NEXT
from service.apps.desk.domain.values import Comment, CommentNew, Employee, Ticket, TicketNew
from service.apps.desk.errors import InvalidCursorError
from service.apps.desk.http.access import OpenDesk, ThingId, actor, id_in
from service.apps.desk.http.tickets import Asked, Creator, Editor, Reader, Remover, by_requester, names_of
from service.apps.desk.pages.forms import Draft, draft_of, meant, patch_of, refused, stamp_of, submitted, version_of
from service.apps.desk.pages.layout import counted, listing, onward, page, question
from service.apps.desk.storage.desk import Desk
from service.errors import ServiceError
from service.hub.models import Identity

router = APIRouter(prefix="/tickets")

_NEW = ("title", "description", "owner", "employee_id")
_FIELDS = (*_NEW, "status")
_FOUND = 10  # employees of a search that are shown, at most
_MORE = f" Only the first {_FOUND} are shown: type more of the name."
_COMMENTS = 20  # on one page of a ticket


@router.get("")
async def find(user: Reader, request: Request, desk: OpenDesk, query: Asked) -> Response:
    """The list, and what narrows it."""
    found = await desk.tickets.find(counted(query), or_matching=await by_requester(desk, user, query))
    asked = {ticket.employee_id for ticket in found.items} | ({query.employee} if query.employee else set())
    names, listed = await names_of(desk, user, asked), listing(request, query, found, path="tickets")
    owners = await desk.accounts.owners()
    is_new = not found.items and not await desk.employees.has_any()
    return page(request, user, "tickets.html", tickets=found.items, names=names, owners=owners, is_new=is_new, **listed)


@router.get("/new")
async def new(user: Creator, request: Request, desk: OpenDesk, employee: str = "") -> Response:
    """An empty form, or one for the employee from whose page the reader comes."""
    return await show(request, user, desk, Draft({"owner": actor(user), "employee_id": employee}))


@router.post("/new")
async def create(user: Creator, request: Request, desk: OpenDesk) -> Response:
    """Create the ticket, or search for the employee if the form asks for one by name."""
    typed = await submitted(request)
    if typed.get("who", "").strip():
        return await show(request, user, desk, Draft(typed))
    try:
        ticket = await desk.tickets.create(TicketNew(**meant(typed, _NEW)), by=actor(user))
    except (ValidationError, ServiceError) as error:
        return await show(request, user, desk, refused(error, typed))
    return onward(request, f"tickets/{ticket.id}", done="created")


@router.get("/{ticket_id}")
async def read(user: Reader, request: Request, desk: OpenDesk, ticket_id: ThingId, comments: str = "") -> Response:
    """The ticket, as a form if the reader may change it, and its comments. `comments`: the cursor of others."""
    ticket = await desk.tickets.get(ticket_id)
    return await show(request, user, desk, draft_of(ticket, _NEW), ticket=ticket, comments=comments)


@router.post("/{ticket_id}")
async def change(user: Editor, request: Request, desk: OpenDesk, ticket_id: ThingId) -> Response:
    """Change what was changed in the form, or search for the employee if it asks for one by name."""
    typed = await submitted(request)
    ticket = await desk.tickets.get(ticket_id)
    if typed.get("who", "").strip():
        return await show(request, user, desk, Draft(typed, typed.get("version", "")), ticket=ticket)
    try:
        patch = patch_of(typed, _FIELDS, since=ticket)
        await desk.tickets.change(ticket_id, patch, version=version_of(typed), by=actor(user))
    except (ValidationError, ServiceError) as error:
        return await show(request, user, desk, refused(error, typed, names=_NEW, current=ticket), ticket=ticket)
    return onward(request, f"tickets/{ticket_id}", done="saved")


@router.post("/{ticket_id}/comments")
async def comment(user: Editor, request: Request, desk: OpenDesk, ticket_id: ThingId) -> Response:
    """Add a comment."""
    typed = await submitted(request)
    ticket = await desk.tickets.get(ticket_id)
    try:
        await desk.comments.add(ticket_id, CommentNew(text=typed.get("text", "")), by=actor(user))
    except (ValidationError, ServiceError) as error:
        answer = refused(error, typed)
        return await show(request, user, desk, draft_of(ticket, _NEW), ticket=ticket, answer=answer)
    return onward(request, f"tickets/{ticket_id}", done="commented", part="comments")


@router.get("/{ticket_id}/delete")
async def ask(user: Remover, request: Request, desk: OpenDesk, ticket_id: ThingId) -> Response:
    """The question before the ticket is deleted."""
    ticket = await desk.tickets.get(ticket_id)
    return _question(request, user, ticket, Draft({}, stamp_of(ticket)))


@router.post("/{ticket_id}/delete")
async def delete(user: Remover, request: Request, desk: OpenDesk, ticket_id: ThingId) -> Response:
    """Delete the version that the question was about."""
    typed = await submitted(request)
    try:
        await desk.tickets.delete(ticket_id, version=version_of(typed), by=actor(user))
    except ServiceError as error:
        ticket = await desk.tickets.get(ticket_id)
        return _question(request, user, ticket, refused(error, typed, current=ticket))
    return onward(request, "tickets", done="deleted")


def _question(request: Request, user: Identity, ticket: Ticket, draft: Draft) -> Response:
    back = f"tickets/{ticket.id}"
    return question(
        request, user, draft, noun="ticket", name=ticket.title, back=back, warning="The audit keeps its content."
    )


async def show(
    request: Request,
    user: Identity,
    desk: Desk,
    draft: Draft,
    *,
    ticket: Ticket | None = None,
    comments: str = "",
    answer: Draft | None = None,
) -> Response:
    """The page of a ticket and its comments, or of a new one, with the employees that the form's search found.

    `answer`: the form of a comment that was refused.
    """
    matches, has_more = await _matches(desk, user, draft.value("who").strip())
    if draft.value("who").strip() and not matches:
        draft = replace(draft, errors={"who": "Nobody has this name."}, missing="employee", is_unsaved=True)
    elif matches:
        only = {"employee_id": str(*matches)} if len(matches) == 1 else {}
        message = f"Nothing is saved yet: choose who it was, then save.{_MORE if has_more else ''}"
        draft = replace(draft, values={**draft.values, **only}, message=message, is_unsaved=True)
    chosen = id_in(draft.value("employee_id"))
    names = await names_of(desk, user, {each for each in (chosen, ticket and ticket.employee_id) if each})
    return page(
        request,
        user,
        "ticket.html",
        draft=replace(draft, status_code=answer.status_code) if answer else draft,
        ticket=ticket,
        names=names,
        choices={id_: employee for id_, employee in names.items() if id_ == chosen} | matches,
        first=next(iter(matches), None),
        following=NEXT[ticket.status] if ticket else (),
        owners=await desk.accounts.owners(),
        answer=answer or Draft({}),
        # The browser scrolls to the comments, so the message must be there.
        commented=request.query_params.get("done") == "commented",
        comments=await _comments(desk, ticket.id, comments) if ticket else None,
    )


async def _comments(desk: Desk, ticket_id: int, cursor: str) -> Page[Comment]:
    """Return the latest comments, or those at the cursor; the oldest comes first."""
    try:
        query = CommentQuery(sort="-created", limit=_COMMENTS, cursor=cursor or None, count=True)
    except ValidationError:  # longer than any of ours
        raise InvalidCursorError from None
    found = await desk.comments.find(ticket_id, query)
    return found.model_copy(update={"items": found.items[::-1]})


async def _matches(desk: Desk, user: Identity, who: str) -> tuple[dict[int, Employee], bool]:
    """Return employees by id, and whether there are more."""
    if not who or not user.scope_set.covers(Permission.EMPLOYEES_READ):
        return {}, False
    try:
        found = await desk.employees.find(EmployeeQuery(text=who, limit=_FOUND))
    except ValidationError:  # it cannot be a name, for example because it is too long
        return {}, False
    return {employee.id: employee for employee in found.items}, found.next is not None
