"""Tickets: what somebody needs help with, who works on it, and its status."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from service.apps.desk.domain.policy import Permission
from service.apps.desk.domain.queries import MAX_PAGE, Page, TicketQuery
from service.apps.desk.domain.values import Employee, Ticket, TicketChange, TicketNew
from service.apps.desk.http.access import OpenDesk, ThingId, actor
from service.apps.desk.http.conditional import ExpectedVersion, created, tagged, unless_known
from service.apps.desk.http.export import Bom, as_csv
from service.apps.desk.http.lists import TicketList, linked, whole
from service.apps.desk.http.openapi import CHANGED, CREATED, CSV, DELETED, LIST, ONE_UNLESS_KNOWN, merge_patch
from service.apps.desk.storage.desk import Desk
from service.apps.desk.storage.tickets import Condition
from service.auth.guard import require
from service.hub.models import Identity

router = APIRouter()

Asked = Annotated[TicketList, Query()]
Creator = Annotated[Identity, require(Permission.TICKETS_CREATE)]
Reader = Annotated[Identity, require(Permission.TICKETS_READ)]
Owner = Annotated[Identity, require(Permission.TICKETS_READ_OWN)]
Editor = Annotated[Identity, require(Permission.TICKETS_UPDATE)]
Remover = Annotated[Identity, require(Permission.TICKETS_DELETE)]


class TicketLine(Ticket):
    """A ticket, and the name of the employee who asked; empty for a caller who may not see employees."""

    employee: str


async def names_of(desk: Desk, user: Identity, ids: Collection[int]) -> Mapping[int, Employee]:
    """Return the employees with these ids, by id; none if the caller may not see employees."""
    return await desk.employees.some(ids) if ids and user.scope_set.covers(Permission.EMPLOYEES_READ) else {}


async def _lines(desk: Desk, user: Identity, tickets: AsyncIterator[Ticket]) -> AsyncIterator[TicketLine]:
    waiting = list[Ticket]()

    async def named() -> list[TicketLine]:
        names = await names_of(desk, user, {ticket.employee_id for ticket in waiting})
        return [
            TicketLine(**ticket.model_dump(), employee=full_name(names.get(ticket.employee_id))) for ticket in waiting
        ]

    async for ticket in tickets:
        waiting.append(ticket)
        if len(waiting) == MAX_PAGE:
            for line in await named():
                yield line
            waiting.clear()
    for line in await named():
        yield line


def full_name(employee: Employee | None) -> str:
    """Return first and last name; an empty string for None."""
    return f"{employee.first_name} {employee.last_name}" if employee else ""


async def by_requester(desk: Desk, user: Identity, query: TicketQuery) -> Condition | None:
    """Return a condition that finds tickets by who asked. None without a text, or if the caller sees no employees."""
    if query.text is None or not user.scope_set.covers(Permission.EMPLOYEES_READ):
        return None
    return await desk.tickets.by_requester(query.text)


@router.get("/tickets", summary="List tickets", responses=LIST)
async def list_tickets(
    user: Reader, request: Request, response: Response, desk: OpenDesk, query: Asked
) -> Page[Ticket]:
    """List tickets, the latest first unless `sort` says otherwise. `text` finds the name of who asked, too."""
    found = await desk.tickets.find(query, or_matching=await by_requester(desk, user, query))
    return linked(request, response, found, query=query)


@router.get("/tickets/mine", summary="List your own tickets", responses=LIST)
async def list_own_tickets(
    user: Owner, request: Request, response: Response, desk: OpenDesk, query: Asked
) -> Page[Ticket]:
    """List the tickets that the caller owns. `owner` is ignored."""
    own = query.model_copy(update={"owner": actor(user)})
    found = await desk.tickets.find(own, or_matching=await by_requester(desk, user, query))
    return linked(request, response, found, query=query)


@router.get("/tickets.csv", summary="Export tickets", response_class=Response, responses=CSV)
async def export_tickets(user: Reader, desk: OpenDesk, query: Asked, bom: Bom) -> Response:
    """Return all tickets that match the filters, with the name of who asked. `limit` and `cursor` are ignored."""
    found = desk.tickets.export(whole(query), or_matching=await by_requester(desk, user, query))
    return await as_csv(_lines(desk, user, found), model=TicketLine, name="tickets.csv", bom=bom)


@router.post("/tickets", summary="Create a ticket", status_code=201, responses=CREATED)
async def create_ticket(user: Creator, request: Request, response: Response, desk: OpenDesk, new: TicketNew) -> Ticket:
    """Create a ticket. It is `open`, and the caller owns it unless `owner` names another member of the team."""
    ticket = await desk.tickets.create(new, by=actor(user))
    return created(request, response, ticket, key=ticket.id)


@router.get("/tickets/{ticket_id}", summary="Read a ticket", response_model=Ticket, responses=ONE_UNLESS_KNOWN)
async def get_ticket(
    _: Reader, request: Request, response: Response, desk: OpenDesk, ticket_id: ThingId
) -> Ticket | Response:
    """Read a ticket."""
    return unless_known(request, response, await desk.tickets.get(ticket_id))


@router.patch(
    "/tickets/{ticket_id}", summary="Change a ticket", responses=CHANGED, openapi_extra=merge_patch("TicketChange")
)
async def update_ticket(
    user: Editor,
    response: Response,
    desk: OpenDesk,
    ticket_id: ThingId,
    version: ExpectedVersion,
    patch: Annotated[TicketChange, Body()],
) -> Ticket:
    """Change the fields that the patch names. Each status may only be followed by some of the others."""
    return tagged(response, await desk.tickets.change(ticket_id, patch, version=version, by=actor(user)))


@router.delete("/tickets/{ticket_id}", summary="Delete a ticket", status_code=204, responses=DELETED)
async def delete_ticket(user: Remover, desk: OpenDesk, ticket_id: ThingId, version: ExpectedVersion) -> None:
    """Delete a ticket. The audit keeps its content."""
    await desk.tickets.delete(ticket_id, version=version, by=actor(user))
