"""Pages of tickets: the list, a new one, one to read and change, and the question before one is deleted."""

from collections.abc import Collection
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from service.apps.desk.domain.policy import Permission
from service.apps.desk.domain.transitions import NEXT
from service.apps.desk.domain.values import Employee, EmployeeQuery, Ticket, TicketNew
from service.apps.desk.http.access import OpenDesk, ThingId, actor, id_in
from service.apps.desk.http.tickets import Asked, Creator, Editor, Reader, Remover
from service.apps.desk.pages.forms import Draft, filled, meant, patch_of, refused, submitted, version_of
from service.apps.desk.pages.layout import listing, onward, page, question
from service.apps.desk.storage.desk import Desk
from service.errors import ServiceError
from service.hub.models import Identity

router = APIRouter(prefix="/tickets")

_NEW = ("title", "description", "owner", "employee_id")
_FIELDS = (*_NEW, "status")
_FOUND = 10  # employees shown at most of those that a search finds


@router.get("")
async def find(user: Reader, request: Request, desk: OpenDesk, query: Asked) -> Response:
    """The list, and what narrows it."""
    found = await desk.tickets.find(query)
    asked = {ticket.employee_id for ticket in found.items} | ({query.employee} if query.employee else set())
    names, listed = await _names(desk, user, asked), listing(request, query, found, path="tickets")
    return page(request, user, "tickets.html", tickets=found.items, names=names, **listed)


@router.get("/new")
async def new(user: Creator, request: Request, desk: OpenDesk, employee: str = "") -> Response:
    """An empty form, or one for the employee from whose page the reader comes."""
    return await _form(request, user, desk, Draft({"owner": actor(user), "employee_id": employee}))


@router.post("/new")
async def create(user: Creator, request: Request, desk: OpenDesk) -> Response:
    """Create the ticket, or search for the employee if the form asks for one by name."""
    typed = await submitted(request)
    if typed.get("who", "").strip():
        return await _form(request, user, desk, Draft(typed))
    try:
        ticket = await desk.tickets.create(TicketNew(**meant(typed, _NEW)), by=actor(user))
    except (ValidationError, ServiceError) as error:
        return await _form(request, user, desk, refused(error, typed))
    return onward(request, f"tickets/{ticket.id}", done="created")


@router.get("/{ticket_id}")
async def read(user: Reader, request: Request, desk: OpenDesk, ticket_id: ThingId) -> Response:
    """The ticket; a form if the reader may change it."""
    ticket = await desk.tickets.get(ticket_id)
    return await _form(request, user, desk, Draft(filled(ticket), ticket.version), ticket=ticket)


@router.post("/{ticket_id}")
async def change(user: Editor, request: Request, desk: OpenDesk, ticket_id: ThingId) -> Response:
    """Change what was changed in the form, or search for the employee if it asks for one by name."""
    typed = await submitted(request)
    ticket = await desk.tickets.get(ticket_id)
    if typed.get("who", "").strip():
        return await _form(request, user, desk, Draft(typed, version_of(typed)), ticket=ticket)
    try:
        patch = patch_of(typed, _FIELDS, since=ticket)
        await desk.tickets.change(ticket_id, patch, version=version_of(typed), by=actor(user))
    except (ValidationError, ServiceError) as error:
        return await _form(request, user, desk, refused(error, typed, names=_NEW, current=ticket), ticket=ticket)
    return onward(request, f"tickets/{ticket_id}", done="saved")


@router.get("/{ticket_id}/delete")
async def ask(user: Remover, request: Request, desk: OpenDesk, ticket_id: ThingId) -> Response:
    """The question before the ticket is deleted."""
    ticket = await desk.tickets.get(ticket_id)
    return _question(request, user, ticket, Draft({}, ticket.version))


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


async def _form(
    request: Request, user: Identity, desk: Desk, draft: Draft, *, ticket: Ticket | None = None
) -> Response:
    """The page of a ticket, or of a new one, with the employees that the form's search found."""
    matches = await _matches(desk, user, draft.value("who").strip())
    if draft.value("who").strip() and not matches:
        draft = replace(draft, errors={"who": "Nobody has this name."})
    elif matches:
        only = {"employee_id": str(*matches)} if len(matches) == 1 else {}
        message = "Nothing is saved yet: choose who it was, then save."
        draft = replace(draft, values={**draft.values, **only}, message=message)
    chosen = id_in(draft.value("employee_id"))
    names = await _names(desk, user, {each for each in (chosen, ticket and ticket.employee_id) if each})
    choices = {id_: names[id_] for id_ in (chosen,) if id_ in names} | matches
    return page(
        request,
        user,
        "ticket.html",
        draft=draft,
        ticket=ticket,
        names=names,
        choices=choices,
        first=next(iter(matches), None),
        following=NEXT[ticket.status] if ticket else (),
    )


async def _matches(desk: Desk, user: Identity, who: str) -> dict[int, Employee]:
    if not who or not user.scope_set.covers(Permission.EMPLOYEES_READ):
        return {}
    try:
        found = await desk.employees.find(EmployeeQuery(text=who, limit=_FOUND))
    except ValidationError:  # it cannot be a name, for example because it is too long
        return {}
    return {employee.id: employee for employee in found.items}


async def _names(desk: Desk, user: Identity, ids: Collection[int]) -> dict[int, Employee]:
    """Return these employees, if the reader may see employees."""
    return dict(await desk.employees.some(ids)) if ids and user.scope_set.covers(Permission.EMPLOYEES_READ) else {}
